//! [`Manifest`]: which files an export has written, and how far in the crawl they go. A JSON file beside them.
//!
//! A file belongs to the export when the manifest names it, not before: the manifest is replaced in one step after the
//! file is whole on the disk, and only then the file gets its name. A process that dies between the two leaves it under
//! its unfinished name, and whoever goes on gives it the other one, in place of whatever has it. What the export replaces
//! is named too, until it is removed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cursor;
use super::contents::Contents;
use super::files::{Target, part_of, sync_folder};
use super::job::ExportError;
use crate::store::sqlite::read::{FetchMark, Limits, Reader, Rows, Value as Cell};

const VERSION: u32 = 1;
/// A larger one is none of ours.
const MOST_BYTES: u64 = 64 << 20;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Its name, in the folder of the manifest.
    pub name: String,
    /// Rows in it; an index has those of its file.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Of its bytes, hexadecimal.
    pub blake3: String,
    /// It has fetches after this one.
    pub after: Cursor,
    /// And up to this one.
    pub cursor: Cursor,
}

/// The crawl.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The database file, as it was given.
    pub path: String,
    /// What a crawl and its copies have, and no other crawl.
    pub identity: String,
}

/// What an export has written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this form.
    pub manifest: u32,
    /// What wrote it.
    pub program: String,
    /// When the export began, ISO 8601.
    pub created_at: String,
    /// When it was last added to.
    pub updated_at: String,
    /// The crawl.
    pub database: Source,
    /// Format, fields, condition.
    pub options: Value,
    /// Whether the files hold all up to the end that the export had when it began.
    pub complete: bool,
    /// Fetches after this one were looked at.
    pub after: Cursor,
    /// And up to this one: where `--since` goes on.
    pub cursor: Cursor,
    /// The fetch of the cursor; null: there was none.
    pub last: Option<FetchMark>,
    /// Rows of all files.
    pub rows: u64,
    /// The files, in order.
    pub files: Vec<WrittenFile>,
    /// The contents that they have, as ranges of ids, where copies are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<String>,
    /// Files of the export that this one takes the place of, which are still to be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
}

impl Manifest {
    pub(crate) fn new(database: Source, options: Value, after: Cursor, now: &str) -> Self {
        Manifest {
            manifest: VERSION,
            program: format!("sqrawl {}", env!("CARGO_PKG_VERSION")),
            created_at: now.to_owned(),
            updated_at: now.to_owned(),
            database,
            options,
            complete: false,
            after,
            cursor: after,
            last: None,
            rows: 0,
            files: Vec::new(),
            contents: None,
            replaced: Vec::new(),
        }
    }

    /// Reads one; `None`: there is none.
    ///
    /// # Errors
    /// [`ExportError`] when it cannot be read or is no manifest.
    pub fn read(path: &Path) -> Result<Option<Manifest>, ExportError> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(ExportError::file(path))?,
        };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(ExportError::file(path))?;
        std::io::Read::read_to_string(&mut std::io::Read::take(file, MOST_BYTES), &mut text)
            .map_err(ExportError::file(path))?;
        let none = |why: String| ExportError::Unfit(format!("{} is no manifest of an export: {why}", path.display()));
        let manifest: Manifest = serde_json::from_str(&text).map_err(|error| none(error.to_string()))?;
        let is_plain = |name: &String| Path::new(name).file_name().is_some_and(|plain| plain == &**name);
        let names = || manifest.files.iter().map(|file| &file.name).chain(&manifest.replaced);
        match manifest.manifest {
            VERSION if !names().all(is_plain) => Err(none("it names a file of another folder".to_owned())),
            VERSION if manifest.contents.is_some() && manifest.contents().is_none() => {
                Err(none("its contents are no ranges of ids".to_owned()))
            }
            VERSION => Ok(Some(manifest)),
            other => Err(none(format!("it is of version {other}, this sqrawl knows {VERSION}"))),
        }
    }

    /// Puts it where it belongs, in one step.
    pub(crate) fn write(&self, target: &Target) -> Result<(), ExportError> {
        let path = target.manifest();
        let unfinished = part_of(&path);
        let fault = ExportError::file(&path);
        let written = (|| {
            let mut file = std::fs::File::create(&unfinished)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)
        })();
        written.map_err(fault)?;
        sync_folder(&path);
        Ok(())
    }

    /// The contents that its files have; `None`: nobody noted them.
    pub(crate) fn contents(&self) -> Option<Contents> {
        Contents::of_ranges(self.contents.as_ref()?)
    }

    /// Ends what a process that died has begun: files that were named and not given their names, and files that are
    /// replaced and still there.
    ///
    /// # Errors
    /// [`ExportError::File`].
    pub(crate) fn finish_names(&mut self, target: &Target) -> Result<(), ExportError> {
        for file in &self.files {
            let path = target.path_of(&file.name);
            let part = part_of(&path);
            let fault = ExportError::file(&part);
            if is_the_one(&part, file).map_err(fault)? {
                std::fs::rename(&part, &path).map_err(ExportError::file(&path))?;
                sync_folder(&path);
            }
        }
        self.remove_replaced(target)
    }

    /// Removes the files that are replaced.
    ///
    /// # Errors
    /// [`ExportError::File`].
    pub(crate) fn remove_replaced(&mut self, target: &Target) -> Result<(), ExportError> {
        for name in std::mem::take(&mut self.replaced) {
            let path = target.path_of(&name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(ExportError::file(&path)(error)),
                _ => sync_folder(&path),
            }
        }
        Ok(())
    }

    /// Whether the files that it names are there.
    ///
    /// # Errors
    /// [`ExportError::Unfit`] names the first one that is not.
    pub(crate) fn has_its_files(&self, target: &Target) -> Result<(), ExportError> {
        let is_there = |file: &&WrittenFile| {
            std::fs::metadata(target.path_of(&file.name)).is_ok_and(|found| found.len() == file.bytes)
        };
        let Some(lost) = self.files.iter().find(|file| !is_there(file)) else { return Ok(()) };
        Err(ExportError::Unfit(format!(
            "{} is not there as {} names it ({} bytes); put it back, or export all of it anew without --since and with --force; \
             -o OTHER --since {1} goes on elsewhere",
            target.path_of(&lost.name).display(),
            target.manifest().display(),
            lost.bytes
        )))
    }

    /// Whether what it says of the crawl is still so: the crawl is the same, and the fetch of the cursor is there.
    ///
    /// # Errors
    /// [`ExportError::Unfit`] says what is not.
    pub async fn fits(&self, reader: &mut Reader, path: &Path) -> Result<(), ExportError> {
        let (manifest, database) = (path.display(), reader.path().display().to_string());
        if reader.identity().await? != self.database.identity {
            return Err(ExportError::Unfit(format!(
                "{database} holds another crawl than the one of {manifest} ({}); choose its --db, or begin anew elsewhere",
                self.database.path
            )));
        }
        let found = reader.fetch_mark(self.cursor).await?;
        if found == self.last {
            let last = self.contents().and_then(|contents| contents.last()).map_or(0, i64::from);
            let held = last_content(reader).await?;
            if last <= held {
                return Ok(());
            }
            return Err(ExportError::Unfit(format!(
                "{manifest} names the content {last}, and {database} has none after {held}; put the manifest back as it \
                 was, or export all of it anew without --since and with --force"
            )));
        }
        Err(ExportError::Unfit(format!(
            "{database} does not hold the fetch {} that {manifest} ends with: it is an older copy, or its last commits were \
             lost with the power; export it anew without --since and with --force, or elsewhere",
            self.cursor
        )))
    }

    /// The files that are named, with their paths.
    pub fn paths(&self, manifest: &Path) -> Vec<PathBuf> {
        let folder = manifest.parent().unwrap_or(Path::new(""));
        self.files.iter().map(|file| folder.join(&file.name)).collect()
    }
}

/// The id of the latest content; 0: there is none.
async fn last_content(reader: &mut Reader) -> Result<i64, ExportError> {
    let mut found = Rows::default();
    let sql = "SELECT coalesce(max(id), 0) FROM contents";
    reader.query(sql, &[], &Limits::default(), &mut found).await?;
    let id = found.rows.first().and_then(|row| row.first());
    Ok(if let Some(Cell::Integer(id)) = id { *id } else { 0 })
}

/// Whether what stands there is this file.
fn is_the_one(path: &Path, file: &WrittenFile) -> io::Result<bool> {
    if !std::fs::metadata(path).is_ok_and(|found| found.len() == file.bytes) {
        return Ok(false);
    }
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut std::fs::File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().to_hex().as_str() == file.blake3)
}
