//! The failpoints of the real binary.

use std::process::{Command, Output};

fn demo(failpoint: &str, folder: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sqrawl"))
        .args(["demo", "-q"])
        .arg("--db")
        .arg(folder.join("demo.db"))
        .env("SQRAWL_FAILPOINT", failpoint)
        .current_dir(folder)
        .output()
        .expect("the program")
}

/// A moment that the documents list and no crawl comes to would prove nothing.
#[test]
fn every_moment_of_a_crawl_is_reached() {
    let moments = [
        "beginning a session/begin",
        "beginning a session/after",
        "admitting seeds/statement",
        "leasing/commit",
        "settling/begin",
        "settling/statement@9=INSERT",
        "settling/commit",
        "settling/after@2",
        "ending the session/commit",
        "ending the session/after",
        "parsing/page@2=http://",
        "emptying the log/begin",
        "emptying the log/after",
        "migrating/begin",
        "migrating/after",
    ];
    let documents = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/durability.md")).unwrap();
    for moment in moments {
        let folder = tempfile::tempdir().unwrap();
        let output = demo(moment, folder.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), None, "{moment}: {said}");
        let (what, rest) = moment.split_once('/').unwrap();
        let moment = rest.split(['@', '=']).next().unwrap();
        assert!(said.contains(&format!("failpoint {what}/{moment} reached")), "{said}");
        assert!(
            documents.contains(&format!("`{what}`")) && documents.contains(&format!("`{moment}`")),
            "{what}/{moment}"
        );
    }
}

#[test]
fn a_moment_that_cannot_be_read_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo("settling", folder.path());
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("SQRAWL_FAILPOINT") && said.contains("settling/commit@7"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
