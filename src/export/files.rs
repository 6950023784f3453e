//! [`Target`]: the names of an export's files. [`SeriesLock`]: what keeps two exports from writing them at once.
//! [`PartFile`]: one of them while it is written.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::job::ExportError;

/// What the name of an unfinished file ends with.
const UNFINISHED: &str = ".sqrawl-part";
/// What the name of the lock ends with.
const LOCK: &str = ".sqrawl-lock";

/// Where an export goes: the first file has the name that was given, the others a number in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    folder: PathBuf,
    /// As it was given.
    given: String,
    /// Of the files with rows.
    name: String,
}

impl Target {
    /// `path` is the file that was asked for. `None`: it names none.
    pub fn new(path: &Path) -> Option<Target> {
        let name = path.file_name()?.to_str()?.to_owned();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
        Some(Target { folder, given: name.clone(), name })
    }

    /// The same for `NAME.cdxj`, whose rows stand in `NAME.warc.gz`.
    #[must_use]
    pub fn of_index(mut self) -> Target {
        let stem = self.given.strip_suffix(".cdxj").unwrap_or(&self.given);
        self.name = format!("{stem}.warc.gz");
        self
    }

    /// Whether the files are packed, by their name.
    pub fn is_packed(&self) -> bool {
        self.name.to_ascii_lowercase().ends_with(".gz")
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join(format!("{}.manifest.json", self.given))
    }

    /// The path of a file with this name.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The name of the n-th file, from 1.
    pub(crate) fn numbered(&self, n: usize) -> String {
        if n <= 1 { self.name.clone() } else { self.always_numbered(n) }
    }

    /// The same with a number in the first one, too.
    pub(crate) fn always_numbered(&self, n: usize) -> String {
        let (stem, ending) = self.parts();
        format!("{stem}-{n:05}{ending}")
    }

    /// The index of a file with rows.
    pub(crate) fn index_of(name: &str) -> String {
        let stem = name.strip_suffix(".gz").unwrap_or(name);
        format!("{}.cdxj", stem.strip_suffix(".warc").unwrap_or(stem))
    }

    /// Whether a file of this name can be one of the files with rows, or the index of one.
    fn owns(&self, name: &str) -> bool {
        let (stem, ending) = self.parts();
        let number = |name: &str| {
            let rest = name.strip_prefix(stem)?.strip_suffix(ending)?.strip_prefix('-')?;
            (rest.len() >= 5 && rest.bytes().all(|b| b.is_ascii_digit())).then_some(())
        };
        let has_rows = |name: &str| name == self.name || number(name).is_some();
        let of_index = name.strip_suffix(".cdxj").map(|stem| format!("{stem}{ending}"));
        has_rows(name) || of_index.is_some_and(|name| has_rows(&name))
    }

    /// Whether an export into a file of this name has begun, as its manifest or its lock says.
    fn is_of_another(&self, name: &str) -> bool {
        let given = [name.to_owned(), Self::index_of(name)];
        let is_held = |name: &str| {
            let lock = self.path_of(&format!("{name}{LOCK}"));
            name != self.name && File::open(lock).is_ok_and(|file| file.try_lock().is_err())
        };
        let has_manifest = |given: &String| {
            *given != self.given && self.path_of(&format!("{given}.manifest.json")).symlink_metadata().is_ok()
        };
        is_held(name) || given.iter().any(has_manifest)
    }

    /// Removes the unfinished files that dead exports have left. To be called under the lock.
    pub(crate) fn sweep(&self) {
        let Ok(folder) = std::fs::read_dir(&self.folder) else { return };
        for entry in folder.flatten() {
            let name = entry.file_name();
            let is_left = name.to_str().and_then(|name| name.strip_suffix(UNFINISHED)).is_some_and(|of| self.owns(of));
            // One that is locked belongs to an export with another name.
            let is_free = || File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            let of = name.to_str().and_then(|name| name.strip_suffix(UNFINISHED)).unwrap_or_default();
            if is_left && !self.is_of_another(of) && is_free() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Before the last dot, and from there on; `.gz` belongs to the ending before it.
    fn parts(&self) -> (&str, &str) {
        let plain = self.name.strip_suffix(".gz").unwrap_or(&self.name);
        let at = plain.rfind('.').filter(|at| *at > 0).unwrap_or(plain.len());
        self.name.split_at(at)
    }
}

/// The unfinished file of this one.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Has names that were given survive a power loss. Not every file system lets a folder be synced.
pub(crate) fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Held by the one export that writes the files of a target, from its first look at them to the last name. Gone when it
/// is dropped, or with its process.
pub(crate) struct SeriesLock {
    path: PathBuf,
    _file: File,
}

impl SeriesLock {
    /// Takes it.
    ///
    /// # Errors
    /// [`ExportError::Busy`] when another export has it, [`ExportError::File`] when there can be none.
    pub(crate) fn take(target: &Target) -> Result<SeriesLock, ExportError> {
        // An index and its WARC file have one lock, whichever was asked for.
        let of = target.path_of(&target.name);
        let path = target.path_of(&format!("{}{LOCK}", target.name));
        loop {
            let mut options = OpenOptions::new();
            let opened = options.write(true).create(true).truncate(false).open(&path);
            let file = opened.map_err(ExportError::file(&of))?;
            locked(&file, &of)?;
            // Whoever had it may have removed it meanwhile; the next one makes another of that name.
            if is_named(&file, &path) {
                return Ok(SeriesLock { path, _file: file });
            }
        }
    }
}

impl Drop for SeriesLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn locked(file: &File, of: &Path) -> Result<(), ExportError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => ExportError::Busy(of.to_owned()),
        TryLockError::Error(source) => ExportError::File { path: of.to_owned(), source },
    })
}

/// Whether the open file is the one of this name.
#[cfg(unix)]
fn is_named(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |found: io::Result<std::fs::Metadata>| found.map(|found| (found.dev(), found.ino())).ok();
    of(file.metadata()).is_some_and(|file| of(path.symlink_metadata()) == Some(file))
}

/// An open file keeps its name here.
#[cfg(not(unix))]
fn is_named(_: &File, _: &Path) -> bool {
    true
}

/// A file that is counted and hashed as it is written.
struct Measured {
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

enum Packing {
    Plain(Box<Measured>),
    Gzip(Box<GzEncoder<Measured>>),
}

/// A file that has no name yet. Dropped before [`PartFile::finish`] it is gone.
pub(crate) struct PartFile {
    path: PathBuf,
    part: PathBuf,
    packing: Option<Packing>,
    /// Bytes before packing.
    pub(crate) plain_bytes: u64,
}

impl PartFile {
    /// Begins the file `path`; what a killed process left of it is written over.
    pub(crate) fn create(path: &Path, packed: bool) -> Result<PartFile, ExportError> {
        let part = part_of(path);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(&part).map_err(ExportError::file(&part))?;
        locked(&file, path)?;
        file.set_len(0).map_err(ExportError::file(&part))?;
        let out = BufWriter::with_capacity(256 * 1024, file);
        let measured = Measured { out, hasher: blake3::Hasher::new(), bytes: 0 };
        let packing = match packed {
            true => Packing::Gzip(Box::new(GzEncoder::new(measured, Compression::default()))),
            false => Packing::Plain(Box::new(measured)),
        };
        Ok(PartFile { path: path.to_owned(), part, packing: Some(packing), plain_bytes: 0 })
    }

    /// Bytes in the file so far, about.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.packing {
            Some(Packing::Plain(measured)) => measured.bytes,
            Some(Packing::Gzip(encoder)) => encoder.get_ref().bytes,
            None => 0,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Has all of it on the disk, under its unfinished name; bytes and their hash.
    pub(crate) fn finish(mut self) -> Result<(u64, String), ExportError> {
        let fault = ExportError::file(&self.path);
        let finished = match self.packing.take() {
            Some(Packing::Plain(measured)) => Ok(*measured),
            Some(Packing::Gzip(encoder)) => encoder.finish(),
            None => Err(io::Error::other("it was finished before")),
        };
        let synced = finished.and_then(|mut measured| {
            measured.out.flush()?;
            measured.out.get_ref().sync_all()?;
            Ok((measured.bytes, measured.hasher.finalize().to_hex().to_string()))
        });
        if synced.is_err() {
            let _ = std::fs::remove_file(&self.part);
        }
        synced.map_err(fault)
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.packing {
            Some(Packing::Plain(measured)) => measured.write(bytes)?,
            Some(Packing::Gzip(encoder)) => encoder.write(bytes)?,
            None => 0,
        };
        self.plain_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Before the lock goes with the file.
        if self.packing.is_some() {
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_before_their_ending() {
        let cases = [
            ("pages.jsonl", "pages.jsonl", "pages-00002.jsonl"),
            ("a.b.warc.gz", "a.b.warc.gz", "a.b-00002.warc.gz"),
            ("pages", "pages", "pages-00002"),
            (".csv", ".csv", ".csv-00002"),
        ];
        for (given, first, second) in cases {
            let target = Target::new(Path::new("x").join(given).as_path()).unwrap();
            assert_eq!((target.numbered(1).as_str(), target.numbered(2).as_str()), (first, second));
            assert_eq!(target.manifest(), Path::new("x").join(format!("{given}.manifest.json")));
        }
        let index = Target::new(Path::new("site.cdxj")).unwrap().of_index();
        assert_eq!(index.numbered(2), "site-00002.warc.gz");
        assert_eq!(Target::index_of(&index.numbered(2)), "site-00002.cdxj");
        assert_eq!(index.manifest(), Path::new("./site.cdxj.manifest.json"));
        assert_eq!(Target::new(Path::new("/")), None);
    }

    #[test]
    fn what_dead_exports_have_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::new(&folder.path().join("a.cdxj")).unwrap().of_index();
        let left = ["a.warc.gz", "a-00002.warc.gz", "a-123456.cdxj"];
        let kept = ["b.warc.gz", "a-002.warc.gz", "a-00002.jsonl", "a-0000x.cdxj"];
        for name in left.iter().chain(&kept) {
            std::fs::write(part_of(&folder.path().join(name)), "x").unwrap();
        }
        // Another export into the second one, which has named its file; one that runs; one that died before.
        let plain = Target::new(&folder.path().join("c.jsonl")).unwrap();
        let others = [("c-00002.jsonl", true), ("c-00003.jsonl", true), ("c-00004.jsonl", false)];
        for (name, _) in others {
            std::fs::write(part_of(&folder.path().join(name)), "x").unwrap();
        }
        std::fs::write(folder.path().join("c-00002.jsonl.manifest.json"), "{}").unwrap();
        let _runs = SeriesLock::take(&Target::new(&folder.path().join("c-00003.jsonl")).unwrap()).unwrap();
        std::fs::write(folder.path().join("c-00004.jsonl.sqrawl-lock"), "").unwrap();
        target.sweep();
        plain.sweep();
        let there = |name: &&str| part_of(&folder.path().join(name)).exists();
        others.iter().for_each(|(name, stays)| assert_eq!(there(name), *stays, "{name}"));
        assert_eq!((left.iter().filter(|n| there(n)).count(), kept.iter().filter(|n| there(n)).count()), (0, 4));
    }

    #[test]
    fn one_export_has_the_files_of_a_target() {
        let folder = tempfile::tempdir().unwrap();
        let target = |name: &str| Target::new(&folder.path().join(name)).unwrap();
        let held = SeriesLock::take(&target("a.warc.gz")).unwrap();
        assert!(matches!(SeriesLock::take(&target("a.cdxj").of_index()), Err(ExportError::Busy(_))));
        assert!(SeriesLock::take(&target("b.warc.gz")).is_ok());
        drop(held);
        assert!(SeriesLock::take(&target("a.warc.gz")).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_finished_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut part = PartFile::create(&path, false).unwrap();
        part.write_all(b"x").unwrap();
        assert!(matches!(PartFile::create(&path, false), Err(ExportError::Busy(_))));
        drop(part);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut part = PartFile::create(&path, true).unwrap();
        part.write_all(b"hello").unwrap();
        let (bytes, hash) = part.finish().unwrap();
        let written = std::fs::read(part_of(&path)).unwrap();
        assert_eq!((bytes, hash), (written.len() as u64, blake3::hash(&written).to_hex().to_string()));
        assert!(!path.exists());
    }
}
