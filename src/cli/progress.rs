//! What a running crawl looks like: [`Watch`] turns snapshots of the engine into one line, and
//! [`follow`] shows it as a bar on a terminal, or as a log line now and then elsewhere.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::config::units::{about_bytes, about_duration, counted, grouped};
use crate::engine::{Clock, Progress, ProgressSnapshot};
use crate::model::CrawlSettings;

use super::terminal::Terminal;

/// Speed is what happened in this time, in ms.
const WINDOW_MS: u64 = 10_000;
/// Between two looks, in ms.
const TICK_MS: u64 = 200;
/// Between two log lines where there is no terminal, in ms.
const LINE_MS: u64 = 30_000;

/// Limits that end a crawl sooner than its queue does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    max_pages: Option<u64>,
    max_duration_ms: Option<u64>,
}

impl From<&CrawlSettings> for Bounds {
    fn from(settings: &CrawlSettings) -> Self {
        Bounds { max_pages: settings.max_pages, max_duration_ms: settings.max_duration_ms }
    }
}

/// Remembers the last seconds of a session, for its speed.
#[derive(Debug)]
pub(super) struct Watch {
    bounds: Bounds,
    /// (elapsed ms, pages of the session, URLs settled by it), the oldest first.
    samples: VecDeque<(u64, u64, u64)>,
}

impl Watch {
    /// Nothing seen yet.
    pub(super) fn new(bounds: Bounds) -> Self {
        Watch { bounds, samples: VecDeque::new() }
    }

    /// The line for this moment of the session.
    pub(super) fn line(&mut self, now: &ProgressSnapshot, elapsed_ms: u64) -> String {
        let settled: u64 = now.outcomes.iter().map(|(_, n)| n).sum();
        self.samples.push_back((elapsed_ms, now.pages(), settled));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|s| s.0 + WINDOW_MS < elapsed_ms) {
            self.samples.pop_front();
        }
        let mut parts = vec![
            format!("{} done", grouped(now.totals.done)),
            format!("{} queued", grouped(now.totals.open())),
            format!("{:.1} pages/s", self.per_second(|s| s.1)),
        ];
        // Early in the line: a narrow terminal cuts its end.
        if let Some(left_ms) = self.left_ms(now, elapsed_ms) {
            parts.push(format!("~{} left", about_duration(left_ms)));
        }
        parts.push(about_bytes(now.wire_bytes));
        parts.push(counted(now.errors(), "error"));
        parts.push(counted(now.active_hosts, "host"));
        parts.join(" · ")
    }

    fn per_second(&self, count: impl Fn(&(u64, u64, u64)) -> u64) -> f64 {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return 0.0 };
        let ms = last.0.saturating_sub(first.0);
        if ms == 0 { 0.0 } else { count(last).saturating_sub(count(first)) as f64 * 1000.0 / ms as f64 }
    }

    /// Time until the queue is empty or a limit is reached, at the present speed, whichever comes
    /// first; `None` while nothing moves.
    fn left_ms(&self, now: &ProgressSnapshot, elapsed_ms: u64) -> Option<u64> {
        let time = |left: u64, per_second: f64| (per_second > 0.0).then(|| (left as f64 * 1000.0 / per_second) as u64);
        let queue = time(now.totals.open(), self.per_second(|s| s.2));
        let pages = self.bounds.max_pages.map(|most| most.saturating_sub(now.totals.pages));
        let pages = pages.and_then(|left| time(left, self.per_second(|s| s.1)));
        let clock = self.bounds.max_duration_ms.map(|most| most.saturating_sub(elapsed_ms));
        [queue, pages, clock].into_iter().flatten().min()
    }
}

/// Shows a session until the future is dropped.
pub(super) async fn follow(
    progress: Arc<Progress>,
    clock: Arc<impl Clock>,
    terminal: Terminal,
    bounds: Bounds,
    lines: bool,
) {
    let (mut watch, started_ms) = (Watch::new(bounds), clock.elapsed_ms());
    let bar = terminal.show_bar().cloned();
    if let Some(bar) = &bar {
        let style = indicatif::ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()));
    }
    let mut next_line_ms = LINE_MS;
    loop {
        clock.sleep_ms(TICK_MS).await;
        let elapsed_ms = clock.elapsed_ms().saturating_sub(started_ms);
        let line = watch.line(&progress.snapshot(), elapsed_ms);
        if let Some(bar) = &bar {
            bar.set_message(line);
            bar.tick();
        } else if lines && elapsed_ms >= next_line_ms {
            terminal.say(format_args!("{}: {line}", about_duration(elapsed_ms)));
            next_line_ms = elapsed_ms + LINE_MS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Outcome, Totals};

    fn snapshot(pages: u64, queued: u64) -> ProgressSnapshot {
        ProgressSnapshot {
            totals: Totals { queued, done: pages, pages, ..Totals::default() },
            outcomes: vec![(Outcome::Page, pages), (Outcome::Timeout, 1)],
            wire_bytes: 1_200_000,
            in_flight: 1,
            active_hosts: 3,
            commits: 4,
        }
    }

    #[test]
    fn speed_is_that_of_the_last_ten_seconds() {
        let mut watch = Watch::new(Bounds::default());
        let first = watch.line(&snapshot(0, 100), 0);
        assert_eq!(first, "0 done · 100 queued · 0.0 pages/s · 1.2 MB · 1 error · 3 hosts");
        watch.line(&snapshot(1_000, 100), 1_000);
        let line = watch.line(&snapshot(1_100, 1_500), 11_000);
        assert_eq!(line, "1,100 done · 1,500 queued · 10.0 pages/s · ~2m 30s left · 1.2 MB · 1 error · 3 hosts");
    }

    #[test]
    fn a_limit_bounds_the_time_left() {
        let cases = [
            (Bounds { max_pages: Some(150), max_duration_ms: None }, "~5.0 s left"),
            (Bounds { max_pages: Some(150), max_duration_ms: Some(12_000) }, "~2.0 s left"),
            (Bounds { max_pages: None, max_duration_ms: None }, "~1m 40s left"),
        ];
        for (bounds, wanted) in cases {
            let mut watch = Watch::new(bounds);
            watch.line(&snapshot(0, 1_000), 0);
            let line = watch.line(&snapshot(100, 1_000), 10_000);
            assert!(line.contains(wanted), "{line}");
        }
    }
}
