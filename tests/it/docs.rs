//! docs/schema.md says what the schema is: every table, view and column is explained, nothing else
//! is, and every query answers.

use std::collections::{BTreeMap, BTreeSet};

use sqrawl::model::{Candidate, Content, DelayBy, NextState, Outcome, Rule};

use crate::conformance::backend::Sqlite;
use crate::conformance::crawl::{Crawl, content, excluded, link, named};

const SCHEMA_PAGE: &str = include_str!("../../docs/schema.md");

/// Columns by table, as the page explains them: a heading with the name, then a table.
fn explained() -> BTreeMap<String, BTreeSet<String>> {
    let code = |text: &str| text.strip_prefix('`')?.split_once('`').map(|(name, _)| name.to_owned());
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut table = None;
    for line in SCHEMA_PAGE.lines() {
        if line.starts_with('#') {
            table = line.strip_prefix("### ").and_then(code);
            tables.extend(table.clone().map(|name| (name, BTreeSet::new())));
        }
        if let (Some(table), Some(column)) = (&table, line.strip_prefix("| ").and_then(code)) {
            let new = tables.get_mut(table).is_some_and(|columns| columns.insert(column.clone()));
            assert!(new, "{table}.{column} is explained twice");
        }
    }
    tables
}

#[tokio::test]
async fn every_table_view_and_column_is_explained() {
    let crawl = Crawl::<Sqlite>::new().await;
    let columns = crawl
        .rows(
            "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c
             WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite_%' AND s.name <> '_sqlx_migrations'
               AND s.name NOT IN (SELECT t.name FROM pragma_table_list t WHERE t.type = 'shadow')",
        )
        .await;
    let mut schema: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for column in &columns {
        schema.entry(column[0].clone()).or_default().insert(column[1].clone());
    }
    assert!(schema.len() > 25, "{schema:?}");
    assert_eq!(explained(), schema);
}

/// The values that the schema checks stand in the explanation of their column.
#[tokio::test]
async fn every_checked_value_is_named() {
    let crawl = Crawl::<Sqlite>::new().await;
    let mut seen = 0;
    for table in crawl.rows("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%CHECK%'").await {
        for check in table[0].split("CHECK (").skip(1) {
            // x IN ('a','b'), or x = 'a' OR x = 'b'.
            let (column, values) = check.split_once(' ').expect("a column first");
            let values = values.trim_start_matches("IN (").split(')').next().expect("an end");
            if column.starts_with('(') {
                continue;
            }
            for value in values.split('\'').skip(1).step_by(2) {
                seen += 1;
                let named = SCHEMA_PAGE
                    .lines()
                    .any(|line| line.starts_with(&format!("| `{column}` |")) && line.contains(&format!("`{value}`")));
                assert!(named, "{column}: `{value}`");
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

/// A crawl in which every query of the page finds something.
async fn small_crawl() -> Crawl<Sqlite> {
    let root = "https://docs.example/";
    let at = |path: &str| format!("{root}{path}");
    let crawl = Crawl::<Sqlite>::of(&[root, &at("two"), &at("copy"), &at("old"), &at("older"), &at("gone")]).await;
    crawl
        .round_trip(|visit, url| {
            visit.ledger.asked_ms = Some(500);
            visit.ledger.asked_by = Some(DelayBy::Setting);
            visit.ledger.applied_ms = Some(510);
            visit.headers = vec![("server".to_owned(), "example".to_owned())];
            match url.url.path_and_query() {
                "/" => {
                    for path in ["two", "copy", "old", "gone"] {
                        link(visit, named(&at(path)));
                    }
                    link(visit, excluded("https://other.example/", Rule::SCOPE));
                    visit.discarded = vec![(Rule::SCHEME, 2)];
                    let content = visit.content.as_mut().expect("a content");
                    content.text = Some("All about a crawler.".to_owned());
                    content.simhash = Some(1);
                }
                "/two" | "/copy" => {
                    visit.content = Some(Content { simhash: Some(3), ..content("same") });
                    link(visit, named(root));
                }
                "/gone" => {
                    (visit.outcome, visit.status, visit.next) = (Outcome::Gone, Some(404), NextState::Failed);
                    visit.content = None;
                }
                path => {
                    (visit.outcome, visit.status) = (Outcome::Redirect, Some(301));
                    visit.content = None;
                    let target = if path == "/older" { at("old") } else { root.to_owned() };
                    visit.candidates.push(Candidate { hops: 1, ..named(&target) });
                    visit.target = Some(0);
                }
            }
        })
        .await;
    crawl
}

#[tokio::test]
async fn every_query_of_the_page_answers() {
    let crawl = small_crawl().await;
    crawl.check().await;
    let queries: Vec<&str> =
        SCHEMA_PAGE.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 12, "{}", queries.len());
    for query in queries {
        let path = crawl.backend.path();
        let Some(answer) = crate::conformance::sqlite::shell::ask(&path, query) else { return };
        assert!(!answer.trim().is_empty(), "no answer to: {query}");
    }
}

/// A view that fails, or that nobody could fill, would go unnoticed.
#[tokio::test]
async fn every_view_can_be_read() {
    let crawl = small_crawl().await;
    let filled = [
        "current_pages",
        "documents",
        "pages",
        "page_links",
        "redirect_ends",
        "requests",
        "report_status",
        "report_hosts",
        "report_politeness",
        "report_broken_links",
        "report_redirects",
        "report_redirect_chains",
        "report_depths",
        "report_duplicate_urls",
        "report_duplicates",
        "report_content_types",
        "report_directories",
        "report_descriptions",
        "report_errors",
        "report_languages",
        "report_near_duplicates",
        "report_titles",
        "report_excluded",
        "report_inlinks",
    ];
    for view in crawl.rows("SELECT name FROM sqlite_schema WHERE type = 'view'").await {
        let rows = crawl.rows(&format!("SELECT * FROM {}", view[0])).await;
        assert_eq!(filled.contains(&view[0].as_str()), !rows.is_empty(), "{}: {rows:?}", view[0]);
    }
    assert_eq!(
        crawl.rows("SELECT start, final, hops, is_loop FROM report_redirect_chains ORDER BY 1").await,
        [["https://docs.example/older", "https://docs.example/", "2", "0"]]
    );
}
