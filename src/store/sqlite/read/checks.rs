//! The promises that SQL can check: [`all`] of them, one statement each. A statement gives one row, a
//! short text, for each damaged row, and goes through each table a constant number of times.

mod attempts;
mod hosts;
mod urls;

pub(in crate::store::sqlite) use hosts::INDEX_ROWS;

use super::doctor::Severity;

/// One promise.
pub(super) struct Check {
    /// Stable name.
    pub(super) name: &'static str,
    /// What it means when it is broken.
    pub(super) severity: Severity,
    /// Whether a quick look makes it: it does not look at every attempt or link, and at URLs a few times in all.
    pub(super) quick: bool,
    /// Table and column that are wrong when it is broken.
    pub(super) location: &'static str,
    /// Gives the damaged rows, one text each.
    pub(super) sql: &'static str,
    /// What is wrong, for people.
    pub(super) what: &'static str,
    /// What to do.
    pub(super) remedy: &'static str,
}

/// What [`Store`](crate::store::Store) never writes, and a repair makes right.
const REPAIR: &str =
    "sqrawl doctor --repair puts it right; it is not expected to happen: keep a copy of the file and report it";
const REPORT: &str = "this is not expected to happen; keep a copy of the file and report it. The crawl can go on";
const RECRAWL: &str = "sqrawl crawl --recrawl fetches it again; start a new crawl if much is wrong";

const GONE: &str = "nothing else holds it: take it from a backup, or start a new crawl";

/// Every promise.
pub(super) fn all() -> impl Iterator<Item = &'static Check> {
    [hosts::CHECKS, urls::CHECKS, attempts::CHECKS].into_iter().flatten()
}
