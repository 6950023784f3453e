//! One page, now and as it was.

use serde_json::{Value, json};

use super::World;

#[test]
fn a_page_is_shown_as_it_was() {
    let world = World::crawled_twice();
    let news = world.url("news");
    let facts = world.json(&["show", &news]);
    let versions = &facts["versions"];
    assert_eq!(versions["count"], 2, "{facts:#}");
    let titles: Vec<&Value> = versions["versions"].as_array().unwrap().iter().map(|v| &v["title"]).collect();
    assert_eq!(titles, ["News of June", "News of May"]);
    // Between the two: when the later one was first seen, less a millisecond.
    let later = versions["versions"][0]["first_ms"].as_i64().unwrap();
    let then = world.run(&[
        "query",
        "-f",
        "csv",
        &format!("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', {} / 1000.0, 'unixepoch')", later - 1),
    ]);
    let then = then.out.lines().nth(1).unwrap().trim().to_owned();

    let text = |args: &[&str]| world.run(&[&["show", &news], args].concat());
    assert!(text(&["--text"]).out.contains("summer"));
    assert!(text(&["--text", "--at", &then]).out.contains("spring"));
    assert!(text(&["--body", "--at", &then]).out.contains("<title>News of May</title>"));
    assert!(text(&["--headers", "--at", &then]).out.contains("content-length: "));
    let was = world.json(&["show", &news, "--at", &then]);
    assert_eq!((&was["page"]["title"], &was["versions"]["count"]), (&json!("News of May"), &json!(1)));
    assert_eq!((&was["attempt_count"], &was["page"]["stale"]), (&json!(1), &json!(false)));
    assert!(text(&["--at", &then]).out.contains("as of        20"));

    let gone = world.json(&["show", &world.url("old")]);
    assert_eq!((&gone["page"]["stale"], &gone["versions"]["count"]), (&json!(true), &json!(1)));
    let before = world.run(&["show", &news, "--text", "--at", "2001-01-01"]);
    assert!(before.code == Some(1) && before.err.contains("had given no page by then"), "{}", before.err);
    let wrong = world.run(&["show", &news, "--at", "soon"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("--at soon: neither a date"), "{}", wrong.err);
}

#[test]
fn copies_and_links_are_listed() {
    let world = World::crawled_twice();
    let facts = world.json(&["show", &world.url("same")]);
    assert_eq!((&facts["copies"]["count"], &facts["copies"]["complete"]), (&json!(1), &json!(true)));
    assert_eq!(facts["copies"]["copies"][0]["url"], world.url("copy"));
    assert_eq!((&facts["links_in"]["count"], &facts["links_in"]["complete"]), (&json!(2), &json!(true)));
    assert_eq!(facts["near_copies"]["complete"], true);
    assert_eq!(facts["versions"]["versions"][0]["fetches"], 2);
    let shown = world.run(&["show", &world.url("same")]).out;
    for words in ["the same content (1)", "links in (2)", "versions (1); --at TIME shows one"] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }
}
