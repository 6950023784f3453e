//! What differs between two rounds.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::World;

/// Change, path, what and where to, of every row.
fn rows(world: &World, found: &Value) -> Vec<String> {
    let root = world.url("");
    let path = |value: &Value| value.as_str().map_or(String::new(), |url| url.replace(&root, "/"));
    let row = |row: &Value| {
        let cells = [path(&row["change"]), path(&row["url"]), path(&row["what"]), path(&row["moved_to"])];
        cells.join(" ").trim().to_owned()
    };
    found.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn two_rounds_are_compared() {
    let world = World::crawled_twice();
    let found = world.json(&["diff"]);
    let all = [
        "gone /old",
        "moved /goes  /fresh",
        "moved /letter  /post",
        "changed / content,links",
        "changed /hop target /fresh",
        "changed /news title,content,links",
    ];
    assert_eq!(rows(&world, &found["rows"]), all, "{found:#}");
    assert_eq!(
        found["counts"],
        json!({ "new": 0, "gone": 1, "moved": 2, "changed": 3, "same": 2, "pages_before": 7, "pages_after": 6, "not_visited": 0 })
    );
    assert_eq!((&found["before"]["id"], &found["after"]["id"]), (&json!(1), &json!(2)));
    assert_eq!((&found["before"]["complete"], &found["after"]["complete"]), (&json!(true), &json!(true)));
    let news = &found["rows"][5];
    assert_eq!((&news["title_before"], &news["title_after"]), (&json!("News of May"), &json!("News of June")));
    assert_eq!((&news["links_before"], &news["links_after"]), (&json!(1), &json!(2)));
    let gone = &found["rows"][0];
    assert_eq!((&gone["outcome_after"], &gone["status_after"]), (&json!("gone"), &json!(404)));

    // The other way round what came is gone, and nothing has moved twice.
    let back = world.json(&["diff", "2", "1", "-f", "json"]);
    let reversed = [
        "new /goes",
        "new /old",
        "gone /fresh",
        "moved /post  /letter",
        "changed / content,links",
        "changed /hop target /same",
        "changed /news title,content,links",
    ];
    assert_eq!(rows(&world, &back), reversed);

    let table = world.run(&["diff", "prev", "last", "-f", "table", "--only", "changed,gone"]);
    for words in
        ["200 became 404", "title \"News of May\" became \"News of June\"; content; links 1 became 2", "redirects to"]
    {
        assert!(table.out.contains(words), "{words} is not in {}", table.out);
    }
    assert!(!table.out.contains("moved"), "{}", table.out);
    let said = "round 1 (7 pages) and round 2 (6 pages): 0 new, 1 gone, 2 moved, 3 changed, 2 the same";
    assert!(table.err.contains(said), "{}", table.err);

    let first = world.run(&["diff", "--limit", "2", "-f", "jsonl", "--exit-code"]);
    assert_eq!((first.code, first.out.lines().count()), (Some(10), 2), "{}", first.err);
    assert!(first.err.contains("2 of 6 rows; --limit none shows all"), "{}", first.err);
    assert_eq!(world.run(&["diff", "--only", "new", "--exit-code"]).code, Some(0));
    for (args, words) in [
        (&["diff", "1", "7"][..], "there is no round 7; there are 1, 2, and the names last and prev"),
        (&["diff", "last"], "both are round 2"),
        (&["diff", "--only", "lost"], "--only lost: none of new, gone, moved, changed"),
    ] {
        let ran = world.run(args);
        assert!(ran.code == Some(2) && ran.err.contains(words), "{args:?}: {:?} {}", ran.code, ran.err);
    }
}

/// What a round did not come to is no loss.
#[test]
fn a_round_that_is_not_complete_says_so() {
    let world = World::new();
    let seed = world.url("");
    assert_eq!(world.run(&["crawl", &seed, "--delay", "0"]).code, Some(0));
    let alone = world.run(&["diff"]);
    assert!(alone.code == Some(2) && alone.err.contains("there are no two rounds to compare"), "{}", alone.err);
    world.edition.store(2, Ordering::SeqCst);
    assert_eq!(world.run(&["resume", "--recrawl", "--max-pages", "2"]).code, Some(0));
    let found = world.json(&["diff"]);
    assert_eq!(found["after"]["complete"], false);
    assert_eq!((&found["counts"]["pages_after"], &found["counts"]["not_visited"]), (&json!(2), &json!(5)));
    assert_eq!(found["counts"]["gone"], 0, "{found:#}");
    let ran = world.run(&["diff"]);
    assert!(ran.err.contains("round 2 is not complete: what it has not visited yet is not listed"), "{}", ran.err);
    assert!(ran.err.contains("5 pages of round 1 not visited in round 2 yet"), "{}", ran.err);
}

/// Only the number of links was compared: three that went and three that came were no change.
#[test]
fn links_that_came_and_went_are_told() {
    let world = World::crawled_twice();
    let found = world.json(&["diff", "--links"]);
    let root = world.url("");
    let path = |value: &Value| value.as_str().unwrap_or_default().replace(&root, "/");
    let rows: Vec<String> = found["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["url", "link", "target", "kind", "anchor"].map(|name| path(&row[name])).join(" "))
        .collect();
    assert_eq!(
        rows,
        [
            "/ new /fresh a to fresh",
            "/ new /post a to post",
            "/ gone /old a to old",
            "/ gone /goes a to goes",
            "/ gone /letter a to letter",
            "/ gone /hop a to hop",
            "/ gone /secret a to secret",
            "/ gone /private/x a to private/x",
            "/news new /fresh a to fresh",
        ],
        "{found:#}"
    );
    assert_eq!(found["counts"], json!({ "new": 3, "gone": 6, "pages": 2, "pages_unknown": 0 }));
    let ran = world.run(&["diff", "--links", "--limit", "2", "-f", "csv", "--exit-code"]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(10), 3), "{}", ran.err);
    assert!(ran.err.contains("3 new links and 6 gone, on 2 pages whose content differs"), "{}", ran.err);
    assert!(ran.err.contains("2 of 9 rows; --limit none shows all"), "{}", ran.err);
}

#[test]
fn links_of_bodies_that_are_not_kept_are_not_known() {
    let world = World::new();
    let seed = world.url("");
    assert_eq!(world.run(&["crawl", &seed, "--delay", "0", "--store-body", "none"]).code, Some(0));
    world.edition.store(2, Ordering::SeqCst);
    assert_eq!(world.run(&["resume", "--recrawl"]).code, Some(0));
    let found = world.json(&["diff", "--links"]);
    assert_eq!((&found["rows"], &found["counts"]["pages_unknown"]), (&json!([]), &json!(2)), "{found:#}");
    let ran = world.run(&["diff", "--links"]);
    assert!(ran.err.contains("2 pages cannot be compared"), "{}", ran.err);
}

/// A page that a complete round left out was counted twice: as gone, and as not visited yet.
#[test]
fn a_page_that_a_complete_round_leaves_out_was_counted_twice() {
    let world = World::new();
    assert_eq!(world.run(&["crawl", &world.url(""), "--delay", "0"]).code, Some(0));
    let all = "SELECT url FROM pages WHERE depth > 0 ORDER BY url";
    let listed = world.run(&["query", "-f", "csv", all]);
    let left_out = listed.out.lines().nth(1).unwrap();
    assert_eq!(world.run(&["resume", "--recrawl", "--exclude", &format!("^{left_out}$")]).code, Some(0));
    let found = world.json(&["diff"]);
    assert_eq!(found["after"]["complete"], true, "{found:#}");
    assert_eq!((&found["counts"]["gone"], &found["counts"]["not_visited"]), (&json!(1), &json!(0)), "{found:#}");
    assert!(!world.run(&["diff"]).err.contains("not visited"));
}
