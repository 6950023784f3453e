//! What others have collected, taken into a crawl without a network: [`Found`] tells what a file is, [`ListLines`] reads lists of
//! URLs, [`sitemap`] sitemaps and feeds, [`Records`] WARC files, and [`Importer`] has the frontier take both URLs and pages.
//!
//! A page from a WARC file goes the way of every page: a lease of its host, the parser, the verdict, the transaction that
//! settles it. Nothing is asked for, so no robots.txt is read and no delay is kept or recorded. [`capture`] says what a
//! record is; what refers to the payload of another record finds it by [`Payloads`].

mod capture;
mod dates;
mod http;
mod importer;
mod list;
mod names;
mod payloads;
mod source;
mod warc;

pub use capture::{Capture, Revisit, capture, url_of};
pub use http::Answer;
pub use importer::{Counts, Ended, Importer};
pub use list::{ListLines, not_a_list};
pub use names::{Found, Names, sitemap};
pub use payloads::Payloads;
pub use source::{Placed, open};
pub use warc::{Record, Records};
