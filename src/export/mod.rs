//! Pages out of a crawl, for other programs: one walk over the fetches in the order of their ids, one writer for each
//! [`Format`].
//!
//! - [`Job`] says what is written: format, fields, condition.
//! - [`to_files`] writes files that are whole or not there, and a [`Manifest`] that names them; [`Stream`] writes one
//!   stream, and goes on with it while a crawl runs.
//! - [`Cursor`]: the id of the last fetch that was looked at. An export that begins there has what came since, and
//!   nothing twice: ids only grow ([`Reader::fetch_ids`](crate::store::sqlite::read::Reader::fetch_ids)).
//!
//! Memory does not grow with the crawl: a transaction reads a few rows, which are written after it has ended. The
//! writers (`tables`, `documents`, `warc`, `sitemap`) are functions over [`std::io::Write`].

mod cdxj;
mod contents;
mod documents;
mod field;
mod files;
mod format;
mod http_head;
mod job;
mod likeness;
mod manifest;
mod series;
mod sitemap;
mod stream;
mod surt;
mod tables;
mod walk;
mod warc;

pub use field::{Field, field_names};
pub use files::Target;
pub use format::Format;
pub use job::{Dedupe, ExportError, Job};
pub use manifest::{Manifest, WrittenFile};
pub use series::{Start, Summary, to_files};
pub use stream::Stream;
pub use walk::{Bounds, Progress};

/// The id of the last fetch that an export looked at; 0: none.
pub type Cursor = i64;
