//! Which URLs there are, and which of them belong to the crawl.
//!
//! - [`canonicalize`] turns what a page wrote into a [`CrawlUrl`](crate::model::CrawlUrl), or says
//!   why it is none; `docs/urls.md` lists its rules.
//! - [`seed_url`] reads what an operator typed: [`SeedUrl`].
//! - [`registrable_domain`] is the part of a host name that somebody registered.
//! - [`Scope`] is an ordered list of named rules. It judges a URL by its text and by the path
//!   that named it ([`NamedBy`]); a rejection names its [`Rule`](crate::model::Rule).

mod canonical;
mod domain;
mod rules;
mod seed;
mod trap;

pub use canonical::canonicalize;
pub use domain::registrable_domain;
pub use rules::{NamedBy, PatternError, Scope};
pub use seed::{SeedUrl, host_behind_credentials, seed_url};
