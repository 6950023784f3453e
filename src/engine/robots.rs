//! [`RobotsBook`]: the robots.txt of the origins of one host, as its worker knows them; a
//! [`Chase`] is one such file on its way. One worker holds a host, so each origin's file is asked
//! for once however many URLs wait for it. Where a redirect leads is stored, so a chase goes on where
//! it was in the next lease of the host.

use std::collections::HashMap;

use crate::model::{
    CrawlUrl, Exchange, ExchangeEnd, FailureKind, LeasedUrl, Origin, Outcome, RobotsHop, RobotsRecord, RobotsVerdict,
    UnixMs,
};
use crate::politeness::{self, RobotsFile, RobotsRules};
use crate::scope::{self, UrlRules};
use crate::verdict;

/// Most redirects of a robots.txt (RFC 9309 2.3.1.2).
pub(super) const MAX_HOPS: u32 = 5;
/// Most bytes of a robots.txt that are read (RFC 9309 2.5).
pub(super) const MAX_BYTES: u64 = 500 * 1024;

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
    /// The file is to be asked for first, not before this moment.
    Ask(Chase, UnixMs),
    /// The file could not be had in all its tries: the URL is given up.
    GivenUp { outcome: Outcome, status: Option<u16>, error: String },
}

#[derive(Clone, Debug)]
struct Entry {
    record: RobotsRecord,
    rules: RobotsRules,
    /// How the last try ended in this session.
    outcome: Outcome,
}

/// The robots.txt files of one host.
#[derive(Debug)]
pub(super) struct RobotsBook {
    entries: HashMap<Origin, Entry>,
    agent: std::sync::Arc<str>,
    tries: u32,
    ignored: bool,
}

impl RobotsBook {
    pub(super) fn new(records: Vec<RobotsRecord>, agent: std::sync::Arc<str>, tries: u32, ignored: bool) -> Self {
        let mut book = RobotsBook { entries: HashMap::new(), agent, tries, ignored };
        for record in records {
            book.enter(record, Outcome::Robots);
        }
        book
    }

    fn enter(&mut self, record: RobotsRecord, outcome: Outcome) {
        let rules = match (record.verdict, record.body.as_deref()) {
            (RobotsVerdict::Rules, Some(text)) => RobotsFile::parse(text).rules_for(&self.agent),
            _ => RobotsRules::default(),
        };
        self.entries.insert(record.origin.clone(), Entry { record, rules, outcome });
    }

    /// What is to be done about a URL at `now`.
    pub(super) fn say(&self, leased: &LeasedUrl, now: UnixMs) -> Say {
        if self.ignored {
            return Say::Allowed;
        }
        let origin = leased.url.origin();
        let Some(entry) = self.entries.get(&origin) else { return first_ask(origin, UnixMs::MIN) };
        let record = &entry.record;
        match record.verdict {
            _ if !politeness::robots_holds(record, now) => next_ask(record, now),
            RobotsVerdict::AllowAll => Say::Allowed,
            RobotsVerdict::Rules => {
                let check = entry.rules.check(leased.url.path_and_query());
                if check.allowed { Say::Allowed } else { Say::Refused(check.line) }
            }
            // One that is on its way may yet arrive.
            RobotsVerdict::DisallowAll if record.failures >= self.tries && record.hop.is_none() => Say::GivenUp {
                outcome: entry.outcome,
                status: record.status,
                error: record.error.clone().unwrap_or_else(|| "no usable answer".to_owned()),
            },
            RobotsVerdict::DisallowAll => next_ask(record, record.expires_ms),
        }
    }

    /// Takes in an exchange, with the record to store.
    pub(super) fn landed(&mut self, chase: &Chase, exchange: &Exchange, now: UnixMs, jitter: f64) -> Landed {
        let outcome = verdict::classify(exchange, false);
        if chase.hops == 0 && is_blocked(exchange) {
            // Nothing is known of a file that was never asked for, and nothing is stored.
            return Landed::Blocked;
        }
        let mut hops_exceeded = false;
        if outcome == Outcome::Redirect {
            // The file is no page that could be known under another spelling.
            let as_written = UrlRules::none();
            let next = exchange
                .header("location")
                .and_then(|location| scope::canonicalize(location, Some(chase.url.as_url()), None, &as_written).ok());
            match next {
                Some(url) if chase.hops < MAX_HOPS => {
                    let hop = RobotsHop { url, hops: chase.hops + 1 };
                    let known = self.known(&chase.origin);
                    let record = politeness::robots_on_its_way(&chase.origin, exchange, hop, known, now);
                    return self.keep(record, outcome);
                }
                Some(_) => hops_exceeded = true,
                None => {}
            }
        }
        let known = self.known(&chase.origin);
        let record = politeness::robots_record(&chase.origin, exchange, hops_exceeded, known, now, jitter);
        self.keep(record, outcome)
    }

    /// Takes in that the next hop has to wait for `wait_ms`.
    pub(super) fn put_off(
        &mut self,
        origin: &Origin,
        wait_ms: u64,
        why: String,
        now: UnixMs,
    ) -> Option<Box<RobotsRecord>> {
        let entry = self.entries.get_mut(origin)?;
        entry.record = politeness::robots_put_off(&entry.record, wait_ms, why, now);
        Some(Box::new(entry.record.clone()))
    }

    fn known(&self, origin: &Origin) -> Option<&RobotsRecord> {
        self.entries.get(origin).map(|entry| &entry.record)
    }

    fn keep(&mut self, record: RobotsRecord, outcome: Outcome) -> Landed {
        self.enter(record.clone(), outcome);
        Landed::Record(Box::new(record))
    }

    /// The longest `Crawl-delay` of the host's origins, in ms.
    pub(super) fn crawl_delay_ms(&self) -> Option<u64> {
        self.entries.values().filter_map(|entry| entry.rules.crawl_delay_ms()).max()
    }
}

/// What became of a robots request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Landed {
    /// What is known of it now.
    Record(Box<RobotsRecord>),
    /// The address guard refused the origin itself, and with it the URL that the file was for. The next
    /// URL has it asked for again: the name may lead elsewhere by then.
    Blocked,
}

fn is_blocked(exchange: &Exchange) -> bool {
    matches!(exchange.end, ExchangeEnd::Failed { kind: FailureKind::BlockedAddress, .. })
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
            deaths: 0,
            from: LeasedFrom::Queued,
            is_seed: false,
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

    /// Of an origin whose robots.txt had failed in all its tries, and is now told to wait for its turn, the
    /// URLs were given up.
    #[test]
    fn who_is_told_to_wait_is_not_given_up() {
        let mut book = RobotsBook::new(Vec::new(), "sqrawl".into(), 2, false);
        for now in [NOW, NOW + 10_000] {
            let (chase, _) = asked(&book, now);
            book.landed(&chase, &answer(503, None), now, 0.5);
        }
        let url = leased("http://a.test/x");
        assert!(matches!(book.say(&url, NOW + 10_000), Say::GivenUp { .. }));
        let now = NOW + 100_000;
        let (chase, _) = asked(&book, now);
        assert_eq!((chase.url.as_str(), chase.hops), ("http://a.test/robots.txt", 0));
        book.landed(&chase, &answer(302, Some("http://hub.test/r")), now, 0.5);
        let (hop, from) = asked(&book, now);
        assert_eq!((hop.url.as_str(), hop.hops, from), ("http://hub.test/r", 1, now));
        let put_off = book.put_off(&hop.origin, 90_000, "later".to_owned(), now).unwrap();
        assert_eq!(put_off.failures, 2);
        assert_eq!(asked(&book, now + 1), (hop.clone(), now + 90_000));
        book.landed(&hop, &answer(404, None), now + 90_000, 0.5);
        assert_eq!(book.say(&url, now + 90_000), Say::Allowed);
    }
}
