//! The limit on open files. Every connection is one, and idle ones stay a few seconds.

use std::fmt;

/// Files beside the connections: the database and its log, readers, standard streams, the event
/// queue; with room to spare.
const OTHER_FILES: u64 = 256;

/// What a crawl with few requests in flight has open beside their connections.
const FEW_OTHER_FILES: u64 = 32;

/// Connections one request in flight may stand for: its own, another that lost the race against
/// it, and idle ones of hosts that were asked before it.
const FILES_PER_REQUEST: u64 = 4;

/// What is aimed for when the system lets: idle connections of many fast hosts add up.
const WANTED_FILES: u64 = 16 * 1024;

/// Fewer files may be open than the crawl can need: connections may fail for want of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FewOpenFiles {
    /// The limit as it is now.
    pub limit: u64,
    /// What the crawl can need.
    pub needed: u64,
}

impl fmt::Display for FewOpenFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FewOpenFiles { limit, needed } = self;
        let most = fits(*limit);
        write!(
            f,
            "only {limit} files may be open and this crawl can need {needed}: no more than {most} requests are in flight; \
             raise it (`ulimit -n`) or lower --concurrency"
        )
    }
}

/// Files a crawl can need.
fn needed(concurrency: u32) -> u64 {
    u64::from(concurrency) * FILES_PER_REQUEST + OTHER_FILES
}

/// Requests in flight for which so many open files suffice; at least one.
fn fits(limit: u64) -> u32 {
    u32::try_from(limit.saturating_sub(FEW_OTHER_FILES) / FILES_PER_REQUEST).unwrap_or(u32::MAX).max(1)
}

/// Most requests that may be in flight under the limit as it is now: beyond it connections fail for want
/// of a file, and a page would be blamed for it.
#[cfg(unix)]
pub(super) fn most_in_flight() -> u32 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.map_or(u32::MAX, fits)
}

/// There is no such limit here.
#[cfg(not(unix))]
pub(super) fn most_in_flight() -> u32 {
    u32::MAX
}

/// The soft limit to set, given both limits (`None`: unlimited); `None` when it is fine as it is.
fn raised(soft: Option<u64>, hard: Option<u64>, wanted: u64) -> Option<u64> {
    let goal = hard.map_or(wanted, |hard| hard.min(wanted));
    soft.is_some_and(|soft| soft < goal).then_some(goal)
}

/// Raises the soft limit on open files as far as useful and possible. `Some`: it is still lower
/// than what `concurrency` requests in flight can need, which is worth a warning.
#[cfg(unix)]
pub fn ensure_open_files(concurrency: u32) -> Option<FewOpenFiles> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = needed(concurrency);
    let limits = getrlimit(Resource::Nofile);
    let mut current = limits.current;
    if let Some(goal) = raised(limits.current, limits.maximum, needed.max(WANTED_FILES))
        && setrlimit(Resource::Nofile, Rlimit { current: Some(goal), maximum: limits.maximum }).is_ok()
    {
        current = Some(goal);
    }
    current.filter(|&limit| limit < needed).map(|limit| FewOpenFiles { limit, needed })
}

/// There is no such limit here.
#[cfg(not(unix))]
pub fn ensure_open_files(_concurrency: u32) -> Option<FewOpenFiles> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_within_the_hard_one() {
        for (soft, hard, expected) in [
            (Some(1024), Some(1_048_576), Some(16_384)),
            (Some(1024), Some(4096), Some(4096)),
            (Some(1024), None, Some(16_384)),
            (Some(20_000), Some(1_048_576), None),
            (Some(4096), Some(4096), None),
            (None, None, None),
        ] {
            assert_eq!(raised(soft, hard, WANTED_FILES), expected, "{soft:?} {hard:?}");
        }
    }

    #[test]
    fn few_files_are_enough_for_few_requests() {
        for (limit, expected) in [(0, 1), (36, 1), (64, 8), (256, 56), (16_384, 4088), (u64::MAX, u32::MAX)] {
            assert_eq!(fits(limit), expected, "{limit}");
        }
    }

    #[test]
    fn a_limit_that_cannot_be_met_is_told() {
        let few = ensure_open_files(u32::MAX);
        let text = few.map(|few| few.to_string()).unwrap_or_default();
        assert!(few.is_none() || text.contains("17179869436"), "{text}");
        assert_eq!(ensure_open_files(1), None);
    }
}
