//! [`Payloads`]: where the records stand that others refer to.
//!
//! A revisit names the record with its payload by an id, by URL and date, or by a digest. So of each record that holds a
//! payload a few hashes and its place are kept, and the record is read again when it is needed: memory does not grow with
//! the payloads. What is read is looked at: it has to be what was asked for.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::capture::{Revisit, original};
use super::http::Answer;
use super::source::open_at;
use super::warc::{Record, Records};
use crate::scope::UrlRules;

/// Most names that are kept, three for a record at most: some 36 MB.
const MOST_NAMES: usize = 1_800_000;
/// Bits of a place that say where in its file.
const OFFSET_BITS: u32 = 48;

/// Places of records by their names.
#[derive(Debug, Default)]
pub struct Payloads {
    files: Vec<PathBuf>,
    /// Place by the hash of a name: number of the file, offset.
    places: HashMap<u64, u64>,
}

impl Payloads {
    /// From here on records are of this file.
    pub fn begin(&mut self, path: &Path) {
        self.files.push(path.to_owned());
    }

    /// Takes note of a record that holds a payload.
    pub fn note(&mut self, record: &Record) {
        let (Some(offset), Some(file)) = (record.place, self.files.len().checked_sub(1)) else { return };
        if offset >> OFFSET_BITS != 0 || file >> (64 - OFFSET_BITS) != 0 {
            return;
        }
        let place = (file as u64) << OFFSET_BITS | offset;
        for name in names_of(record) {
            if self.places.len() < MOST_NAMES {
                // The first one of a digest, the latest one of a URL.
                let known = self.places.entry(name.hash()).or_insert(place);
                if name.kind != Kind::Digest {
                    *known = place;
                }
            }
        }
    }

    /// The answer that a revisit stands for; `None`: what it refers to is in none of the files that were read so far.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn resolve(
        &self,
        revisit: Revisit,
        rules: &UrlRules,
        most_body: u64,
        most_block: u64,
    ) -> io::Result<Option<Answer>> {
        for name in names_in(&revisit) {
            let Some(place) = self.places.get(&name.hash()) else { continue };
            let (file, offset) = ((place >> OFFSET_BITS) as usize, place & ((1 << OFFSET_BITS) - 1));
            let Some(path) = self.files.get(file) else { continue };
            let Some(Ok(record)) = Records::new(open_at(path, offset)?, most_block).next() else { continue };
            let is_the_one = names_of(&record).any(|held| held == name) && fits(&record, &revisit);
            if let (true, Ok(answer)) = (is_the_one, original(record, rules, most_body)) {
                return Ok(Some(revisit.with(answer)));
            }
        }
        Ok(None)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Id,
    Url,
    Digest,
}

/// What a record can be referred to by.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    kind: Kind,
    text: String,
}

impl Name {
    fn new(kind: Kind, text: &str) -> Self {
        let text = text.trim_matches(['<', '>']);
        // Digests in base32 and in hexadecimal are written in either case.
        Name { kind, text: if kind == Kind::Digest { text.to_ascii_lowercase() } else { text.to_owned() } }
    }

    fn hash(&self) -> u64 {
        let hash = blake3::hash(format!("{:?} {}", self.kind, self.text).as_bytes());
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap_or_default())
    }
}

fn names_of(record: &Record) -> impl Iterator<Item = Name> {
    let fields = [(Kind::Id, "warc-record-id"), (Kind::Url, "warc-target-uri"), (Kind::Digest, "warc-payload-digest")];
    fields.into_iter().filter_map(|(kind, field)| Some(Name::new(kind, record.field(field)?)))
}

/// The surest first.
fn names_in(revisit: &Revisit) -> Vec<Name> {
    let said = [(Kind::Id, &revisit.refers_to), (Kind::Digest, &revisit.digest), (Kind::Url, &revisit.uri)];
    said.into_iter().filter_map(|(kind, text)| Some(Name::new(kind, text.as_ref()?))).collect()
}

/// Whether nothing that the revisit says of the record is otherwise.
fn fits(record: &Record, revisit: &Revisit) -> bool {
    let same = |field: &str, said: &Option<String>, kind: Kind| match (record.field(field), said) {
        (Some(held), Some(said)) => Name::new(kind, held) == Name::new(kind, said),
        _ => true,
    };
    same("warc-payload-digest", &revisit.digest, Kind::Digest)
        && (same("warc-date", &revisit.date, Kind::Id) || revisit.digest.is_some())
}
