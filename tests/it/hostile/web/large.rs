//! Pages as large as they may be, on many hosts at once: trees take many times the memory of what
//! they are parsed from, and stand outside the budget of bodies. (Without optimisation the deadline of
//! a parse comes before a tree has its full size.)

use super::behaviour::{At, Behaviour};
use super::place::Place;
use super::run::Run;
use super::{MOST_TIME, PATIENT, arguments, seeds};

/// What a crawl of such pages may take. On a machine with two cores two trees at a time took 390 MB.
const MOST_BYTES: u64 = 260_000_000;

fn shelf(at: &At) -> Vec<Behaviour> {
    let html = "<p>x".repeat(2_400_000);
    ["a", "b", "c", "d"].map(|name| Behaviour::new(at, name, "", "").page("/x", &html)).to_vec()
}

#[test]
fn large_pages_are_parsed_one_at_a_time() {
    let place = Place::open(&[shelf]);
    let all = place.behaviours.iter().flat_map(seeds);
    let mut crawl = Run::start("large pages", MOST_TIME, &arguments(&[&PATIENT, &["--retries", "0"]], all));
    crawl.finish(0, |_| Err("it must end by itself".to_owned()));
    let (time, bytes) = crawl.figures();
    println!("{} s, {} MB", time.as_secs(), bytes / 1_000_000);
    assert!(bytes <= MOST_BYTES, "{} MB", bytes / 1_000_000);
}
