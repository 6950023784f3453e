//! Every behaviour alone, one test for each shelf.

use super::*;

#[test]
fn heads() {
    one_by_one(super::heads::shelf);
}

#[test]
fn bodies() {
    one_by_one(super::bodies::shelf);
}

#[test]
fn codings() {
    one_by_one(super::codings::shelf);
}

#[test]
fn types() {
    one_by_one(super::types::shelf);
}

#[test]
fn html() {
    one_by_one(super::html::shelf);
}

#[test]
fn soup() {
    one_by_one(super::soup::shelf);
}

#[test]
fn html_without_a_tree() {
    one_by_one_with(super::html::shelf, "stream");
}

#[test]
fn soup_without_a_tree() {
    one_by_one_with(super::soup::shelf, "stream");
}

#[test]
fn redirects() {
    one_by_one(super::redirects::shelf);
}

#[test]
fn robots() {
    one_by_one(super::robots::shelf);
}

#[test]
fn polite() {
    one_by_one(super::polite::shelf);
}

#[test]
fn traps() {
    one_by_one(super::traps::shelf);
}

#[test]
fn urls() {
    one_by_one(super::urls::shelf);
}

#[test]
fn secure() {
    one_by_one(super::secure::shelf);
}

#[test]
fn maps() {
    one_by_one(super::maps::shelf);
}
