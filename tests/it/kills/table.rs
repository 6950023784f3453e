//! What the long forms print: one column for each seed, one line for each thing that is counted.

use super::trial::{Pace, Tally};

type Line<'a> = (&'a str, Box<dyn Fn(&Tally) -> String + 'a>);

fn line<'a>(name: &'a str, show: impl Fn(&Tally) -> String + 'a) -> Line<'a> {
    (name, Box::new(show))
}

/// Kills of a large crawl.
pub(super) fn of_kills(pace: &Pace, tallies: &[(u64, &Tally)]) -> String {
    let lines = [
        line("kills, and lives", |t| format!("{}, {}", t.kills, t.kills + 1)),
        line("URLs, and pages", |t| format!("{}, {}", t.urls, t.pages)),
        line("URLs lost", |t| t.lost.len().to_string()),
        line("stored rows changed", |t| t.changed.len().to_string()),
        line("other faults", |t| t.faults.len().to_string()),
        line("deaths that found new visits", |t| {
            format!("{} of {}", t.fresh.iter().filter(|fresh| **fresh > 0).count(), t.fresh.len())
        }),
        line("new visits in a life", |t| spread(&t.fresh)),
        line("requests", |t| t.requests.to_string()),
        line("of them again", |t| t.again.to_string()),
        line("kills x concurrency", |t| (t.kills * pace.concurrency).to_string()),
        line("unanswered at a death", |t| spread(&t.unanswered)),
        line("not committed at a death", |t| spread(&t.unsettled)),
        line("shortest wait, of", |t| {
            t.shortest.map_or_else(String::new, |(kept, asked)| {
                format!("{:.1}, {} ms", kept.as_secs_f64() * 1000.0, asked.as_millis())
            })
        }),
        line("verdict", verdict),
    ];
    let titles: Vec<String> = tallies.iter().map(|(seed, _)| format!("seed {seed}")).collect();
    let tallies: Vec<&Tally> = tallies.iter().map(|(_, tally)| *tally).collect();
    table(&lines, &titles, &tallies)
}

/// Kills right after the start.
pub(super) fn of_quick_kills(tallies: &[&Tally]) -> String {
    let lines = [
        line("kills", |t| t.kills.to_string()),
        line("died before a request", |t| t.phases[0].to_string()),
        line("died in a request", |t| t.phases[1].to_string()),
        line("died before an answer was committed", |t| t.phases[2].to_string()),
        line("died between two requests", |t| t.phases[3].to_string()),
        line("URLs, and pages", |t| format!("{}, {}", t.urls, t.pages)),
        line("URLs lost", |t| t.lost.len().to_string()),
        line("stored rows changed", |t| t.changed.len().to_string()),
        line("other faults", |t| t.faults.len().to_string()),
        line("requests made again", |t| t.again.to_string()),
        line("verdict", verdict),
    ];
    let titles: Vec<String> = (1..=tallies.len()).map(|nth| format!("crawl {nth}")).collect();
    table(&lines, &titles, tallies)
}

fn verdict(tally: &Tally) -> String {
    let losses = !(tally.lost.is_empty() && tally.changed.is_empty());
    match (losses, tally.is_clean()) {
        (true, _) => "LOSSES",
        (false, false) => "FAULTS",
        (false, true) => "nothing lost",
    }
    .to_owned()
}

/// Least, median and most.
fn spread(numbers: &[usize]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    let (Some(least), Some(most)) = (numbers.first(), numbers.last()) else { return "none".to_owned() };
    format!("{least}..{}..{most}", numbers[numbers.len() / 2])
}

fn table(lines: &[Line<'_>], titles: &[String], tallies: &[&Tally]) -> String {
    let row = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>16}")).collect();
        format!("{name:<36}{cells}\n")
    };
    let mut text = row("", titles.to_vec());
    for (name, show) in lines {
        text.push_str(&row(name, tallies.iter().map(|tally| show(tally)).collect()));
    }
    for (title, tally) in titles.iter().zip(tallies) {
        text.extend(tally.complaints().iter().map(|complaint| format!("{title}: {complaint}\n")));
    }
    text
}
