//! The words every other room speaks: plain data, no behaviour that needs I/O, time or chance.
//!
//! - [`ids`]: [`UrlId`], [`HostId`], [`SessionId`], [`RoundId`], [`FetchId`] and [`UnixMs`].
//! - [`address`]: [`CrawlUrl`] (a canonical http or https URL), [`Host`], [`Origin`], [`Scheme`].
//! - [`command`]: [`Command`], what an operator asks of a crawl from outside.
//! - [`credentials`]: [`CustomHeader`], [`Proxy`], [`Secret`], which is never stored.
//! - [`settings`]: [`CrawlSettings`], what one crawl was asked to do, as stored with it;
//!   [`switches`]: [`UrlRule`] and [`Trap`], rules it switches on and off.
//! - [`lease`]: [`HostLease`] and [`LeasedUrl`], what the frontier hands out; [`RobotsRecord`].
//! - [`exchange`]: [`FetchRequest`] and [`Exchange`], how one request went, never an error.
//! - [`manners`]: [`Ledger`], [`Pace`] and [`HostUpdate`], how politely a host is asked.
//! - [`page`]: [`Page`], [`RawLink`], what parsing a body gave.
//! - [`visit`]: [`Visit`], everything one fetch changes, settled in one transaction; [`Outcome`].
//!
//! A URL travels `RawLink` → [`CrawlUrl`] → [`Candidate`] → [`LeasedUrl`] → [`Exchange`] →
//! [`Page`] → [`Visit`]; each type is one more stage of trust.

pub mod address;
pub mod command;
pub mod credentials;
pub(crate) mod escape;
pub mod exchange;
pub mod ids;
pub mod lease;
pub mod manners;
pub mod page;
pub mod settings;
pub mod switches;
pub mod visit;

pub use address::{CrawlUrl, Host, NotCrawlable, Origin, Scheme};
pub use command::{AddedUrl, Applied, Command, Retry, UrlPattern};
pub use credentials::{CustomHeader, HARMLESS_HEADERS, Proxy, Secret};
pub use exchange::{Exchange, ExchangeEnd, FailureKind, FetchRequest, Header, Overflow, Validators};
pub use ids::{FetchId, HostId, RoundId, SessionId, UnixMs, UrlId};
pub use lease::{
    DEATHS_THAT_PROVE, HostLease, LeaseKey, LeasedFrom, LeasedRobots, LeasedUrl, RobotsHop, RobotsRecord,
    RobotsVerdict, WorkStage,
};
pub use manners::{DelayBy, HostUpdate, Ledger, Pace, Pause, Release, RobotsFetch};
pub use page::{LinkKind, Page, ParseCut, Parser, RawLink, SitemapEntry};
pub use settings::{BodyPolicy, CrawlSettings, LARGEST_SITEMAP_BYTES, PatternRule, ScopeKind};
pub use switches::{Named, Trap, UrlRule};
pub use visit::{
    Admission, Candidate, Codec, Content, EndedBy, NextState, Outcome, Outlink, Rule, Seed, SeedSource, StoredBody,
    Totals, Visit,
};
