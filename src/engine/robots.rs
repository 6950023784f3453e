//! [`RobotsBook`]: what robots.txt says of the URLs that a worker holds; a [`Chase`] is one such file on its
//! way. One worker holds a host, so each origin's file is asked for once however many URLs wait for it.
//! Where a redirect leads is stored, so a chase goes on where it was in the next lease of the host.
//!
//! The book has no rules: those are on the shelf of the session, and what they say of the worker's URLs
//! is written down here.

use std::collections::HashMap;

use crate::model::{
    CrawlUrl, Exchange, ExchangeEnd, FailureKind, LeasedUrl, Origin, Outcome, RobotsHop, RobotsRecord, RobotsVerdict,
    UnixMs, UrlId,
};
use crate::politeness::{self, RobotsCheck};
use crate::scope::{self, UrlRules};
use crate::verdict;

use super::shelf::Known;

/// Most redirects of a robots.txt (RFC 9309 2.3.1.2).
pub(super) const MAX_HOPS: u32 = 5;
/// Most bytes of a robots.txt that are read (RFC 9309 2.5).
pub(super) const MAX_BYTES: u64 = 500 * 1024;
/// Most origins that a book knows; of a host with more, those looked up last.
const MOST_ORIGINS: usize = 64;

/// A robots.txt that is being asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chase {
    pub(super) origin: Origin,
    /// Where to ask now: the origin's own file, or what it redirected to.
    pub(super) url: CrawlUrl,
    pub(super) hops: u32,
}

/// What the book says of a URL.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Say {
    /// It may be fetched.
    Allowed,
    /// It may not, by this line.
    Refused(Option<(u32, String)>),
    /// What is known of this origin is to be looked up first.
    LookUp(Origin),
    /// The file is to be asked for first, not before this moment.
    Ask(Chase, UnixMs),
    /// The file could not be had in all its tries: the URL is given up.
    GivenUp { outcome: Outcome, status: Option<u16>, error: String },
}

/// What is known of an origin, but for its rules.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Without its text.
    pub(super) record: RobotsRecord,
    /// How the last try ended in this session.
    pub(super) outcome: Outcome,
    crawl_delay_ms: Option<u64>,
}

impl Entry {
    pub(super) fn of(known: &Known) -> Self {
        Entry { record: known.record.clone(), outcome: known.outcome, crawl_delay_ms: known.rules.crawl_delay_ms() }
    }
}

/// What robots.txt says to one worker.
#[derive(Debug)]
pub(super) struct RobotsBook {
    /// `None`: nobody has asked for it yet.
    entries: HashMap<Origin, Option<Entry>>,
    /// What rules say of the URLs that wait.
    checks: HashMap<UrlId, RobotsCheck>,
    /// Of origins that have no entry nobody has asked for the file.
    complete: bool,
    tries: u32,
    ignored: bool,
}

impl RobotsBook {
    /// An empty book. `complete`: it will learn of all origins of which something is known.
    pub(super) fn new(complete: bool, tries: u32, ignored: bool) -> Self {
        RobotsBook { entries: HashMap::new(), checks: HashMap::new(), complete, tries, ignored }
    }

    /// Takes in what was looked up, or has come. Of URLs that do not wait nothing is kept.
    pub(super) fn learn(
        &mut self,
        files: Vec<(Origin, Option<Entry>)>,
        checks: Vec<(UrlId, RobotsCheck)>,
        waits: impl Fn(UrlId) -> bool,
    ) {
        if self.entries.len() + files.len() > MOST_ORIGINS {
            self.entries.clear();
            self.complete = false;
        }
        self.entries.extend(files);
        self.checks.extend(checks);
        self.checks.retain(|url, _| waits(*url));
    }

    /// What is to be done about a URL at `now`.
    pub(super) fn say(&self, leased: &LeasedUrl, now: UnixMs) -> Say {
        if self.ignored {
            return Say::Allowed;
        }
        let origin = leased.url.origin();
        let entry = match self.entries.get(&origin) {
            None if !self.complete => return Say::LookUp(origin),
            None | Some(None) => return first_ask(origin, UnixMs::MIN),
            Some(Some(entry)) => entry,
        };
        let record = &entry.record;
        match record.verdict {
            _ if !politeness::robots_holds(record, now) => next_ask(record, now),
            RobotsVerdict::AllowAll => Say::Allowed,
            RobotsVerdict::Rules => match self.checks.get(&leased.id) {
                Some(check) if check.allowed => Say::Allowed,
                Some(check) => Say::Refused(check.line.clone()),
                None => Say::LookUp(origin),
            },
            // One that is on its way may yet arrive.
            RobotsVerdict::DisallowAll if record.failures >= self.tries && record.hop.is_none() => Say::GivenUp {
                outcome: entry.outcome,
                status: record.status,
                error: record.error.clone().unwrap_or_else(|| "no usable answer".to_owned()),
            },
            RobotsVerdict::DisallowAll => next_ask(record, record.expires_ms),
        }
    }

    /// Drops the files that could not be had at the last try: they are to be looked up again.
    pub(super) fn forget_failed(&mut self) {
        self.entries.retain(|_, entry| entry.as_ref().is_none_or(|entry| entry.record.failures == 0));
        self.complete = false;
    }

    /// What is known of an origin.
    pub(super) fn entry(&self, origin: &Origin) -> Option<&Entry> {
        self.entries.get(origin)?.as_ref()
    }

    /// The longest `Crawl-delay` of the host's origins, in ms.
    pub(super) fn crawl_delay_ms(&self) -> Option<u64> {
        self.entries.values().flatten().filter_map(|entry| entry.crawl_delay_ms).max()
    }
}

/// The record to store after an exchange. `known` is what was known, with its text.
pub(super) fn landed(
    chase: &Chase,
    exchange: &Exchange,
    known: Option<&RobotsRecord>,
    now: UnixMs,
    jitter: f64,
) -> RobotsRecord {
    let mut hops_exceeded = false;
    if verdict::classify(exchange, false) == Outcome::Redirect {
        // The file is no page that could be known under another spelling.
        let as_written = UrlRules::none();
        let base = chase.url.to_url();
        let next = exchange
            .header("location")
            .and_then(|location| scope::canonicalize(location, base.as_ref(), None, &as_written).ok());
        match next {
            Some(url) if chase.hops < MAX_HOPS => {
                let hop = RobotsHop { url, hops: chase.hops + 1 };
                return politeness::robots_on_its_way(&chase.origin, exchange, hop, known, now);
            }
            Some(_) => hops_exceeded = true,
            None => {}
        }
    }
    politeness::robots_record(&chase.origin, exchange, hops_exceeded, known, now, jitter)
}

/// Whether the address guard refused the origin itself, and with it the URL that the file was for. Nothing is
/// known of a file that was never asked for, and nothing is stored. The next URL has it asked for again: the
/// name may lead elsewhere by then.
pub(super) fn is_blocked(chase: &Chase, exchange: &Exchange) -> bool {
    let refused = matches!(exchange.end, ExchangeEnd::Failed { kind: FailureKind::BlockedAddress, .. });
    chase.hops == 0 && refused
}

/// Where the file is to be asked for next.
fn next_ask(record: &RobotsRecord, from: UnixMs) -> Say {
    let origin = record.origin.clone();
    match politeness::robots_next(record, from) {
        Some(RobotsHop { url, hops }) => Say::Ask(Chase { origin, url: url.clone(), hops: *hops }, from),
        None => first_ask(origin, from),
    }
}

/// The origin's own robots.txt. An origin is printed as a URL that parses.
fn first_ask(origin: Origin, from: UnixMs) -> Say {
    match CrawlUrl::stored(&format!("{origin}/robots.txt")) {
        Ok(url) => Say::Ask(Chase { origin, url, hops: 0 }, from),
        Err(why) => Say::GivenUp { outcome: Outcome::Protocol, status: None, error: why.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Header, LeasedFrom, UrlId};

    const NOW: UnixMs = 1_793_954_977_000;

    fn leased(url: &str) -> LeasedUrl {
        LeasedUrl {
            id: UrlId(1),
            url: CrawlUrl::stored(url).unwrap(),
            depth: 0,
            hops: 0,
            attempts: 0,
            deaths: None,
            from: LeasedFrom::Queued,
            may_widen: false,
            is_sitemap: false,
            referrer: None,
            validators: None,
        }
    }

    fn answer(status: u16, location: Option<&str>) -> Exchange {
        let location = location.map(|value| Header { name: "location".to_owned(), value: value.to_owned() });
        Exchange {
            started_ms: NOW,
            elapsed_ms: 5,
            status: Some(status),
            headers: location.into_iter().collect(),
            end: ExchangeEnd::Complete { body: Vec::new(), truncated: false },
            wire_bytes: 0,
            address: None,
        }
    }

    #[track_caller]
    fn asked(book: &RobotsBook, now: UnixMs) -> (Chase, UnixMs) {
        match book.say(&leased("http://a.test/x"), now) {
            Say::Ask(chase, from) => (chase, from),
            other => panic!("{other:?}"),
        }
    }

    /// What the worker does with a record; there are no rules in these.
    fn take_in(book: &mut RobotsBook, record: &RobotsRecord, outcome: Outcome) {
        let known = Known::read(record, outcome, "sqrawl");
        book.learn(vec![(record.origin.clone(), Some(Entry::of(&known)))], Vec::new(), |_| false);
    }

    fn land(book: &mut RobotsBook, chase: &Chase, exchange: &Exchange, now: UnixMs) {
        let known = book.entry(&chase.origin).map(|entry| entry.record.clone());
        let record = landed(chase, exchange, known.as_ref(), now, 0.5);
        take_in(book, &record, verdict::classify(exchange, false));
    }

    /// Of an origin whose robots.txt had failed in all its tries, and is now told to wait for its turn, the
    /// URLs were given up.
    #[test]
    fn who_is_told_to_wait_is_not_given_up() {
        let mut book = RobotsBook::new(false, 2, false);
        let url = leased("http://a.test/x");
        let origin = url.url.origin();
        assert_eq!(book.say(&url, NOW), Say::LookUp(origin.clone()));
        book.learn(vec![(origin, None)], Vec::new(), |_| false);
        for now in [NOW, NOW + 10_000] {
            let (chase, _) = asked(&book, now);
            land(&mut book, &chase, &answer(503, None), now);
        }
        assert!(matches!(book.say(&url, NOW + 10_000), Say::GivenUp { .. }));
        let now = NOW + 100_000;
        let (chase, _) = asked(&book, now);
        assert_eq!((chase.url.as_str(), chase.hops), ("http://a.test/robots.txt", 0));
        land(&mut book, &chase, &answer(302, Some("http://hub.test/r")), now);
        let (hop, from) = asked(&book, now);
        assert_eq!((hop.url.as_str(), hop.hops, from), ("http://hub.test/r", 1, now));
        let known = book.entry(&hop.origin).unwrap().record.clone();
        let put_off = politeness::robots_put_off(&known, 90_000, "later".to_owned(), now);
        assert_eq!(put_off.failures, 2);
        take_in(&mut book, &put_off, Outcome::Redirect);
        assert_eq!(asked(&book, now + 1), (hop.clone(), now + 90_000));
        land(&mut book, &hop, &answer(404, None), now + 90_000);
        assert_eq!(book.say(&url, now + 90_000), Say::Allowed);
    }

    /// Of a host that is new nothing is stored, and its worker waited for the database to say so.
    #[test]
    fn what_nobody_has_asked_for_was_looked_up() {
        let mut book = RobotsBook::new(true, 2, false);
        asked(&book, NOW);
        let entry = |port| (CrawlUrl::stored(&format!("http://a.test:{port}/")).unwrap().origin(), None);
        (8000..8064).for_each(|port| book.learn(vec![entry(port)], Vec::new(), |_| false));
        asked(&book, NOW);
        book.learn(vec![entry(9000)], Vec::new(), |_| false);
        let origin = CrawlUrl::stored("http://a.test/").unwrap().origin();
        assert_eq!(book.say(&leased("http://a.test/x"), NOW), Say::LookUp(origin), "the book forgot what it knew");
    }

    #[test]
    fn what_is_not_in_the_book_is_looked_up() {
        let mut book = RobotsBook::new(false, 2, false);
        let origin = |n: usize| CrawlUrl::stored(&format!("http://a.test:{}/", 8000 + n)).unwrap().origin();
        let rules = |n: usize| {
            let exchange = Exchange {
                end: ExchangeEnd::Complete { body: b"User-agent: *\nDisallow: /x".to_vec(), truncated: false },
                ..answer(200, None)
            };
            let Say::Ask(chase, _) = first_ask(origin(n), NOW) else { panic!() };
            Known::read(&landed(&chase, &exchange, None, NOW, 0.5), Outcome::Page, "sqrawl")
        };
        let (url, check) = (leased("http://a.test:8000/x"), RobotsCheck { allowed: false, line: None });
        assert_eq!(book.say(&url, NOW), Say::LookUp(origin(0)));
        let entry = |n| (origin(n), Some(Entry::of(&rules(n))));
        book.learn(vec![entry(0)], vec![(url.id, check.clone())], |id| id == url.id);
        assert_eq!(book.say(&url, NOW), Say::Refused(None));
        book.learn(vec![entry(1)], Vec::new(), |_| false);
        assert_eq!(book.say(&url, NOW), Say::LookUp(origin(0)), "its rules are on the shelf");
        // A host with a file for each of its ports.
        for n in 2..200 {
            book.learn(vec![entry(n)], Vec::new(), |_| false);
            assert!(book.entry(&origin(n)).is_some_and(|entry| entry.record.body.is_none()));
            assert!(book.entries.len() <= MOST_ORIGINS);
        }
    }
}
