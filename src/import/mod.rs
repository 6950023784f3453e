//! What others have collected, taken into a crawl without a network: [`Found`] tells what a file is, [`names`] reads lists of
//! URLs and sitemaps, [`Records`] reads WARC files, and [`Importer`] has the frontier take both.
//!
//! A page from a WARC file goes the way of every page: a lease of its host, the parser, the verdict, the transaction that
//! settles it. Nothing is asked for, so no robots.txt is read and no delay is kept or recorded.

mod http;
mod importer;
mod names;
mod warc;

pub use http::{Answer, answer};
pub use importer::{Counts, Importer};
pub use names::{Found, Names, names};
pub use warc::{Record, Records};
