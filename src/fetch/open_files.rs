//! The limit on open files. Every connection is one, and idle ones stay a few seconds.

use std::fmt;

/// Files beside the connections: the database and its log, readers, standard streams, the event
/// queue; with room to spare.
const OTHER_FILES: u64 = 256;

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
        write!(
            f,
            "only {limit} files may be open and this crawl can need {needed}: raise it (`ulimit -Hn`) or lower --concurrency"
        )
    }
}

/// Files a crawl can need.
fn needed(concurrency: u32) -> u64 {
    u64::from(concurrency) * FILES_PER_REQUEST + OTHER_FILES
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
    fn a_limit_that_cannot_be_met_is_told() {
        let few = ensure_open_files(u32::MAX);
        let text = few.map(|few| few.to_string()).unwrap_or_default();
        assert!(few.is_none() || text.contains("17179869436"), "{text}");
        assert_eq!(ensure_open_files(1), None);
    }
}
