//! Names to addresses: [`Names`] asks the system's resolver, each name once at a time, and
//! remembers the answers for a short while; [`NameResolver`] is what the HTTP client asks, and it
//! lets only addresses through that the guard allows. [`NameError`] says why there are none.
//!
//! The system's resolver blocks a thread for as long as its own configuration says, often tens of
//! seconds for a dead name server. So lookups are bounded, a waiter gives up sooner than its
//! lookup, and the lookup keeps its permit until its thread is really free.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::guard::{AddressGuard, Refusal};

/// Longest wait for a lookup; a shorter connect timeout shortens it.
const WAIT: Duration = Duration::from_secs(5);
/// How long an answer is used.
const POSITIVE_TTL: Duration = Duration::from_secs(60);
/// How long a failure is.
const NEGATIVE_TTL: Duration = Duration::from_secs(10);
/// Most names remembered.
const MAX_NAMES: usize = 4096;
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Why a name gives no address to connect to.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum NameError {
    /// The resolver said so, or failed.
    #[error("{name} has no address: {reason}")]
    NotFound { name: String, reason: String },
    /// No answer in time.
    #[error("no answer for {name} from the name server within {} ms", .wait.as_millis())]
    TimedOut { name: String, wait: Duration },
    /// There are addresses, and the guard refuses every one.
    #[error(transparent)]
    Blocked(#[from] Refusal),
}

/// Addresses of a name, at least one.
type Answer = Result<Arc<[IpAddr]>, NameError>;

/// Where answers come from: the system, or a test.
pub(super) trait AddressSource: Send + Sync + 'static {
    /// The addresses of `name`, in order of preference.
    fn addresses(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// `getaddrinfo`, on tokio's blocking threads.
pub(super) struct SystemSource;

impl AddressSource for SystemSource {
    fn addresses(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Answers, shared by every client.
pub(super) struct Names {
    source: Box<dyn AddressSource>,
    remembered: Mutex<HashMap<String, Remembered>>,
    lookups: Arc<Semaphore>,
    wait: Duration,
}

/// A lookup that runs, or what it gave.
struct Remembered {
    answer: watch::Receiver<Option<Answer>>,
    /// `None` while it runs.
    expires: Option<Instant>,
}

impl Remembered {
    fn is_usable(&self, now: Instant) -> bool {
        match self.expires {
            Some(expires) => expires > now,
            // A lookup whose task died has a closed channel and will never answer.
            None => self.answer.has_changed().is_ok(),
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("remembered", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Names {
    /// At most `lookups` at a time, each waited for no longer than `connect_timeout`.
    pub(super) fn new(source: impl AddressSource, lookups: usize, connect_timeout: Duration) -> Arc<Self> {
        Arc::new(Names {
            source: Box::new(source),
            remembered: Mutex::new(HashMap::new()),
            lookups: Arc::new(Semaphore::new(lookups)),
            wait: WAIT.min(connect_timeout),
        })
    }

    /// The addresses of a name, unjudged.
    pub(super) async fn addresses(self: &Arc<Self>, name: &str) -> Answer {
        let name = name.to_ascii_lowercase();
        // SOCKS asks for every host this way, literal addresses included.
        if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Ok(Arc::new([address]));
        }
        if let Some(known) = special_name(&name) {
            return known;
        }
        let mut answer = self.remembered_or_started(&name);
        match timeout(self.wait, answer.wait_for(Option::is_some)).await {
            Ok(Ok(known)) => (*known).clone().unwrap_or_else(|| Err(not_found(&name, "no answer"))),
            Ok(Err(_)) => Err(not_found(&name, "the lookup was abandoned")),
            Err(_) => Err(NameError::TimedOut { name, wait: self.wait }),
        }
    }

    fn remembered_or_started(self: &Arc<Self>, name: &str) -> watch::Receiver<Option<Answer>> {
        let now = Instant::now();
        let mut remembered = self.lock();
        if let Some(known) = remembered.get(name).filter(|known| known.is_usable(now)) {
            return known.answer.clone();
        }
        make_room(&mut remembered, now);
        let (sender, answer) = watch::channel(None);
        remembered.insert(name.to_owned(), Remembered { answer: answer.clone(), expires: None });
        drop(remembered);
        tokio::spawn(Arc::clone(self).look_up(name.to_owned(), sender));
        answer
    }

    /// Runs one lookup to its end, however long its thread takes.
    async fn look_up(self: Arc<Self>, name: String, sender: watch::Sender<Option<Answer>>) {
        let answer = match timeout(self.wait, self.lookups.acquire()).await {
            Ok(permit) => {
                let found = self.source.addresses(name.clone()).await;
                drop(permit);
                judge_answer(&name, found)
            }
            Err(_) => Err(NameError::TimedOut { name: name.clone(), wait: self.wait }),
        };
        let ttl = if answer.is_ok() { POSITIVE_TTL } else { NEGATIVE_TTL };
        if let Some(entry) = self.lock().get_mut(&name) {
            entry.expires = Some(Instant::now() + ttl);
        }
        sender.send_replace(Some(answer));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what is stale and, if that is not enough, the answer that would be stale first.
fn make_room(remembered: &mut HashMap<String, Remembered>, now: Instant) {
    if remembered.len() < MAX_NAMES {
        return;
    }
    remembered.retain(|_, known| known.is_usable(now));
    if remembered.len() < MAX_NAMES {
        return;
    }
    let first = remembered.iter().filter_map(|(name, known)| Some((known.expires?, name))).min();
    if let Some(name) = first.map(|(_, name)| name.clone()) {
        remembered.remove(&name);
    }
}

fn judge_answer(name: &str, found: io::Result<Vec<IpAddr>>) -> Answer {
    match found {
        Ok(addresses) if addresses.is_empty() => Err(not_found(name, "an empty answer")),
        Ok(addresses) => Ok(addresses.into()),
        Err(error) => Err(not_found(name, &error.to_string())),
    }
}

fn not_found(name: &str, reason: &str) -> NameError {
    NameError::NotFound { name: name.to_owned(), reason: reason.to_owned() }
}

/// Names that no name server is asked for: `localhost` (RFC 6761 6.3) is this machine, `invalid`
/// (6.4) is nothing, and `onion` (RFC 7686) must not leak into DNS.
pub(super) fn special_name(name: &str) -> Option<Answer> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    match bare.rsplit('.').next().unwrap_or(bare) {
        "localhost" => Some(Ok(Arc::new([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]))),
        "invalid" => Some(Err(not_found(name, "the top-level domain `invalid` holds no names (RFC 6761)"))),
        "onion" => Some(Err(not_found(name, "onion services are not in the DNS (RFC 7686)"))),
        _ => None,
    }
}

/// The resolver of one HTTP client.
pub(super) struct NameResolver {
    names: Arc<Names>,
    /// `None` for the client of granted origins, which may connect to whatever they resolve to.
    guard: Option<AddressGuard>,
    /// A name that is not judged: the proxy's, which the operator gave.
    exempt: Option<String>,
}

impl NameResolver {
    pub(super) fn new(names: Arc<Names>, guard: Option<AddressGuard>, exempt: Option<String>) -> Self {
        NameResolver { names, guard, exempt }
    }
}

impl Resolve for NameResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let names = Arc::clone(&self.names);
        let exempt = self.exempt.as_deref().is_some_and(|exempt| exempt.eq_ignore_ascii_case(name.as_str()));
        let guard = self.guard.clone().filter(|_| !exempt);
        Box::pin(async move {
            let addresses = names.addresses(name.as_str()).await?;
            let allowed = connectable(&addresses, guard.as_ref())?;
            // Port 0: the client puts the URL's port there.
            let sockets: Addrs = Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(sockets)
        })
    }
}

/// The addresses that pass the guard; an error when none does.
pub(super) fn connectable(addresses: &[IpAddr], guard: Option<&AddressGuard>) -> Result<Vec<IpAddr>, NameError> {
    let mut refused = None;
    let mut allowed = Vec::new();
    for &address in addresses {
        match guard.map_or(Ok(()), |guard| guard.check(address)) {
            Ok(()) => allowed.push(address),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    match refused {
        Some(refusal) if allowed.is_empty() => Err(refusal.into()),
        _ => {
            allowed.truncate(MAX_ADDRESSES);
            Ok(allowed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Answers from a table after a virtual pause, and counts.
    #[derive(Clone, Default)]
    struct Table {
        asked: Arc<AtomicUsize>,
        running: Arc<AtomicUsize>,
        most_running: Arc<AtomicUsize>,
    }

    const PAUSE: Duration = Duration::from_secs(1);

    impl AddressSource for Table {
        fn addresses(&self, name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
            let table = self.clone();
            Box::pin(async move {
                table.asked.fetch_add(1, Ordering::SeqCst);
                let running = table.running.fetch_add(1, Ordering::SeqCst) + 1;
                table.most_running.fetch_max(running, Ordering::SeqCst);
                let pause = if name.starts_with("slow") { PAUSE * 30 } else { PAUSE };
                tokio::time::sleep(pause).await;
                table.running.fetch_sub(1, Ordering::SeqCst);
                match name.as_str() {
                    "gone.test" => Err(io::Error::other("Name or service not known")),
                    "empty.test" => Ok(Vec::new()),
                    "mixed.test" => Ok(vec!["10.0.0.1".parse().unwrap(), "1.1.1.1".parse().unwrap()]),
                    "private.test" => Ok(vec!["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()]),
                    "many.test" => Ok((0..100).map(|n| IpAddr::from([1, 1, 1, n])).collect()),
                    _ => Ok(vec!["1.1.1.1".parse().unwrap()]),
                }
            })
        }
    }

    fn names(table: &Table, lookups: usize) -> Arc<Names> {
        Names::new(table.clone(), lookups, Duration::from_secs(10))
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_for_a_name_share_one_lookup() {
        let table = Table::default();
        let names = names(&table, 4);
        let waiters = (0..50).map(|_| names.addresses("A.test"));
        let answers = futures_util::future::join_all(waiters).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|found| found.len() == 1)));
        assert_eq!(table.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_remembered_a_minute_and_failures_ten_seconds() {
        let table = Table::default();
        let names = names(&table, 4);
        for (name, ttl) in [("a.test", POSITIVE_TTL), ("gone.test", NEGATIVE_TTL), ("empty.test", NEGATIVE_TTL)] {
            table.asked.store(0, Ordering::SeqCst);
            let first = names.addresses(name).await;
            tokio::time::advance(ttl - PAUSE).await;
            assert_eq!(names.addresses(name).await.is_ok(), first.is_ok(), "{name}");
            assert_eq!(table.asked.load(Ordering::SeqCst), 1, "{name}");
            tokio::time::advance(PAUSE * 2).await;
            let _ = names.addresses(name).await;
            assert_eq!(table.asked.load(Ordering::SeqCst), 2, "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_gives_up_and_the_lookup_keeps_its_permit() {
        let table = Table::default();
        let names = names(&table, 2);
        let slow = (0..6).map(|n| format!("slow{n}.test")).collect::<Vec<_>>();
        let answers = futures_util::future::join_all(slow.iter().map(|name| names.addresses(name))).await;
        assert!(answers.iter().all(|answer| matches!(answer, Err(NameError::TimedOut { .. }))), "{answers:?}");
        // The two permits are with the two lookups that still run: another name cannot start.
        assert!(matches!(names.addresses("a.test").await, Err(NameError::TimedOut { .. })));
        assert_eq!(table.most_running.load(Ordering::SeqCst), 2);
        tokio::time::sleep(PAUSE * 60).await;
        assert!(names.addresses("a.test").await.is_ok());
        assert_eq!(table.running.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_is_bounded() {
        let table = Table::default();
        let names = names(&table, 1000);
        for round in 0..6 {
            let batch = (0..1000).map(|n| format!("h{round}-{n}.test")).collect::<Vec<_>>();
            futures_util::future::join_all(batch.iter().map(|name| names.addresses(name))).await;
        }
        assert_eq!(names.lock().len(), MAX_NAMES);
    }

    #[tokio::test]
    async fn special_names_ask_nobody() {
        let table = Table::default();
        let names = names(&table, 4);
        for name in ["localhost", "LOCALHOST.", "a.localhost", "a.b.localhost."] {
            let found = names.addresses(name).await.unwrap();
            assert!(found.iter().all(IpAddr::is_loopback), "{name}");
        }
        for name in ["a.invalid", "invalid.", "x.onion"] {
            assert!(matches!(names.addresses(name).await, Err(NameError::NotFound { .. })), "{name}");
        }
        assert_eq!(table.asked.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_allowed_addresses_come_through() {
        let table = Table::default();
        let names = names(&table, 4);
        let guard = AddressGuard::default();
        let public: IpAddr = "1.1.1.1".parse().unwrap();
        let mixed = names.addresses("mixed.test").await.unwrap();
        assert_eq!(connectable(&mixed, Some(&guard)).unwrap(), [public]);
        let private = names.addresses("private.test").await.unwrap();
        assert!(matches!(connectable(&private, Some(&guard)), Err(NameError::Blocked(_))));
        assert_eq!(connectable(&private, None).unwrap().len(), 2);
        let many = names.addresses("many.test").await.unwrap();
        assert_eq!(connectable(&many, Some(&guard)).unwrap().len(), MAX_ADDRESSES);
    }
}
