//! The page as a whole.

use super::*;

fn section(name: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Section {
    let mut section = Section::new(Report::named(name).expect(name));
    section.columns(&columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>()).expect("memory");
    rows.into_iter().for_each(|row| section.row(row).expect("memory"));
    section
}

fn text_value(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn page(sections: Vec<Section>) -> String {
    let document = Document {
        database: "./a <b>.db".to_owned(),
        seeds: vec!["https://a.test/".to_owned(), "javascript:alert(1)".to_owned()],
        seed_count: 5,
        made_ms: 1_700_000_000_000,
        standing: "the crawl is complete".to_owned(),
        totals: Totals { done: 1200, failed: 34, pages: 1199, ..Totals::default() },
        hosts: 3,
        file_bytes: 1_000_000,
        sections,
    };
    let mut out = Vec::new();
    write(&mut out, &document).expect("memory");
    String::from_utf8(out).expect("text")
}

#[test]
fn everything_from_pages_is_text() {
    let evil = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>\u{1b}[2J";
    let row =
        vec![text_value("javascript:alert(1)"), text_value(evil), text_value("https://a.test/?x='\"<>"), Value::Null];
    let html = page(vec![
        section("titles", &["url", evil, "named_by", "pages"], vec![row]),
        section("languages", &["lang", "pages"], vec![vec![text_value(evil), Value::Integer(7)]]),
    ]);
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\u{1b}'), "{html}");
    assert!(!html.contains("href=\"javascript") && html.contains("javascript:alert(1)"));
    assert!(html.contains("href=\"https://a.test/?x=&#39;&quot;&lt;&gt;\" rel=\"noopener nofollow noreferrer\""));
    assert_eq!(html.matches("./a &lt;b&gt;.db").count(), 5, "in the head, the foot, each command and each proposal");
    // Links lead to the web or into the page, and nothing is loaded.
    for part in html.split("href=\"").skip(1) {
        assert!(part.starts_with("https://") || part.starts_with('#'), "{part:.40}");
    }
    for loads in ["src=", "<link", "@import", "url(", "<iframe", "<form", " style="] {
        let found = html.replace(&text(evil), "").contains(loads);
        assert!(!found, "{loads}");
    }
}

#[test]
fn the_policy_forbids_everything_but_the_style() {
    let html = page(Vec::new());
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
                  base-uri 'none'; form-action 'none'\">";
    let at = html.find(policy).expect("a policy");
    assert!(at < html.find("<style>").expect("a style"));
}

#[test]
fn rows_are_bounded_and_the_rest_is_named() {
    let rows = (0..250).map(|n| vec![text_value("https://a.test/"), Value::Integer(n)]).collect();
    let html = page(vec![section("slow", &["url", "elapsed_ms"], rows), section("orphans", &["url"], Vec::new())]);
    assert_eq!(html.matches("<td data-label=\"url\">").count(), 100);
    for part in [
        "100 of 250 rows are shown.",
        "sqrawl report slow --db ./a &lt;b&gt;.db -f csv",
        "SELECT * FROM report_slow ORDER BY +elapsed_ms DESC, url",
        "Nothing was found by 1 report:",
        "<b>1,199</b><span>pages fetched",
        "<b>1,234</b><span>URLs known",
        "and 3 more",
        "made 2023-11-14T22:13:20Z",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn long_cells_take_little_memory() {
    let long = "x".repeat(1_000_000);
    let section = section("titles", &["url", "title"], vec![vec![text_value("https://a.test/"), text_value(&long)]]);
    assert!(matches!(&section.rows[0][1], Value::Text(cut) if cut.len() < 2_000));
}
