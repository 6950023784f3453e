//! docs/recipes.md: every question has an answer in the demo crawl, or says that it has none; the stock shell gives the same one.

use std::fs;
use std::path::Path;

use super::crawls::World;
use crate::conformance::sqlite::shell;

#[test]
fn every_recipe_answers_about_the_demo() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md")).unwrap();
    let world = World::new();
    assert_eq!(world.run(&["demo", "-q"]).code, Some(0));
    let database = world.path().join("demo.db");
    let mut asked = 0;
    for recipe in page.split("\n### ").skip(1) {
        let (title, rest) = recipe.split_once('\n').unwrap();
        asked += 1;
        assert!(title.starts_with(&format!("{asked}. ")), "{title}");
        let (words, sql) = rest.split_once("```sql\n").unwrap_or_else(|| panic!("no SQL: {title}"));
        let sql = sql.split("```").next().unwrap();
        let expected = !words.contains("no row.");
        let ran = world.run(&["query", "--db", "demo.db", "-f", "jsonl", sql]);
        assert_eq!(ran.code, Some(0), "{title}: {}", ran.err);
        assert_eq!(!ran.out.is_empty(), expected, "{title}: {}", ran.out);
        if let Some(said) =
            shell::ask(&database, &format!("SELECT count(*) FROM ({})", sql.trim().trim_end_matches(';')))
        {
            assert_eq!(said.trim(), ran.out.lines().count().to_string(), "{title}");
        }
    }
    assert_eq!(asked, 20);
}
