//! Why a URL is crawled or is not.

use serde_json::{Value, json};

use super::World;

/// What is said of each part of an explanation.
#[track_caller]
fn check(found: &Value, expected: &[(&str, Value)]) {
    for (at, value) in expected {
        assert_eq!(found.pointer(at), Some(value), "{at} in {found:#}");
    }
}

#[test]
fn every_kind_of_url_is_explained() {
    let world = World::crawled_twice();
    let explain = |path: &str| world.json(&["explain", &world.url(path)]);

    // A seed that was fetched twice.
    let start = explain("#top");
    check(
        &start,
        &[
            ("/is_known", json!(true)),
            ("/spelling/0/rule", json!("fragment")),
            ("/first_named/by", json!("seed")),
            ("/state/state", json!("done")),
            ("/scope/accepted", json!(true)),
            ("/attempt_count", json!(2)),
            ("/attempts/0/outcome", json!("page")),
            ("/attempts/0/status", json!(200)),
            ("/robots/allowed", json!(true)),
            ("/robots/is_fresh", json!(true)),
            ("/host/crawl_delay_ms", json!(10)),
            ("/host/delay_by", json!("robots")),
            ("/host/is_leased", json!(false)),
            ("/due/at_ms", Value::Null),
            ("/last_words", Value::Null),
        ],
    );
    assert!(start["attempts"][0]["delay_asked_ms"].is_i64() && start["attempts"][0]["delay_by"].is_string());

    // A link that was followed, and leads elsewhere by now.
    let goes = explain("goes");
    check(
        &goes,
        &[
            ("/first_named/by", json!("former_link")),
            ("/first_named/page", json!(world.url(""))),
            ("/redirects/0/url", json!(world.url("hop"))),
            ("/redirects/1/url", json!(world.url("fresh"))),
            ("/state/depth", json!(1)),
            ("/state/max_depth", json!(3)),
        ],
    );
    check(&explain("same"), &[("/first_named/by", json!("link")), ("/first_named/anchor", json!("to same"))]);
    check(&explain("fresh"), &[("/first_named/by", json!("link")), ("/first_named/kind", json!("a"))]);
    check(&explain("old"), &[("/state/state", json!("failed")), ("/due/at_ms", Value::Null)]);
    // A new round would visit everything for the one that failed.
    let advice = explain("old")["due"]["why"].as_str().unwrap().to_owned();
    assert!(advice.contains("sqrawl retry URL") && !advice.contains("--recrawl"), "{advice}");
    let advice =
        world.json(&["explain", "--db", "crawl.db", &world.url("old")])["due"]["why"].as_str().unwrap().to_owned();
    assert!(advice.contains("sqrawl retry --db crawl.db URL"), "{advice}");

    // Refused by robots.txt, and excluded by a pattern.
    check(
        &explain("secret"),
        &[
            ("/state/rule", json!("robots")),
            ("/scope/rule", json!("robots")),
            ("/scope/accepted_as_seed", json!(false)),
            ("/robots/allowed", json!(false)),
            ("/robots/line", json!(2)),
            ("/robots/text", json!("Disallow: /secret")),
            ("/attempts/0/error", json!("robots.txt line 2: Disallow: /secret")),
        ],
    );
    check(
        &explain("private/x"),
        &[
            ("/state/rule", json!("exclude:/private/")),
            ("/scope/accepted", json!(false)),
            ("/scope/pattern", json!("--exclude /private/")),
            ("/scope/reason", json!("--exclude /private/ matches")),
            ("/due/why", json!("excluded: --exclude /private/ matches")),
        ],
    );

    // What nobody has named: what would become of it.
    for (url, accepted, rule, allowed) in [
        (world.url("new"), true, Value::Null, json!(true)),
        (world.url("secret/new"), true, Value::Null, json!(false)),
        (world.url("private/new"), false, json!("exclude:/private/"), json!(true)),
        ("https://elsewhere.example/".to_owned(), false, json!("scope"), Value::Null),
    ] {
        let found = world.json(&["explain", &url]);
        check(
            &found,
            &[
                ("/is_known", json!(false)),
                ("/state", Value::Null),
                ("/scope/accepted", json!(accepted)),
                ("/scope/rule", rule),
                ("/scope/assumed_depth", json!(1)),
                ("/robots/allowed", allowed),
            ],
        );
    }
    let seed = world.json(&["explain", "elsewhere.example"]);
    check(
        &seed,
        &[("/scope/accepted_as_seed", json!(true)), ("/host", Value::Null), ("/robots/fetched_ms", Value::Null)],
    );

    let ran = world.run(&["explain", "mailto:me@example.org"]);
    assert!(ran.code == Some(2) && ran.err.contains("is no URL: only http and https"), "{}", ran.err);
}

#[test]
fn an_explanation_reads_well() {
    let world = World::new();
    let seed = world.url("");
    let args = ["crawl", &seed, "--max-pages", "2", "--delay", "70ms", "--drop-param", "utm_*", "--max-depth", "0"];
    assert_eq!(world.run(&args).code, Some(0));
    let said = |url: &str, lines: &[&str]| {
        let ran = world.run(&["explain", url]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        for line in lines {
            assert!(ran.out.contains(line), "{line:?} is not in\n{}", ran.out);
        }
    };
    said(
        &world.url("?utm_source=x"),
        &[
            "  rule         drop_param gives ",
            "  known        yes: done; last named in round 1\n",
            "  first named  as a seed, typed ",
            "  depth        0 links from a seed, at most 0\n",
            "  robots.txt   allowed: no line for sqrawl matches (200, asked for ",
            "  delay        70 ms between requests (--delay)",
            "attempts (1)\n",
        ],
    );
    said(
        &world.url("news"),
        &[
            "known        yes: excluded by the rule 'max_depth'",
            "link a \"to news\"",
            "excluded by the rule 'max_depth': it is more than --max-depth 0 links from a seed; as a seed it would be accepted",
            "due          not as things are\n",
        ],
    );
    // Let in, they wait for the page limit.
    assert_eq!(world.run(&["resume", "--max-depth", "9"]).code, Some(0));
    let waiting =
        world.run(&["query", "-f", "csv", "SELECT url FROM urls WHERE state = 'queued' ORDER BY id DESC LIMIT 1"]);
    let url = waiting.out.lines().nth(1).expect("a URL that waits").trim();
    said(
        url,
        &["limit        --max-pages 2 is reached (2)", "--max-pages is reached; sqrawl resume --max-pages N goes on"],
    );
    assert_eq!(world.run(&["resume", "--max-pages", "3"]).code, Some(0));
    said("https://elsewhere.example/x", &["known        no: this is what would happen", "host         not known yet"]);
    let json = world.json(&["explain", "https://me:s3cret@elsewhere.example/#x"]);
    assert!(!json.to_string().contains("s3cret"), "{json:#}");
}

/// A URL that is held back because a process died with it, and one that was given up for it.
#[test]
fn last_words_are_repeated() {
    let world = World::crawled_twice();
    let sql =
        "INSERT INTO suspects(url_id, session_id, held, deaths) SELECT id, 1, 1, 2 FROM urls WHERE url LIKE '%/news';
               UPDATE urls SET state = 'scheduled', due_ms = 253402300799000 WHERE url LIKE '%/news';
               UPDATE fetches SET outcome = 'crashed', error = 'the parser failed: too deep'
               WHERE id = (SELECT last_fetch_id FROM urls WHERE url LIKE '%/copy')";
    let file = world.folder.path().join("crawl.db");
    let wrote = std::process::Command::new("sqlite3").arg(&file).arg(sql).status().unwrap();
    assert!(wrote.success());
    let news = world.json(&["explain", &world.url("news")]);
    check(
        &news,
        &[("/last_words/is_held", json!(true)), ("/last_words/deaths", json!(2)), ("/due/at_ms", Value::Null)],
    );
    let copy = world.json(&["explain", &world.url("copy")]);
    check(&copy, &[("/last_words/words", json!("the parser failed: too deep"))]);
}

/// The host is leased and the URL waits its turn; explaining it disturbs nobody.
#[test]
fn what_waits_is_explained_while_the_crawl_runs() {
    let world = World::new();
    let mut crawl = crate::cli::sqrawl(world.folder.path());
    crawl.args(["crawl", &world.url(""), "--delay", "2s", "-q"]);
    let mut crawl = crawl.spawn().unwrap();
    let found = loop {
        assert_eq!(crawl.try_wait().unwrap(), None, "the crawl ended too soon");
        let ran = world.run(&["explain", &world.url("same"), "--json"]);
        match serde_json::from_str::<Value>(&ran.out) {
            Ok(found) if found["is_known"] == true => break found,
            _ => {}
        }
    };
    crawl.kill().unwrap();
    crawl.wait().unwrap();
    check(
        &found,
        &[
            ("/state/state", json!("queued")),
            ("/host/is_leased", json!(true)),
            ("/host/delay_ms", json!(2000)),
            ("/host/delay_by", json!("setting")),
            ("/host/delay_setting_ms", json!(2000)),
        ],
    );
    assert!(found["due"]["at_ms"].as_i64() >= found["at_ms"].as_i64(), "{found:#}");
    let why = found["due"]["why"].as_str().unwrap();
    assert!(why.contains("URLs of its host come before it") && !why.contains("no crawl runs"), "{why}");
    let killed = world.json(&["explain", &world.url("same")]);
    assert!(killed["due"]["why"].as_str().unwrap().contains("no crawl runs; sqrawl resume goes on"), "{killed:#}");
}
