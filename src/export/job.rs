//! [`Job`]: what an export writes. [`ExportError`]: why it cannot.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::Cursor;
use super::documents::{Documents, Prose, Shape};
use super::field::Field;
use super::format::{Format, RowFormat};
use super::sitemap::{self, Sitemap};
use super::tables::{CsvLines, JsonLines};
use super::warc::{Maker, WarcFormat};
use crate::store::StoreError;
use crate::store::sqlite::read::{Parts, Reader, Selection};

/// Which copies are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dedupe {
    /// Pages with a content that was written before.
    Exact,
    /// Those, and pages whose text is nearly that of one that was written before.
    Near,
}

/// What is written.
#[derive(Clone, Debug)]
pub struct Job {
    /// How.
    pub format: Format,
    /// What of each page, for JSON lines and CSV.
    pub fields: Vec<Field>,
    /// An SQL condition over the columns of `pages`.
    pub condition: Option<String>,
    /// Which copies are left out.
    pub dedupe: Option<Dedupe>,
    /// A file with more bytes is followed by another one; `None`: one file.
    pub max_bytes: Option<u64>,
    /// Whether documents are JSON lines.
    pub lines: bool,
    /// Where the files of a sitemap will be found; `None`: at the root of the first URL.
    pub base_url: Option<String>,
}

impl Job {
    /// `begins_after`: what an earlier export has looked at.
    pub(crate) fn selection(&self, begins_after: Cursor) -> Selection {
        Selection { kept: self.format.kept(), condition: self.condition.clone(), lost_since: begins_after }
    }

    pub(crate) fn parts(&self) -> Parts {
        let wanted = self.format.parts();
        let any = |part: fn(Parts) -> bool| self.fields.iter().any(|field| part(field.parts()));
        Parts { text: wanted.text || any(|parts| parts.text), body: wanted.body || any(|parts| parts.body) }
    }

    /// What has to be the same when an export goes on in files that are there.
    pub(crate) fn options(&self) -> Value {
        let fields: Vec<&str> = self.fields.iter().map(|field| field.name).collect();
        json!({"format": self.format, "fields": fields, "where": self.condition, "dedupe": self.dedupe,
               "lines": self.lines})
    }

    /// Most rows and bytes, before packing, of a file.
    pub(crate) fn most(&self) -> (u64, u64) {
        match self.format {
            Format::Sitemap => (sitemap::MOST_URLS, sitemap::MOST_BYTES.min(self.max_bytes.unwrap_or(u64::MAX))),
            _ => (u64::MAX, u64::MAX),
        }
    }

    /// The writer. `packed`: files are gzip files; `folder`: where there is room for what has to be sorted.
    pub(crate) fn writer(&self, maker: Maker, packed: bool, folder: &Path) -> Box<dyn RowFormat> {
        let shape = if self.lines { Shape::Lines } else { Shape::Headed };
        match self.format {
            Format::Jsonl => Box::new(JsonLines(self.fields.clone())),
            Format::Csv => Box::new(CsvLines(self.fields.clone())),
            Format::Warc => Box::new(WarcFormat::new(maker, packed, None)),
            Format::Cdxj => Box::new(WarcFormat::new(maker, packed, Some(folder))),
            Format::Sitemap => Box::new(Sitemap),
            Format::Text => Box::new(Documents { prose: Prose::Plain, shape }),
            Format::Markdown => Box::new(Documents { prose: Prose::Markdown, shape }),
        }
    }
}

/// What a WARC file says of its making. `date`: when the export began, ISO 8601.
pub(crate) async fn maker(reader: &mut Reader, date: &str) -> Result<Maker, StoreError> {
    let mut agents = HashMap::new();
    let mut obeyed_robots = true;
    for (session, version, config) in reader.session_settings().await? {
        let config: Value = serde_json::from_str(&config).unwrap_or_default();
        let said = config["user_agent"].as_str().map(str::to_owned);
        agents.insert(session, said.unwrap_or_else(|| format!("sqrawl/{version}")));
        obeyed_robots &= config["ignore_robots"].as_bool() != Some(true);
    }
    Ok(Maker { crawl: reader.identity().await?, date: date.to_owned(), agents, obeyed_robots })
}

/// Why an export cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there stays.
    #[error("{} exists; --since auto writes what is new into another file beside it, --force replaces it", .0.display())]
    Exists(PathBuf),
    /// The same of what can only be made anew.
    #[error("{} exists; --force replaces it, or choose another -o", .0.display())]
    ExistsWhole(PathBuf),
    /// There is nothing to go on with.
    #[error("{} exists and no manifest of an export beside it names it; choose another -o, or --force replaces it", .0.display())]
    Unnamed(PathBuf),
    /// A later file of the export has this name.
    #[error("{} exists, and no export into this -o made it; move it away, or choose another -o", .0.display())]
    InTheWay(PathBuf),
    /// Another export writes there.
    #[error("another export writes {}; wait for it, or choose another -o", .0.display())]
    Busy(PathBuf),
    /// What is asked for does not fit what is there.
    #[error("{0}")]
    Unfit(String),
    /// A file cannot be written, or read.
    #[error("{}: {source}{}", path.display(), remedy(source))]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The same where files before it are whole.
    #[error("{}: {source}{}", path.display(), remedy_of_series(source))]
    FileOfSeries {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The stream cannot be written.
    #[error("the output cannot be written: {0}; send it elsewhere, or make room for it")]
    Output(#[source] io::Error),
}

impl ExportError {
    /// Whether other arguments are the remedy.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            ExportError::Exists(_)
                | ExportError::ExistsWhole(_)
                | ExportError::Unnamed(_)
                | ExportError::InTheWay(_)
                | ExportError::Unfit(_)
                | ExportError::Busy(_)
        )
    }

    /// `job` can go on where what is there ends, unless it is a sitemap.
    pub(crate) fn exists(path: PathBuf, job: &Job) -> ExportError {
        if job.format == Format::Sitemap { ExportError::ExistsWhole(path) } else { ExportError::Exists(path) }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> ExportError + use<> {
        let path = path.to_owned();
        move |source| ExportError::File { path, source }
    }
}

fn remedy_of_series(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room, then run the same command with --since auto, which goes on after the last whole file"
        }
        _ => remedy(error),
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room, then run the same command again",
        io::ErrorKind::NotFound => "; make its folder, or choose another -o",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "; choose another -o",
        _ => "",
    }
}
