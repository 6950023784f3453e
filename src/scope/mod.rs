//! Which URLs there are, and which of them belong to the crawl.
//!
//! - [`canonicalize`] turns what a page wrote into a [`CrawlUrl`](crate::model::CrawlUrl), or says
//!   why it is none, [`Document`] does so for all references of a page; `docs/urls.md` lists its rules, [`UrlRules`] are those that have a switch.
//! - [`seed_url`] reads what an operator typed: [`SeedUrl`].
//! - [`spelling`] says which rules made the canonical form: [`Spelling`].
//! - [`registrable_domain`] is the part of a host name that somebody registered.
//! - [`Scope`] is an ordered list of named rules. It judges a URL by its text and by the path
//!   that named it ([`NamedBy`]); a rejection names its [`Rule`](crate::model::Rule). Its last rules are
//!   the traps (`docs/traps.md`).

mod canonical;
mod domain;
mod rules;
mod seed;
mod session_id;
mod skips;
mod spelling;
mod trap;
mod url_rules;

pub use canonical::{Document, canonicalize};
pub use domain::registrable_domain;
pub use rules::{NamedBy, PatternError, Scope};
pub use seed::{SeedUrl, host_behind_credentials, host_name, seed_url, without_credentials};
pub use skips::Skips;
pub use spelling::{Spelling, SpellingStep, spelling};
pub use url_rules::{Removed, UrlRules};
