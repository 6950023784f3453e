//! docs/hostile.md lists every behaviour: what stands there is what is tested.

use super::behaviour::{At, Behaviour};
use super::{SHELVES, Shelf};

const PAGE: &str = include_str!("../../../../docs/hostile.md");
/// What follows it is written by the test: `SNAPSHOTS=overwrite cargo test --test it listed`.
const TABLES: &str = "<!-- The tables below are checked, and written, by tests/it/hostile/web/listed.rs. -->\n";

fn behaviours(shelf: Shelf) -> Vec<Behaviour> {
    shelf(&At { port: 80, forbidden: 81 })
}

/// How the URLs end that the behaviour is about: all but the honest ones, if there are others.
fn main_ends(behaviour: &Behaviour) -> String {
    let honest = ["/", "/after", "/end"].map(|path| behaviour.url(path));
    let mut ends: Vec<&str> = Vec::new();
    let first = behaviour.ends.get_key_value(&behaviour.url("/x"));
    let others = behaviour.ends.iter().filter(|(url, ends)| !honest.contains(url) || *ends != "page 200");
    for (_, end) in first.into_iter().chain(others) {
        if !ends.contains(&end.as_str()) {
            ends.push(end);
        }
    }
    ends.iter().map(|end| format!("`{end}`")).collect::<Vec<_>>().join(", ")
}

fn table(title: &str, test: &str, shelf: Shelf) -> String {
    let rows = behaviours(shelf).iter().map(row).collect::<String>();
    format!(
        "\n## {title}\n\nTest: `hostile::web::alone::{test}`\n\n| behaviour | the server | the crawl | ends as |\n\
         |---|---|---|---|\n{rows}"
    )
}

fn row(behaviour: &Behaviour) -> String {
    let Behaviour { name, server, crawl, .. } = behaviour;
    let row = format!("| `{name}` | {server} | {crawl} | {} |\n", main_ends(behaviour));
    assert_eq!(row.matches('|').count(), 5, "{row}");
    row
}

#[test]
fn every_behaviour_is_listed() {
    let (prose, _) = PAGE.split_once(TABLES).expect("the line before the tables");
    let tables: String = SHELVES.iter().map(|(title, test, shelf)| table(title, test, *shelf)).collect();
    let expected = format!("{prose}{TABLES}{tables}");
    if std::env::var("SNAPSHOTS").is_ok_and(|wish| wish == "overwrite") {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hostile.md");
        return std::fs::write(path, expected).unwrap();
    }
    let missing: Vec<&str> = expected.lines().filter(|line| !PAGE.contains(line)).collect();
    let surplus: Vec<&str> = PAGE.lines().filter(|line| !expected.contains(line)).collect();
    assert!(PAGE == expected, "docs/hostile.md lacks {missing:#?}\nand has {surplus:#?}");
}

#[test]
fn there_are_enough_of_them_each_with_a_name_of_its_own() {
    let all: Vec<Behaviour> = SHELVES.iter().flat_map(|(_, _, shelf)| behaviours(*shelf)).collect();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|behaviour| behaviour.name).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.len() >= 300, "{}", all.len());
}
