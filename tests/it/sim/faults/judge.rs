//! [`judge`]: what the servers have to say about the manners of all lives together.
//!
//! A life that ends takes with it what it was told and had not yet written: that is not held
//! against the next one. What is written must be obeyed. Where the clock of the machine was set
//! forward between two lives, the crawler may believe that so much time has passed.

use std::collections::{BTreeSet, HashMap};

use super::server::Asked;
use super::web::{Web, host_of};

/// What is known of a life when it is over.
pub struct Past {
    /// By how much the clock was set forward before it; none if it was set back.
    pub forward_ms: u64,
    /// Requests that became rows: (URL, started_ms).
    pub written: BTreeSet<(String, i64)>,
    /// Hosts whose rules were known when it began.
    pub ruled: BTreeSet<String>,
    /// URLs that were settled when it began.
    pub settled: BTreeSet<String>,
    /// Whether it may have left requests that it did not wait for.
    pub broke_off: bool,
}

/// The first breach, in words.
pub fn judge(web: &Web, lives: &[Past], log: &[Asked]) -> Result<(), String> {
    asked_no_more_than_needed(web, lives, log)?;
    let mut hosts: HashMap<&str, Vec<&Asked>> = HashMap::new();
    for asked in log {
        let before = hosts.entry(host_of(&asked.url)).or_default();
        judge_request(web, lives, before, asked)?;
        before.push(asked);
    }
    Ok(())
}

fn is_written(lives: &[Past], asked: &Asked) -> bool {
    lives[asked.life].written.contains(&(asked.url.clone(), asked.wall))
}

/// How much time may seem to have passed between two requests beyond what did.
fn believed_ms(lives: &[Past], from: &Asked, to: &Asked) -> u64 {
    lives[from.life + 1..=to.life].iter().map(|life| life.forward_ms).sum()
}

fn judge_request(web: &Web, lives: &[Past], before: &[&Asked], asked: &Asked) -> Result<(), String> {
    let host = host_of(&asked.url);
    let breach = |rule: &str, what: &Asked, want: u64| {
        let (now, life) = (asked.start, asked.life);
        Err(format!(
            "{rule}: {} asked at {now} in life {life}, {} at {}-{} in life {}; {want} ms wanted",
            asked.url, what.url, what.start, what.end, what.life
        ))
    };
    if web.forbids(&asked.url) {
        return Err(format!("{} is forbidden by robots.txt", asked.url));
    }
    let knows = |earlier: &Asked| earlier.life == asked.life || is_written(lives, earlier);
    let mut robots = before
        .iter()
        .filter(|earlier| earlier.url.ends_with("/robots.txt") && earlier.answered && earlier.end <= asked.start);
    if !asked.is_robots() && !robots.clone().any(|robots| knows(robots)) {
        return Err(format!("{} was asked for before robots.txt", asked.url));
    }
    let rules_known =
        lives[asked.life].ruled.contains(host) || robots.any(|robots| robots.life == asked.life && !robots.passing);
    let delay = match web.crawl_delay_ms(host).filter(|_| rules_known) {
        Some(ms) => web.wishes.delay_ms.max(ms),
        None => web.wishes.delay_ms,
    };
    if let Some(last) = before.last() {
        let from = if web.wishes.per_host == 1 { last.end } else { last.start };
        if asked.start + believed_ms(lives, last, asked) < from + delay {
            return breach("delay", last, delay);
        }
    }
    for earlier in before {
        let Some(until) = earlier.later.filter(|_| earlier.end <= asked.start) else { continue };
        if knows(earlier) && asked.start + believed_ms(lives, earlier, asked) < until {
            return breach("Retry-After", earlier, until - earlier.end);
        }
    }
    Ok(())
}

/// A life repeats of each URL what the one before it had in its hands, and nothing that is settled.
fn asked_no_more_than_needed(web: &Web, lives: &[Past], log: &[Asked]) -> Result<(), String> {
    let mut unwritten: HashMap<(usize, &str), u32> = HashMap::new();
    let mut tries: HashMap<&str, u32> = HashMap::new();
    for asked in log.iter().filter(|asked| !asked.url.ends_with("/robots.txt") && !asked.url.contains("/rules")) {
        let (life, url) = (asked.life, asked.url.as_str());
        if lives[life].settled.contains(url) {
            return Err(format!("{url} was settled and is asked for in life {life}"));
        }
        if is_written(lives, asked) {
            *tries.entry(url).or_default() += 1;
        } else {
            *unwritten.entry((life, url)).or_default() += 1;
        }
    }
    if let Some(((life, url), n)) = unwritten.iter().find(|((life, _), n)| **n > u32::from(lives[*life].broke_off)) {
        return Err(format!("{n} requests for {url} in life {life} became no row"));
    }
    let most = super::TRIES;
    if let Some((url, n)) = tries.iter().find(|(_, n)| **n > most) {
        return Err(format!("{url} was tried {n} times, {:?}", web.answer(url)));
    }
    Ok(())
}
