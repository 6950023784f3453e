//! The read side of a crawl database, used beside a running crawl: [`Reader`].
//!
//! - [`Reader::query`] runs SQL that can only read, within [`Limits`], into a [`RowSink`];
//!   [`Reader::catalogue`] names what it can ask for: [`Catalogue`].
//! - [`Reader::status`] counts: [`Status`]. [`Reader::show`] tells all about one URL:
//!   [`PageFacts`]. [`Reader::doctor`] checks the promises: [`Diagnosis`].
//! - [`Reader::graph_nodes`] and [`Reader::graph_links`] hand over the link graph.
//! - [`Hits`] is the statement of a search; [`Reader::index_progress`] says how far its index is.
//! - [`Reader::rounds`] and [`Reader::diff`] compare two rounds.
//! - [`Reader::fetch_ids`] and [`Reader::fetch_rows`] walk the fetches of a [`Selection`], for exports.
//!
//! A reader opens the file read-only, never takes the crawl's lock and holds a read transaction
//! only while one of these runs: as long as one is open, SQLite cannot empty the write-ahead log,
//! and a running crawl makes it grow.

mod body;
mod catalogue;
mod checks;
mod copies;
mod diff;
mod doctor;
mod edition;
mod explain;
mod export;
mod facts;
mod graph;
mod hint;
mod indexed;
mod limits;
mod query;
mod reader;
mod schema;
mod search;
mod show;
mod statement;
mod status;
mod stream;
mod token;
mod value;

pub use body::{Body, ContentIdentity};
pub use catalogue::{Catalogue, Relation};
pub(in crate::store::sqlite) use checks::INDEX_ROWS;
pub use copies::{CopyLine, CopyList, VersionLine, VersionList};
pub use diff::{Change, DiffCounts, DiffOptions, RoundSpan};
pub use doctor::{Diagnosis, DoctorOptions, Finding, Severity};
pub use edition::Edition;
pub use explain::{CrawlRecord, HostRecord, KnownUrl, MOST_AHEAD, UrlRecords, UrlState};
pub use export::IdRange;
pub use facts::{Attempt, Hop, LinkLine, LinkList, Lookup, PageFacts, PageVersion, ShowLimits, UnknownUrl};
pub use graph::GraphNode;
pub use limits::{Cancel, Limits};
pub use query::{QueryEnd, QueryEndReason};
pub use reader::Reader;
pub(in crate::store::sqlite) use reader::expected_schema;
pub(in crate::store::sqlite) use schema::{OBJECTS, SchemaObject};
pub use search::Hits;
pub use statement::{MAX_SQL_BYTES, ReadStatement, Refused, read_statement, statements};
pub use status::{
    Attempts, FileSizes, HostCounts, HostLine, LeftAlone, NextDue, OutcomeCount, RoundLine, SessionLine, Status,
};
pub use stream::{FetchMark, Kept, Likeness, Parts, Selection, StoredFetch};
pub use value::{RowSink, Rows, Value};
