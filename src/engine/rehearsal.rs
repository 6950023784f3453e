//! A page that is held back is read in a process of its own before it is read here: of a process that died
//! nobody can say afterwards whether it crashed or was killed, but whoever started it sees what it died of,
//! and lives on. That is proof.
//!
//! [`Rehearse`] starts such a process, which calls [`carry_out`] with the script that it is given: the body with
//! what is needed to read it, no secret among it. What comes out is dropped; only whether it lives counts.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::model::{
    CrawlSettings, CrawlUrl, Exchange, ExchangeEnd, Header, HostId, HostUpdate, LeaseKey, LeasedFrom, LeasedUrl,
    Ledger, UrlId,
};
use crate::scope::Scope;
use crate::verdict::Attempt;

use super::digest::ParseJob;
use super::shared::Shared;
use super::{Clock, SystemClock};

/// Deaths of processes of their own that prove that the page is to blame.
const SEEN_DEATHS_THAT_PROVE: u32 = 3;
/// Most processes of which nothing can be said.
const MOST_UNKNOWN: u32 = 3;

/// Starts processes that read a page, and tells what became of them.
pub trait Rehearse: Send + Sync + std::fmt::Debug {
    /// Has a process of its own call [`carry_out`] with the script. It ends when the future is dropped.
    fn rehearse(&self, script: Arc<Vec<u8>>) -> BoxFuture<'static, Rehearsed>;
}

/// What became of a process that read a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsed {
    /// It came to its end.
    Lived,
    /// It crashed, or the system killed it; in words, such as `signal: 6 (SIGABRT)`.
    Died(String),
    /// It could not be started, or somebody stopped it; in words.
    Unknown(String),
}

/// First line of a script; behind it comes the body.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// As they are stored: without secrets.
    settings: CrawlSettings,
    url: String,
    depth: u32,
    is_sitemap: bool,
    truncated: bool,
    status: Option<u16>,
    headers: Vec<(String, String)>,
}

/// How processes that read this page died, when it is under suspicion and they do.
pub(super) async fn proof<F, C: Clock>(
    shared: &Shared<F, C>,
    leased: &LeasedUrl,
    exchange: &Exchange,
) -> Option<String> {
    let rehearsal = shared.rehearsal.as_ref().filter(|_| leased.deaths.is_some())?;
    let script = Arc::new(script(&shared.settings, leased, exchange)?);
    let (mut died, mut unknown) = (0, 0);
    loop {
        match rehearsal.rehearse(Arc::clone(&script)).await {
            Rehearsed::Lived => return None,
            Rehearsed::Died(how) => {
                died += 1;
                tracing::warn!(url = %leased.url, how, "a process that parsed this page alone died");
                if died == SEEN_DEATHS_THAT_PROVE {
                    return Some(format!("{died} processes died of it one after the other, the last one of {how}"));
                }
            }
            Rehearsed::Unknown(why) => {
                unknown += 1;
                tracing::debug!(url = %leased.url, why, "nobody knows whether the page kills a process");
                if unknown == MOST_UNKNOWN {
                    return None;
                }
            }
        }
    }
}

fn script(settings: &CrawlSettings, leased: &LeasedUrl, exchange: &Exchange) -> Option<Vec<u8>> {
    let ExchangeEnd::Complete { body, truncated } = &exchange.end else { return None };
    let head = Head {
        settings: settings.clone(),
        url: leased.url.as_str().to_owned(),
        depth: leased.depth,
        is_sitemap: leased.is_sitemap,
        truncated: *truncated,
        status: exchange.status,
        headers: exchange.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect(),
    };
    let mut script = serde_json::to_vec(&head).ok()?;
    script.push(b'\n');
    script.extend_from_slice(body);
    Some(script)
}

/// Reads a page as a session does, on this thread, and forgets it. To be called in a process of its own.
///
/// # Errors
/// What is wrong with the script.
pub fn carry_out(script: &[u8]) -> Result<(), String> {
    let end = script.iter().position(|byte| *byte == b'\n').ok_or("there is no head")?;
    let (head, body) = (&script[..end], &script[end + 1..]);
    let head: Head = serde_json::from_slice(head).map_err(|error| error.to_string())?;
    let url = CrawlUrl::stored(&head.url).map_err(|error| error.to_string())?;
    let scope = Scope::new(&head.settings, std::slice::from_ref(&url), &[]).map_err(|error| error.to_string())?;
    let clock = SystemClock::default();
    let now = clock.now_ms();
    let leased = LeasedUrl {
        id: UrlId(0),
        url,
        depth: head.depth,
        hops: 0,
        attempts: 0,
        deaths: None,
        from: LeasedFrom::Queued,
        may_widen: false,
        is_sitemap: head.is_sitemap,
        referrer: None,
        validators: None,
    };
    let exchange = Exchange {
        started_ms: now,
        elapsed_ms: 0,
        status: head.status,
        headers: head.headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
        end: ExchangeEnd::Complete { body: body.to_vec(), truncated: head.truncated },
        wire_bytes: 0,
        address: None,
    };
    let job = ParseJob {
        agent: head.settings.product_token().into(),
        settings: Arc::new(head.settings),
        scope: Arc::new(scope),
        clock: Arc::new(clock),
        copies: Arc::default(),
        exchange,
    };
    job.run(Attempt {
        key: LeaseKey { host_id: HostId(0), fence: 0 },
        leased: &leased,
        ledger: Ledger::default(),
        host: HostUpdate::default(),
        one_copy_more: false,
        now,
        jitter: 0.0,
    });
    Ok(())
}
