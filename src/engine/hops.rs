//! [`Hops`]: robots.txt files that are redirected to another host. Every request to a host is made
//! by the host's own worker, whoever needs the answer: so delay, `Crawl-delay`, `Retry-After` and
//! backoff of a host hold for these requests as for all others, over restarts too.
//!
//! A worker whose robots.txt is redirected sends a [`Hop`] to the session loop. That hands it to
//! the worker of the host that is named, or leases the host for it.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use crate::fetch::Reservation;
use crate::model::{Exchange, Host, LeaseKey};

use super::robots::Chase;

/// One request that another host's worker needs.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) chase: Chase,
    /// Whoever sent it waits no longer than this for its request to start, in ms of `Clock::elapsed_ms`.
    pub(super) until_ms: u64,
    /// Dropped unanswered when the worker ends before it has asked; the hop may be sent again.
    pub(super) reply: oneshot::Sender<HopEnd>,
}

/// What became of a hop.
#[derive(Debug)]
pub(super) enum HopEnd {
    /// The request was made, or is as good as made.
    Asked {
        exchange: Exchange,
        /// What pays for its body.
        bytes: Option<Reservation>,
    },
    /// It has to wait: nothing was asked for.
    Later {
        /// When to send it again, in ms from now.
        ms: u64,
        /// In words.
        why: String,
    },
}

/// Which worker takes the hops to which host.
#[derive(Debug, Default)]
pub(super) struct Hops {
    desks: HashMap<Host, (LeaseKey, mpsc::UnboundedSender<Hop>)>,
    hosts: HashMap<LeaseKey, Host>,
    /// For hosts that nobody holds, or whose worker is ending.
    waiting: Vec<Hop>,
    /// Whether a host may be leased now that could not be before.
    pub(super) look: bool,
}

impl Hops {
    /// A worker begins. What it is to ask for on behalf of others comes out of the receiver.
    pub(super) fn open_desk(&mut self, key: LeaseKey, host: &Host) -> mpsc::UnboundedReceiver<Hop> {
        let (desk, hops) = mpsc::unbounded_channel();
        self.desks.insert(host.clone(), (key, desk));
        self.hosts.insert(key, host.clone());
        for hop in std::mem::take(&mut self.waiting) {
            self.send(hop);
        }
        hops
    }

    /// The lease of a worker has ended.
    pub(super) fn close_desk(&mut self, key: LeaseKey) {
        if let Some(host) = self.hosts.remove(&key)
            && self.desks.get(&host).is_some_and(|(latest, _)| *latest == key)
        {
            self.desks.remove(&host);
        }
        self.look |= !self.waiting.is_empty();
    }

    /// Hands a hop to the worker of its host; it waits where there is none.
    pub(super) fn send(&mut self, hop: Hop) {
        let hop = match self.desks.get(&hop.chase.url.host()) {
            Some((_, desk)) => match desk.send(hop) {
                Ok(()) => return,
                Err(mpsc::error::SendError(hop)) => hop,
            },
            None => hop,
        };
        self.waiting.push(hop);
        self.look = true;
    }

    /// The hosts to be leased for what waits, each once.
    pub(super) fn wanted(&mut self) -> Vec<Host> {
        self.look = false;
        let mut hosts: Vec<Host> = self.waiting.iter().map(|hop| hop.chase.url.host()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// The session stops: nobody asks for these any more.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.look = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CrawlUrl, HostId};

    fn hop(url: &str) -> (Hop, oneshot::Receiver<HopEnd>) {
        let url = CrawlUrl::stored(url).unwrap();
        let (reply, answer) = oneshot::channel();
        (Hop { chase: Chase { origin: url.origin(), url, hops: 1 }, until_ms: 0, reply }, answer)
    }

    fn key(host: i64, fence: i64) -> LeaseKey {
        LeaseKey { host_id: HostId(host), fence }
    }

    #[test]
    fn a_hop_waits_for_a_worker_of_its_host() {
        let (mut hops, hub) = (Hops::default(), Host::new("hub.test"));
        let mut desk = hops.open_desk(key(1, 1), &hub);
        hops.send(hop("http://hub.test/a").0);
        assert!(desk.try_recv().is_ok() && !hops.look);
        hops.send(hop("http://other.test/b").0);
        hops.send(hop("http://other.test/c").0);
        assert!(hops.look && desk.try_recv().is_err());
        assert_eq!(hops.wanted(), [Host::new("other.test")]);
        assert!(!hops.look, "asked for once");
        let mut other = hops.open_desk(key(2, 1), &Host::new("other.test"));
        assert!(other.try_recv().is_ok() && other.try_recv().is_ok());
        assert!(hops.wanted().is_empty());
    }

    #[test]
    fn a_worker_that_ends_leaves_its_hops_to_the_next_lease() {
        let (mut hops, hub) = (Hops::default(), Host::new("hub.test"));
        drop(hops.open_desk(key(1, 1), &hub));
        hops.send(hop("http://hub.test/a").0);
        assert_eq!(hops.wanted(), std::slice::from_ref(&hub));
        hops.close_desk(key(1, 1));
        assert!(hops.look, "its lease is free now");
        let mut desk = hops.open_desk(key(1, 2), &hub);
        assert!(desk.try_recv().is_ok());
        hops.close_desk(key(1, 1));
        hops.send(hop("http://hub.test/b").0);
        assert!(desk.try_recv().is_ok(), "an old lease closes no new desk");
    }
}
