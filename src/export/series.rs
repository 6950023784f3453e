//! [`to_files`]: an export into files, each of them whole or not there, named by a [`Manifest`].
//!
//! ```text
//! rows ─> FILE.sqrawl-part ── synced ─> manifest names it ── in one step ─> FILE
//! ```
//!
//! A process that dies before the manifest has lost the file: whoever goes on with `--since auto` begins after the last
//! one that is named. Dies it later, the next run gives the file its name. Either way every fetch stands in one file
//! that the manifest names, and in one only.
//!
//! Files that take the place of others get their names together, when all of them are whole: until then what is there
//! stays as it is. The manifest names them, and what is still to be removed, before the first name changes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use url::Url;

use super::Cursor;
use super::contents::Contents;
use super::files::{PartFile, SeriesLock, Target, part_of, sync_folder};
use super::format::{Format, RefersTo, RowFormat};
use super::job::{self, ExportError, Job};
use super::manifest::{Manifest, Source, WrittenFile};
use super::sitemap::sitemap_index;
use super::walk::{Bounds, Sink, seen_until, walk};
use crate::failpoint;
use crate::store::sqlite::read::{FetchMark, Reader, StoredFetch};

/// Where an export begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first fetch, or after this one, in new files. `contents`: those that what was exported before has, as its
    /// manifest says.
    After {
        /// The fetch; 0: at the first one.
        cursor: Cursor,
        /// [`Manifest::contents`].
        contents: Option<String>,
    },
    /// Where the manifest beside the target ends, in further files; without one, at the first fetch.
    Auto,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Summary {
    /// The manifest.
    pub manifest: PathBuf,
    /// Files of this run.
    pub files: Vec<WrittenFile>,
    /// Rows of this run.
    pub rows: u64,
    /// Where the next run begins.
    pub cursor: Cursor,
    /// Whether it went to the end.
    pub complete: bool,
    /// It was stopped, and its files get their names together: everything is as it was before.
    pub unchanged: bool,
}

/// Writes the files of a job. `force`: what is there may be replaced, which happens when the new files are whole, all at
/// once. `now` is ISO 8601.
///
/// # Errors
/// [`ExportError`]. Files that were finished before stay, and are named by the manifest.
pub async fn to_files(
    reader: &mut Reader,
    job: &Job,
    target: &Target,
    start: &Start,
    force: bool,
    now: &str,
    bounds: &Bounds,
) -> Result<Summary, ExportError> {
    let _lock = SeriesLock::take(target)?;
    let begun = begin(reader, job, target, start, force, now).await?;
    target.sweep();
    let (after, known) = (begun.manifest.cursor, begun.manifest.files.len());
    let upto = reader.last_fetch_id().await?.max(after);
    let cursor_before = begun.old.as_ref().map_or(after, |old| old.cursor);
    let writer = job.writer(job::maker(reader, now).await?, target.is_packed(), target.folder());
    let written = begun.manifest.contents().filter(|_| after > 0);
    let Some(mut seen) = seen_until(reader, job, after, written.as_ref(), bounds).await? else {
        let (manifest, cursor) = (target.manifest(), cursor_before);
        return Ok(Summary { manifest, rows: 0, files: Vec::new(), cursor, complete: false, unchanged: true });
    };
    let contents = job.dedupe.map(|_| seen.contents().clone());
    let mut files = Files::new(job, target, begun, writer, contents);
    let walked = walk(reader, job, (after, upto), &mut seen, bounds, &mut files).await;
    let is_whole = walked.map_err(|error| files.remedied(error))?;
    if is_whole {
        let last = reader.fetch_mark(upto).await?;
        files.finish(upto, last, now).map_err(|error| files.remedied(error))?;
    } else {
        // What is finished is named already, or lost with the rest; what is open is lost with its part.
        files.open = None;
    }
    let unchanged = !is_whole && files.at_once;
    let manifest = files.manifest.clone();
    let files = manifest.files[known..].to_vec();
    let rows = files.iter().filter(|file| !file.name.ends_with(".cdxj")).map(|file| file.rows).sum();
    let cursor = if unchanged { cursor_before } else { manifest.cursor };
    Ok(Summary { manifest: target.manifest(), rows, files, cursor, complete: is_whole, unchanged })
}

/// What an export adds to, or begins.
struct Begun {
    manifest: Manifest,
    /// What it takes the place of.
    old: Option<Manifest>,
    /// Whether what is there may be replaced.
    replaces: bool,
}

async fn begin(
    reader: &mut Reader,
    job: &Job,
    target: &Target,
    start: &Start,
    force: bool,
    now: &str,
) -> Result<Begun, ExportError> {
    let path = target.manifest();
    let old = match Manifest::read(&path) {
        // One that cannot be read is replaced like any other file.
        Err(ExportError::Unfit(_)) if force && *start != Start::Auto => None,
        read => read?,
    };
    let ((after, contents), mut old) = match (start, old) {
        (Start::Auto, Some(manifest)) => {
            let manifest = go_on(reader, job, target, manifest).await?;
            return Ok(Begun { manifest, old: None, replaces: false });
        }
        (Start::Auto, None) => ((0, None), None),
        (Start::After { cursor, contents }, old) => ((*cursor, contents.clone()), old),
    };
    let taken = [path, target.path_of(&target.numbered(1))];
    let taken = taken.into_iter().find(|path| path.symlink_metadata().is_ok());
    let replaces = taken.is_some();
    if let Some(taken) = taken.filter(|_| !force) {
        return Err(if *start == Start::Auto { ExportError::Unnamed(taken) } else { ExportError::exists(taken, job) });
    }
    let source = Source { path: reader.path().display().to_string(), identity: reader.identity().await? };
    let manifest = Manifest { contents, ..Manifest::new(source, job.options(), after, now) };
    if let Some(old) = &mut old {
        // An export that died has named them: they are what is there until this one is whole.
        let replaced = old.replaced.clone();
        old.finish_names(target)?;
        if !replaced.is_empty() {
            old.write(target)?;
        }
    }
    Ok(Begun { manifest, old, replaces })
}

/// The manifest that is there, when it is of the same export and its files are there.
async fn go_on(
    reader: &mut Reader,
    job: &Job,
    target: &Target,
    mut manifest: Manifest,
) -> Result<Manifest, ExportError> {
    let path = target.manifest();
    if job.format == Format::Sitemap {
        return Err(ExportError::Unfit("a sitemap is always the whole site; --force replaces it".to_owned()));
    }
    if manifest.options != job.options() {
        return Err(ExportError::Unfit(format!(
            "{} is of an export with other options ({}); give the same ones, or another -o",
            path.display(),
            manifest.options
        )));
    }
    manifest.fits(reader, &path).await?;
    manifest.finish_names(target)?;
    manifest.has_its_files(target)?;
    manifest.complete = false;
    Ok(manifest)
}

/// A file that is whole and has no name yet.
struct Staged {
    path: PathBuf,
    file: WrittenFile,
}

struct Files<'a> {
    job: &'a Job,
    target: &'a Target,
    /// What the files take the place of, and whether they take the place of anything.
    old: Option<Manifest>,
    replaces: bool,
    /// Whether the files get their names together at the end: those of a sitemap, and those that replace others.
    at_once: bool,
    manifest: Manifest,
    writer: Box<dyn RowFormat>,
    open: Option<Open>,
    staged: Vec<Staged>,
    at: Cursor,
    /// What the files have, where copies are left out.
    contents: Option<Contents>,
    /// Scheme and authority of the first URL.
    root: Option<String>,
}

/// The file that is written.
struct Open {
    part: PartFile,
    name: String,
    rows: u64,
    after: Cursor,
}

impl Sink for Files<'_> {
    fn refers_to(&self, row: &StoredFetch) -> RefersTo {
        self.writer.refers_to(row)
    }

    fn row(&mut self, row: &StoredFetch, referred: Option<&FetchMark>) -> Result<bool, ExportError> {
        if self.open.as_ref().is_some_and(|open| self.is_full(&open.part, open.rows)) {
            self.close()?;
            // A new file refers to nothing in the one before.
            if !self.at_once {
                self.commit(None)?;
            }
        }
        if self.open.is_none() {
            self.open()?;
        }
        let Some(Open { part, rows, .. }) = &mut self.open else { return Ok(false) };
        let path = part.path().to_owned();
        let written = self.writer.row(row, referred, part).map_err(ExportError::file(&path))?;
        *rows += u64::from(written);
        if let (Some(contents), Some(Ok(id))) = (&mut self.contents, row.content_id.map(u32::try_from)) {
            contents.insert(id);
        }
        if written && self.root.is_none() {
            self.root = Url::parse(&row.url).ok().map(|url| url.origin().ascii_serialization());
        }
        self.at = row.fetch_id;
        // The mark of a cursor in the middle: the row itself.
        self.manifest.last =
            Some(FetchMark { fetch_id: row.fetch_id, url: row.url.clone(), fetched_at: row.fetched_at.clone() });
        Ok(written)
    }

    fn release(&mut self, content: u32) {
        if let Some(contents) = &mut self.contents {
            contents.remove(content);
        }
    }
}

impl<'a> Files<'a> {
    fn new(
        job: &'a Job,
        target: &'a Target,
        begun: Begun,
        writer: Box<dyn RowFormat>,
        contents: Option<Contents>,
    ) -> Self {
        let Begun { manifest, old, replaces } = begun;
        Files {
            job,
            target,
            old,
            replaces,
            at_once: replaces || job.format == Format::Sitemap,
            at: manifest.cursor,
            manifest,
            writer,
            open: None,
            staged: Vec::new(),
            contents,
            root: None,
        }
    }

    /// Where files are whole already, the same command would find them there.
    fn remedied(&self, error: ExportError) -> ExportError {
        match error {
            ExportError::File { path, source } if !self.at_once && !self.manifest.files.is_empty() => {
                ExportError::FileOfSeries { path, source }
            }
            other => other,
        }
    }

    fn is_full(&self, part: &PartFile, rows: u64) -> bool {
        let (most_rows, most_plain) = self.job.most();
        let bytes = part.bytes();
        rows >= most_rows
            || part.plain_bytes >= most_plain
            || (self.job.format != Format::Sitemap && self.job.max_bytes.is_some_and(|most| bytes >= most && rows > 0))
    }

    /// How many files with rows there are.
    fn count(&self) -> usize {
        let named = self.manifest.files.iter().filter(|file| !file.name.ends_with(".cdxj")).count();
        named + self.staged.iter().filter(|staged| !staged.file.name.ends_with(".cdxj")).count()
    }

    fn open(&mut self) -> Result<(), ExportError> {
        let n = self.count() + 1;
        let name =
            if self.job.format == Format::Sitemap { self.target.always_numbered(n) } else { self.target.numbered(n) };
        let path = self.free(&name)?;
        // Records of a WARC file are packed one by one, by their writer.
        let packed = self.target.is_packed() && !matches!(self.job.format, Format::Warc | Format::Cdxj);
        let mut part = PartFile::create(&path, packed)?;
        self.writer.begin(&name, &mut part).map_err(ExportError::file(&path))?;
        self.open = Some(Open { part, name, rows: 0, after: self.at });
        Ok(())
    }

    /// The path of a file that is not there yet.
    fn free(&self, name: &str) -> Result<PathBuf, ExportError> {
        let path = self.target.path_of(name);
        match path.symlink_metadata() {
            Ok(_) if !self.replaces => Err(ExportError::InTheWay(path)),
            _ => Ok(path),
        }
    }

    /// Has the open file whole on the disk, and its index.
    fn close(&mut self) -> Result<(), ExportError> {
        let Some(Open { mut part, name, rows, after }) = self.open.take() else { return Ok(()) };
        let path = part.path().to_owned();
        self.writer.end(&mut part).map_err(ExportError::file(&path))?;
        self.stage(part, name.clone(), rows, after)?;
        if self.job.format == Format::Cdxj {
            let name = Target::index_of(&name);
            let path = self.free(&name)?;
            let mut part = PartFile::create(&path, false)?;
            self.writer.index(&mut part).map_err(ExportError::file(&path))?;
            self.stage(part, name, rows, after)?;
        }
        Ok(())
    }

    fn stage(&mut self, part: PartFile, name: String, rows: u64, after: Cursor) -> Result<(), ExportError> {
        let path = part.path().to_owned();
        let (bytes, blake3) = part.finish()?;
        let file = WrittenFile { name, rows, bytes, blake3, after, cursor: self.at };
        self.staged.push(Staged { path, file });
        Ok(())
    }

    /// Names what is whole in the manifest, then gives it its name. `now`: the manifest was brought up to date.
    fn commit(&mut self, now: Option<&str>) -> Result<(), ExportError> {
        failpoint::reach("exporting", "files", &self.target.manifest().display().to_string());
        for staged in &mut self.staged {
            self.manifest.rows += if staged.file.name.ends_with(".cdxj") { 0 } else { staged.file.rows };
            self.manifest.files.push(staged.file.clone());
        }
        self.manifest.cursor = self.at;
        self.manifest.contents = self.contents.as_ref().map(Contents::to_ranges);
        now.unwrap_or(&self.manifest.updated_at.clone()).clone_into(&mut self.manifest.updated_at);
        self.manifest.write(self.target)?;
        failpoint::reach("exporting", "manifest", &self.target.manifest().display().to_string());
        // They are named: whatever happens from here, whoever goes on gives them their names.
        for staged in std::mem::take(&mut self.staged) {
            std::fs::rename(part_of(&staged.path), &staged.path).map_err(ExportError::file(&staged.path))?;
            sync_folder(&staged.path);
            failpoint::reach("exporting", "name", &staged.path.display().to_string());
        }
        Ok(())
    }

    /// The last file, the end of the walk, and the end of what is replaced.
    fn finish(&mut self, upto: Cursor, last: Option<FetchMark>, now: &str) -> Result<(), ExportError> {
        if self.manifest.files.is_empty() && self.open.is_none() && self.staged.is_empty() {
            self.open()?;
        }
        self.at = upto;
        self.close()?;
        if self.job.format == Format::Sitemap {
            self.name_sitemaps()?;
        }
        (self.manifest.complete, self.manifest.last) = (true, last);
        let new: HashSet<&str> = self.staged.iter().map(|staged| staged.file.name.as_str()).collect();
        let old = self
            .old
            .take()
            .into_iter()
            .flat_map(|old| old.files.into_iter().map(|file| file.name).chain(old.replaced).collect::<Vec<_>>());
        self.manifest.replaced = old.filter(|name| !new.contains(name.as_str())).collect();
        self.commit(Some(now))?;
        if self.manifest.replaced.is_empty() {
            return Ok(());
        }
        self.manifest.remove_replaced(self.target)?;
        failpoint::reach("exporting", "replaced", &self.target.manifest().display().to_string());
        self.manifest.write(self.target)
    }

    /// One sitemap has the name that was asked for; of several the index has it.
    fn name_sitemaps(&mut self) -> Result<(), ExportError> {
        let name = self.target.numbered(1);
        let path = self.free(&name)?;
        if let [only] = &mut self.staged[..] {
            std::fs::rename(part_of(&only.path), part_of(&path)).map_err(ExportError::file(&path))?;
            (only.path, only.file.name) = (path, name);
            return Ok(());
        }
        let base = self.job.base_url.clone().or(self.root.clone()).unwrap_or_default();
        let base = if base.ends_with('/') { base } else { format!("{base}/") };
        let urls: Vec<String> = self.staged.iter().map(|staged| format!("{base}{}", staged.file.name)).collect();
        let mut part = PartFile::create(&path, self.target.is_packed())?;
        std::io::Write::write_all(&mut part, sitemap_index(&urls).as_bytes()).map_err(ExportError::file(&path))?;
        self.stage(part, name, 0, self.manifest.cursor)
    }
}

impl Drop for Files<'_> {
    fn drop(&mut self) {
        for staged in &self.staged {
            let _ = std::fs::remove_file(part_of(Path::new(&staged.path)));
        }
    }
}
