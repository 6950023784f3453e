//! [`RobotsShelf`]: the robots.txt files that a session has at hand, read and packed, whoever needs
//! them; what has long not been used makes room. A file that is not here is in the database, but for
//! those on their way there.
//!
//! A host may have a file for each of its ports, and a session a thousand hosts: were each worker to
//! keep its own, 500 KiB each would come to gigabytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Origin, Outcome, RobotsRecord, RobotsVerdict};
use crate::politeness::{RobotsFile, RobotsRules};

/// Most bytes of files at hand: some thousands of ordinary ones, a dozen of the largest.
pub(super) const SHELF_BYTES: usize = 32 * 1024 * 1024;

/// What is known of an origin, read for this crawler.
#[derive(Debug)]
pub(super) struct Known {
    /// Without its text.
    pub(super) record: RobotsRecord,
    /// How the last try ended in this session.
    pub(super) outcome: Outcome,
    pub(super) rules: RobotsRules,
}

impl Known {
    /// Reads a record. Half a megabyte takes some 20 ms.
    pub(super) fn read(record: &RobotsRecord, outcome: Outcome, agent: &str) -> Self {
        let rules = match (record.verdict, record.body.as_deref()) {
            (RobotsVerdict::Rules, Some(text)) => RobotsFile::parse(text).rules_for(agent),
            _ => RobotsRules::default(),
        };
        Known { record: without_text(record), outcome, rules }
    }

    /// With its places on the shelf, roughly.
    fn bytes(&self) -> usize {
        let error = self.record.error.as_ref().map_or(0, String::len);
        let hop = self.record.hop.as_ref().map_or(0, |hop| hop.url.as_str().len());
        size_of::<Self>()
            + self.rules.bytes()
            + error
            + hop
            + 2 * (size_of::<Origin>() + self.record.origin.host.as_str().len())
            + 100
    }
}

fn without_text(record: &RobotsRecord) -> RobotsRecord {
    let (origin, error, hop) = (record.origin.clone(), record.error.clone(), record.hop.clone());
    RobotsRecord { origin, error, hop, body: None, ..*record }
}

/// See the module.
#[derive(Debug)]
pub(super) struct RobotsShelf {
    inside: Mutex<Inside>,
    forgotten: AtomicU64,
}

#[derive(Debug, Default)]
struct Inside {
    /// With the moment of the last use, counted in uses.
    files: HashMap<Origin, (u64, Arc<Known>)>,
    by_use: BTreeMap<u64, Origin>,
    uses: u64,
    bytes: usize,
    most_bytes: usize,
    /// With the writer; their texts are paid for from the byte budget.
    on_their_way: HashMap<Origin, Arc<RobotsRecord>>,
}

impl RobotsShelf {
    pub(super) fn new(most_bytes: usize) -> Self {
        RobotsShelf { inside: Mutex::new(Inside { most_bytes, ..Inside::default() }), forgotten: AtomicU64::new(0) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of an origin, if it is at hand.
    pub(super) fn get(&self, origin: &Origin) -> Option<Arc<Known>> {
        self.inside().get(origin)
    }

    /// Keeps a file at hand; those used longest ago make room. One that is too large for the shelf is
    /// only returned.
    pub(super) fn put(&self, known: Known) -> Arc<Known> {
        self.inside().put(known)
    }

    /// Takes away the files that could not be had at the last try; the database says what is known of them. Books are to
    /// do the same, see [`RobotsShelf::forgotten`].
    pub(super) fn forget_failed(&self) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
        let mut inside = self.inside();
        let known = inside.files.values().map(|(_, known)| &known.record);
        let failed: Vec<Origin> =
            known.filter(|record| record.failures > 0).map(|record| record.origin.clone()).collect();
        for origin in &failed {
            inside.remove(origin);
        }
    }

    /// How often that was done.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// A record goes to the writer: until it is committed the database knows an older one.
    pub(super) fn send(&self, record: &Arc<RobotsRecord>) {
        self.inside().on_their_way.insert(record.origin.clone(), Arc::clone(record));
    }

    /// A record on its way to the database.
    pub(super) fn sent(&self, origin: &Origin) -> Option<Arc<RobotsRecord>> {
        self.inside().on_their_way.get(origin).cloned()
    }

    /// Records are committed.
    pub(super) fn committed(&self, records: &[Arc<RobotsRecord>]) {
        let mut inside = self.inside();
        for record in records {
            if inside.on_their_way.get(&record.origin).is_some_and(|latest| Arc::ptr_eq(latest, record)) {
                inside.on_their_way.remove(&record.origin);
            }
        }
    }
}

impl Inside {
    fn get(&mut self, origin: &Origin) -> Option<Arc<Known>> {
        let (used, known) = self.files.get_mut(origin)?;
        self.uses += 1;
        if let Some(name) = self.by_use.remove(used) {
            self.by_use.insert(self.uses, name);
        }
        *used = self.uses;
        Some(Arc::clone(known))
    }

    fn put(&mut self, known: Known) -> Arc<Known> {
        let (origin, known) = (known.record.origin.clone(), Arc::new(known));
        self.remove(&origin);
        if known.bytes() <= self.most_bytes {
            self.uses += 1;
            self.bytes += known.bytes();
            self.by_use.insert(self.uses, origin.clone());
            self.files.insert(origin, (self.uses, Arc::clone(&known)));
        }
        while self.bytes > self.most_bytes
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.remove(&oldest);
        }
        known
    }

    fn remove(&mut self, origin: &Origin) {
        if let Some((used, known)) = self.files.remove(origin) {
            self.by_use.remove(&used);
            self.bytes -= known.bytes();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::CrawlUrl;

    /// The record of a robots.txt that was there.
    pub(in crate::engine) fn record(host: &str, text: &str) -> RobotsRecord {
        RobotsRecord {
            origin: CrawlUrl::stored(&format!("https://{host}/")).unwrap().origin(),
            verdict: RobotsVerdict::Rules,
            status: Some(200),
            fetched_ms: 1,
            answered_ms: Some(1),
            expires_ms: 2,
            failures: 0,
            error: None,
            hop: None,
            body: Some(text.to_owned()),
        }
    }

    fn file(host: &str, rules: usize) -> Known {
        let rules: String = (0..rules).map(|n| format!("Disallow: /{n}\n")).collect();
        Known::read(&record(host, &format!("User-agent: *\n{rules}")), Outcome::Robots, "x")
    }

    fn names(shelf: &RobotsShelf) -> Vec<String> {
        let inside = shelf.inside();
        assert_eq!(inside.bytes, inside.files.values().map(|(_, known)| known.bytes()).sum::<usize>());
        assert_eq!(inside.by_use.len(), inside.files.len());
        assert!(inside.bytes <= inside.most_bytes);
        inside.by_use.values().map(|origin| origin.host.as_str().to_owned()).collect()
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let shelf = RobotsShelf::new(file("a.test", 100).bytes() * 3 + 100);
        for host in ["a.test", "b.test", "c.test"] {
            assert_eq!(shelf.put(file(host, 100)).record.body, None, "texts are not kept");
        }
        assert_eq!(names(&shelf), ["a.test", "b.test", "c.test"]);
        let a = record("a.test", "").origin;
        assert!(!shelf.get(&a).unwrap().rules.check("/7").allowed);
        shelf.put(file("d.test", 100));
        assert_eq!(names(&shelf), ["c.test", "a.test", "d.test"]);
        shelf.put(file("c.test", 10));
        assert_eq!(names(&shelf), ["a.test", "d.test", "c.test"], "the newer file is the file");
        shelf.put(file("e.test", 250));
        assert_eq!(names(&shelf), ["c.test", "e.test"]);
        assert!(!shelf.put(file("f.test", 1000)).rules.check("/7").allowed, "too large, and of use all the same");
        assert_eq!(names(&shelf), ["c.test", "e.test"]);
        assert!(shelf.get(&a).is_none());
    }

    #[test]
    fn a_record_is_on_its_way_until_that_very_record_is_committed() {
        let shelf = RobotsShelf::new(1_000_000);
        let (first, second) = (Arc::new(record("a.test", "1")), Arc::new(record("a.test", "2")));
        let text = || shelf.sent(&first.origin).map(|record| record.body.clone().unwrap());
        assert_eq!(text(), None);
        shelf.send(&first);
        assert_eq!(text().as_deref(), Some("1"));
        shelf.send(&second);
        shelf.committed(std::slice::from_ref(&first));
        assert_eq!(text().as_deref(), Some("2"), "the database still has the first");
        shelf.committed(&[first.clone(), second]);
        assert_eq!(text(), None);
    }
}
