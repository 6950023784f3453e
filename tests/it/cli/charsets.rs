//! Every label of the Encoding standard, served: the titles in the database are the titles that were meant.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::shelf::{Answer, Shelf};

/// Name, title, bytes of the title in hexadecimal, labels; parted by tabs.
const LABELS: &str = include_str!("../../../src/parse/tests/labels.txt");

/// A page for each label in the header, and one for each label in a meta element, linked from `/`.
fn pages(_port: u16) -> HashMap<String, Answer> {
    let mut shelf = HashMap::new();
    let mut home = String::from("<title>Labels</title>");
    for line in LABELS.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let bytes: Vec<u8> =
            (0..cells[2].len()).step_by(2).map(|at| u8::from_str_radix(&cells[2][at..at + 2], 16).unwrap()).collect();
        let wide = |text: &str| -> Vec<u8> {
            match cells[0] {
                "UTF-16LE" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                "UTF-16BE" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                _ => text.as_bytes().to_vec(),
            }
        };
        let page = |before: &str| [&*wide(&format!("{before}<title>")), &bytes, &*wide("</title>")].concat();
        for label in cells[3].split(' ') {
            let name = label.replace(':', "-");
            let header = format!("content-type: text/html; charset={label}");
            shelf.insert(format!("labels.localhost/header/{name}"), (header, page("")));
            let _ = write!(home, "<a href=/header/{name}>");
            if !["UTF-16LE", "UTF-16BE", "x-user-defined"].contains(&cells[0]) {
                let meta = page(&format!("<meta charset={label}>"));
                shelf.insert(format!("labels.localhost/meta/{name}"), ("content-type: text/html".to_owned(), meta));
                let _ = write!(home, "<a href=/meta/{name}>");
            }
        }
    }
    shelf.insert("labels.localhost/".to_owned(), ("content-type: text/html".to_owned(), home.into_bytes()));
    shelf
}

#[test]
fn served_pages_have_the_titles_that_were_meant() {
    let shelf = Shelf::open(pages);
    shelf.crawl(&["crawl", &format!("http://labels.localhost:{}/", shelf.port), "--allow-net=127.0.0.0/8"]);
    let mut expected = Vec::new();
    for line in LABELS.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let title = if cells[0] == "replacement" { "-" } else { cells[1] };
        for label in cells[3].split(' ').map(|label| label.replace(':', "-")) {
            expected.push(format!("/header/{label} {} {title}", cells[0].to_ascii_lowercase()));
            if !["UTF-16LE", "UTF-16BE", "x-user-defined"].contains(&cells[0]) {
                expected.push(format!("/meta/{label} {} {title}", cells[0].to_ascii_lowercase()));
            }
        }
    }
    expected.sort();
    let mut found = shelf.rows(
        "SELECT substr(p.url, instr(substr(p.url, 8), '/') + 7) AS path, c.charset, c.title FROM pages p
         JOIN contents c ON c.id = p.content_id WHERE p.depth = 1",
    );
    found.sort();
    assert!(expected.len() > 440, "{}", expected.len());
    assert_eq!(found, expected);
}
