//! Status and pages: the facts are right, and read well.

use super::*;

#[tokio::test]
async fn status_counts_what_the_crawl_did() {
    let scratch = Scratch::new().await;
    let status = scratch.reader().await.status(50_000).await.expect("a status");
    assert!(!status.running);
    assert_eq!((status.totals.done, status.totals.failed, status.totals.queued, status.totals.excluded), (2, 2, 1, 1));
    assert_eq!((status.totals.fetches, status.totals.pages), (5, 2));
    assert_eq!((status.rounds, status.sessions), (1, 2));
    let session = status.session.expect("a session");
    assert_eq!((session.id, session.fetches, session.pages, session.wire_bytes), (2, 4, 1, 900));
    assert_eq!((session.ended_by.as_deref(), session.ended_ms), (Some("signal"), Some(30_000)));
    // One page between the first request at 20 s and the end at 30 s.
    assert_eq!((session.pages_per_second, session.fetches_per_second_now), (0.1, 0.4));
    assert!(status.attempts.all && status.attempts.counted == 5);
    let first = &status.attempts.outcomes[0];
    assert_eq!((first.outcome.as_str(), first.status, first.count), ("page", Some(200), 2));
    assert_eq!((status.hosts.known, status.hosts.with_work, status.hosts.ready, status.hosts.leased), (2, 1, 1, 0));
    assert_eq!(status.busiest.iter().map(|h| (h.host.as_str(), h.queued)).collect::<Vec<_>>(), [("a.example", 1)]);
    assert_eq!(status.next_due.map(|d| (d.host, d.ready_ms)), Some(("a.example".to_owned(), 40_000)));
    assert!(status.left_alone.is_empty(), "its time is over at 50 s");
    assert_eq!(status.eta_ms, None);
    assert!(status.files.database_bytes > 0);
}

#[tokio::test]
async fn status_names_the_hosts_that_are_left_alone() {
    let scratch = Scratch::new().await;
    let status = scratch.reader().await.status(39_000).await.expect("a status");
    let alone: Vec<_> = status.left_alone.iter().map(|h| (h.host.as_str(), h.until_ms, h.by.as_str())).collect();
    assert_eq!(alone, [("a.example", 40_000, "retry_after")]);
    assert_eq!((status.left_alone[0].failures, status.left_alone[0].open), (2, 1));
    let text = report::status(&status, Look::default());
    let line = text.lines().skip_while(|line| *line != "hosts left alone").find(|line| line.contains("a.example"));
    assert!(line.is_some_and(|line| line.contains("retry_after") && line.contains("in 1s")), "{text}");
}

#[tokio::test]
async fn show_tells_all_about_a_page() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let url = "https://a.example/page";
    let Lookup::Known(facts) = reader.show(url, ShowLimits::default(), &Limits::default()).await.expect("a lookup")
    else {
        panic!("unknown");
    };
    assert_eq!((facts.state.as_str(), facts.depth, facts.host.as_str()), ("failed", 1, "a.example"));
    assert_eq!(facts.via.as_deref(), Some("https://a.example/"));
    let page = facts.page.as_ref().expect("a page");
    assert_eq!(
        (page.title.as_deref(), page.words, page.has_body, page.has_text),
        (Some("A page"), Some(2), true, true)
    );
    assert_eq!(page.headings, [(1, "Top".to_owned()), (2, "Sub".to_owned())]);
    assert!(page.stale, "a later attempt failed");
    assert_eq!(facts.attempt_count, 2);
    assert_eq!(facts.history.iter().map(|a| a.outcome.as_str()).collect::<Vec<_>>(), ["timeout", "page"]);
    assert_eq!(facts.headers, [("Content-Type".to_owned(), "text/html".to_owned())]);
    assert_eq!((facts.links_out.count, facts.links_in.count), (2, 1));
    assert_eq!(facts.links_out.links[0].url, "https://a.example/gone");
    assert_eq!(facts.links_in.links[0].anchor.as_deref(), Some("the page"));
    let body = reader.body(url).await.expect("readable").expect("kept");
    assert_eq!((body.bytes.as_slice(), body.mime.as_str()), (&b"<p>hello</p>"[..], "text/html"));
    assert_eq!(reader.text(url).await.expect("readable").as_deref(), Some("hello there"));
}

#[tokio::test]
async fn show_follows_a_redirect_and_lists_no_more_than_asked() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let limits = ShowLimits { links: 1, attempts: 1, ..ShowLimits::default() };
    let Lookup::Known(old) = reader.show("https://a.example/old", limits, &Limits::default()).await.expect("a lookup")
    else {
        panic!("unknown");
    };
    assert_eq!(old.redirects.iter().map(|h| h.url.as_str()).collect::<Vec<_>>(), ["https://a.example/page"]);
    assert_eq!(reader.body("https://a.example/old").await.expect("readable"), None);
    let Lookup::Known(start) = reader.show("https://a.example/", limits, &Limits::default()).await.expect("a lookup")
    else {
        panic!("unknown");
    };
    assert_eq!((start.links_out.count, start.links_out.links.len()), (3, 1));
    assert_eq!(start.seed.as_deref(), Some("a.example"));
}

#[tokio::test]
async fn an_unknown_url_is_answered_with_near_ones() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    for (url, wanted) in [
        ("http://www.a.example/page/", "did you mean https://a.example/page?"),
        ("https://a.example/page?x=1", "did you mean https://a.example/page?"),
        ("https://nowhere.example/", "no page that was read names it"),
    ] {
        match reader.show(url, ShowLimits::default(), &Limits::default()).await.expect("a lookup") {
            Lookup::Unknown(unknown) => assert!(unknown.to_string().contains(wanted), "{unknown}"),
            Lookup::Known(facts) => panic!("{facts:?}"),
        }
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_unpacked_is_corrupt_and_no_panic() {
    let scratch = Scratch::new().await;
    scratch.write("UPDATE bodies SET codec = 'zlib', size_bytes = 9000000000000000000").await;
    let error = scratch.reader().await.body("https://a.example/page").await.expect_err("damaged");
    assert!(matches!(&error, StoreError::Corrupt { detail, .. } if detail.contains("bodies.data")), "{error}");
}

/// The lines that a person looks for, and nothing that a terminal would act on.
#[tokio::test]
async fn what_was_found_reads_well() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let look = Look { width: Some(100), terminal: true, ascii: false };
    scratch.write("UPDATE contents SET title = 'A ' || char(27) || '[2Jpage'").await;
    let status = report::status(&reader.status(50_000).await.expect("a status"), look);
    let facts = match reader.show("https://a.example/page", ShowLimits::default(), &Limits::default()).await {
        Ok(Lookup::Known(facts)) => facts,
        other => panic!("{other:?}"),
    };
    let page = report::page(&facts, look);
    let exact = report::json(&facts).expect("JSON");
    scratch
        .write("UPDATE totals SET n = 5 WHERE name = 'done'; UPDATE sessions SET ended_ms = NULL, ended_by = NULL")
        .await;
    let diagnosis = reader.doctor(DoctorOptions::default(), &Limits::default()).await.expect("a diagnosis");
    let diagnosis = report::diagnosis(&diagnosis, look);
    let killed = report::status(&reader.status(50_000).await.expect("a status"), look);
    for (text, lines) in [
        (
            &status,
            &["not running; session 2 ended by signal at 1970-01-01T00:00:30Z (20s ago); go on with: sqrawl resume"][..],
        ),
        (
            &status,
            &["  queued                  1\n", "next due     a.example 10s ago", "│ page     ┆    200 ┆        2 │"],
        ),
        (&killed, &["not running; session 2 died after 1970-01-01T00:00:29Z (21s ago); nothing was lost"]),
        (&page, &["title        A ␛[2Jpage\n", "a later attempt gave no page", "\n  Top\n    Sub\n", "links in (1)"]),
        (&exact, &["A \\u001b[2Jpage", "\"duplicates\": 0"]),
        (
            &diagnosis,
            &["DAMAGED", "damage: a counter of the crawl", "done: 5 stored, 2 counted", "note: a session did not end"],
        ),
    ] {
        assert!(!text.chars().any(|c| c != '\n' && report::is_harmful(c)), "{text}");
        assert!(lines.iter().all(|line| text.contains(line)), "{lines:?} in\n{text}");
    }
}
