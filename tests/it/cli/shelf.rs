//! A web of fixed answers on loopback, for crawls by the real binary.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::{Ran, run, sqrawl};

/// Header lines and body.
pub(super) type Answer = (String, Vec<u8>);

type Answers = Arc<Mutex<HashMap<String, Answer>>>;

/// Answers by `host/path`; anything else is 404. Names below `localhost` all lead here.
pub(super) struct Shelf {
    pub(super) port: u16,
    answers: Answers,
    log: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

impl Shelf {
    /// Serves what `fill` puts in; it is told the port.
    pub(super) fn open(fill: impl FnOnce(u16) -> HashMap<String, Answer>) -> Shelf {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers: Answers = Arc::new(Mutex::new(fill(port)));
        let shelf = Shelf { port, answers: Arc::clone(&answers), log: Arc::default(), folder: TempDir::new().unwrap() };
        let log = Arc::clone(&shelf.log);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                thread::spawn(move || serve(&stream, &answers, &log));
            }
        });
        shelf
    }

    /// From now on this is what is answered; `None`: 404.
    pub(super) fn change(&self, name: &str, answer: Option<Answer>) {
        let mut answers = self.answers.lock().unwrap();
        match answer {
            Some(answer) => answers.insert(name.to_owned(), answer),
            None => answers.remove(name),
        };
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What was asked for since the last time, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        run(sqrawl(self.path()).args(args))
    }

    /// A crawl that ends well.
    pub(super) fn crawl(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        ran
    }

    /// The rows of a query, each as one line of values.
    pub(super) fn rows(&self, sql: &str) -> Vec<String> {
        let ran = self.crawl(&["query", "--json", sql]);
        let rows: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
        let shown = |value: &Value| match value {
            Value::String(text) => text.replace(&format!(":{}", self.port), ""),
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        rows.iter().map(|row| row.as_object().unwrap().values().map(shown).collect::<Vec<_>>().join(" ")).collect()
    }
}

fn serve(mut stream: &TcpStream, answers: &Mutex<HashMap<String, Answer>>, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let host = head.iter().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        let name = format!("{}{}", host.split(':').next().unwrap(), first.split(' ').nth(1).unwrap());
        let answer = answers.lock().unwrap().get(&name).cloned();
        let (status, (headers, body)) = match answer {
            Some(answer) if answer.0.starts_with("location") => ("301 Moved", answer),
            Some(answer) => ("200 OK", answer),
            None => ("404 Not Found", (String::new(), Vec::new())),
        };
        log.lock().unwrap().push(name);
        let headers = if headers.is_empty() { headers } else { headers + "\r\n" };
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}
