//! A host with as many robots.txt files as it has ports, each as large as one may be, and not short of
//! rules. Every port is an origin of its own (RFC 9309 2.3), and scope `host` takes them all.

use std::time::Duration;

use super::behaviour::{At, Behaviour, ok};
use super::place::Place;
use super::run::Run;
use super::{PATIENT, arguments};

const PORTS: usize = 90;
/// Ports that are come back to when the files of all others have been read.
const AGAIN: usize = 6;

/// Without optimisation reading such a file takes half a second.
const MOST_TIME: Duration = Duration::from_secs(400);

/// 24,200 lines, each of which is two rules (as in Google's parser); the shortest is the one that counts.
fn rules() -> String {
    let rules: String = (0..24_200).map(|n| format!("Allow:{n:x}/index.htm\n")).collect();
    let text = format!("User-agent: *\nDisallow:/x\n{rules}");
    assert!((500_000..512_000).contains(&text.len()), "{}", text.len());
    text
}

fn shelf(at: &At) -> Vec<Behaviour> {
    let file = ok("200 OK", "text/plain", rules());
    let new = Behaviour::new(at, "ports", "", "").answers("/robots.txt", file);
    vec![new.asked("/robots.txt", PORTS).asked("/x", 0).asked("/after", AGAIN)]
}

/// The rules of all of them were kept, and read again for every lease.
#[test]
fn a_robots_txt_for_every_port_was_kept() {
    let place = Place::open(&[shelf]);
    let host = &place.behaviours[0];
    let mut ports = place.more_ports(PORTS - 1);
    ports.push(host.at.port);
    let url = |port: &u16, path| format!("http://{}:{port}{path}", host.host());
    let first = ports.iter().map(|port| url(port, "/"));
    let again = ports.iter().take(AGAIN).flat_map(|port| [url(port, "/x"), url(port, "/after")]);
    let flags: &[&str] = &["--retries", "0", "--max-depth", "0"];
    let args = arguments(&[&PATIENT, flags], first.chain(again));
    let mut crawl = Run::start("a robots.txt for every port", MOST_TIME, &args);
    crawl.finish(0, |_| Err("it must end by itself".to_owned()));
    let (time, bytes) = crawl.figures();
    println!("{} s, {} MB", time.as_secs(), bytes / 1_000_000);
    place.check_requests(host).unwrap();
    let found = crawl.ask(&["query", "--json", "SELECT outcome, count(*) AS n FROM fetches GROUP BY 1 ORDER BY 1"]);
    let expected = format!(r#"[{{"outcome":"page","n":{}}},{{"outcome":"robots","n":{AGAIN}}}]"#, PORTS + AGAIN);
    assert_eq!(found.split_whitespace().collect::<String>(), expected);
}
