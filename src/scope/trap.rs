//! [`Traps`]: URLs that are made without end and lead to nothing new. Meant to miss a trap rather
//! than a page: the limits of the crawl end those that it misses. `docs/traps.md` explains every
//! [`Trap`] with its numbers.

mod calendar;
mod glance;
mod path;
mod query;
mod self_link;

use std::collections::BTreeSet;

use glance::Glance;

use super::session_id::looks_like_session_id;
use crate::model::{CrawlUrl, Trap, UnixMs};

/// The traps that are looked for, in their order.
#[derive(Clone, Debug)]
pub(super) struct Traps {
    on: Vec<Trap>,
}

impl Traps {
    pub(super) fn new(on: &BTreeSet<Trap>) -> Self {
        Traps { on: on.iter().copied().collect() }
    }

    /// The first trap that the URL looks like. `page`: what the page that names it is caught in.
    /// `redirected`: it is the target of a redirect, which a server makes one at a time and which
    /// may need the session id it carries.
    pub(super) fn find(&self, url: &CrawlUrl, page: Option<Trap>, redirected: bool, now: UnixMs) -> Option<Trap> {
        let glance = Glance::at(url);
        let caught = |trap: Trap| !glance.rules_out(trap) && is_caught(trap, url, page, redirected, now);
        self.on.iter().copied().find(|trap| caught(*trap))
    }

    /// Whether this trap is looked for.
    pub(super) fn has(&self, trap: Trap) -> bool {
        self.on.contains(&trap)
    }
}

/// The close look, as [`Traps::find`] describes it.
fn is_caught(trap: Trap, url: &CrawlUrl, page: Option<Trap>, redirected: bool, now: UnixMs) -> bool {
    match trap {
        Trap::PathRepeats => path::repeats_itself(url.path()),
        Trap::PathDepth => path::is_too_deep(url.path()),
        Trap::QueryGrowth => url.query().is_some_and(query::has_grown),
        Trap::Calendar => calendar::is_far_away(url, now),
        Trap::SessionId => !redirected && has_session_id(url),
        Trap::SelfLink => self_link::contains_itself(url),
        Trap::Soft404 | Trap::SameContent => page == Some(trap),
    }
}

/// Whether a parameter of the query or of a path segment, or a segment itself, is a session id under a
/// name that canonicalisation does not know.
fn has_session_id(url: &CrawlUrl) -> bool {
    let in_query = url.query().is_some_and(|query| query.split('&').any(looks_like_session_id));
    in_query || url.path().split(['/', ';']).any(looks_like_session_id)
}
