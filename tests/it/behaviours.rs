//! docs/behaviours.md names a test for every behaviour: each of them exists.

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../docs/behaviours.md");

/// The tests that a row names, in its last column.
pub(crate) fn named(row: &str) -> Vec<&str> {
    let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
    cell.split('`').filter(|text| text.contains("::")).collect()
}

/// Files in which a module may stand: its own, or that of a module around it.
fn files(module: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = (1..=module.len()).rev().flat_map(|length| {
        let path: PathBuf = module[..length].iter().collect();
        ["src", "tests/it"].map(|tree| root.join(tree).join(&path))
    });
    places.flat_map(|path| [path.with_extension("rs"), path.join("mod.rs")]).filter(|path| path.is_file()).collect()
}

pub(crate) fn exists(test: &str) -> bool {
    let mut module: Vec<&str> = test.split("::").collect();
    let name = module.pop().expect("a name");
    let functions = [format!("fn {name}("), format!("fn {name}<")];
    let holds = |text: String| functions.iter().any(|function| text.contains(function));
    files(&module).iter().any(|file| fs::read_to_string(file).is_ok_and(holds))
}

#[test]
fn every_named_test_exists() {
    let rows = PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| behaviour"));
    let mut count = 0;
    for row in rows {
        let tests = named(row);
        assert!(!tests.is_empty(), "no test in: {row}");
        for test in tests {
            assert!(exists(test), "there is no test {test}");
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    assert!(exists("behaviours::every_named_test_exists"));
    assert!(!exists("behaviours::every_named_test_exist"));
    assert!(!exists("nowhere::every_named_test_exists"));
}
