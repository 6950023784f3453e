//! Makes a large crawl without a network:
//! `populate --urls N --pages M --hosts H [--varied [--rounds R]] [--seed S] [--base URL] FILE`
//!
//! A web of N URLs on H hosts is made up ([`web`]) and crawled into FILE ([`crawl`]) by the program's own lease,
//! parser, verdict and settle: M pages are visited, the other URLs are queued, as if Ctrl-C had then ended the
//! crawl. `sqrawl doctor` finds it sound, and `sqrawl resume --db FILE` goes on, for which something has to answer
//! for the hosts: `scripts/large-store` serves them. The same numbers and seed give the same rows.
//!
//! With `--varied` the web has what reports look for ([`varied`]), and `--rounds 2` visits it again a week later.

#![allow(clippy::disallowed_methods, reason = "it measures how long it takes")]

mod crawl;
mod varied;
mod web;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;

use web::Web;

/// A large crawl, made up.
#[derive(Debug, Parser)]
struct Args {
    /// URLs that are known.
    #[arg(long, default_value_t = 1_000_000)]
    urls: u64,
    /// How many of them were visited; each names urls / pages new ones.
    #[arg(long, default_value_t = 50_000)]
    pages: u64,
    /// Hosts; the n-th gets a share of the URLs in proportion to 1 / n, at least its first page.
    #[arg(long, default_value_t = 1_000)]
    hosts: u64,
    /// Another seed gives other texts and another spread.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// First page of each host, with {n} for its number
    /// [default: http://h{n}.localhost:8080/, with --varied https://h{n}.example.org/].
    #[arg(long)]
    base: Option<String>,
    /// The web is as webs are: with redirects, errors, copies, bad titles, sitemaps, other sites, slow and large
    /// pages …: about a row of some report for each third page.
    #[arg(long)]
    varied: bool,
    /// Passes over a varied web; from the second on most pages are unchanged, a tenth has changed, a hundredth is gone.
    #[arg(long, default_value_t = 1, requires = "varied")]
    rounds: u64,
    /// The database to make.
    file: PathBuf,
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let args = Args::parse();
    if args.pages == 0 || args.pages > args.urls {
        return Err(format!("--pages {}: at least one, at most all of {}", args.pages, args.urls).into());
    }
    let began = Instant::now();
    let base = if args.varied { "https://h{n}.example.org/" } else { "http://h{n}.localhost:8080/" };
    let web = Web::new(args.base.as_deref().unwrap_or(base), args.hosts, args.urls, args.seed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let filled = runtime.block_on(crawl::fill(&args.file, &web, args.pages, args.varied, args.rounds))?;
    let totals = filled.totals;
    if !args.varied && (totals.done, totals.queued) != (args.pages, args.urls - args.pages) {
        return Err(format!("not what was asked for: {totals:?}").into());
    }
    println!(
        "{}: {} pages, {} queued URLs, {} hosts, {} bytes, in {:.1} s",
        args.file.display(),
        totals.pages,
        totals.queued,
        args.hosts,
        std::fs::metadata(&args.file)?.len(),
        began.elapsed().as_secs_f64()
    );
    let pages_a_commit = totals.fetches as f64 / filled.settles.len() as f64;
    println!("of {} transactions of {pages_a_commit:.0} visits each, median ms of", filled.settles.len());
    for (what, times) in [("a leasing", &filled.leases), ("a commit", &filled.settles)] {
        let tenth = times.len().div_ceil(10);
        let (first, last) = (median_ms(&times[..tenth]), median_ms(&times[times.len() - tenth..]));
        println!("  {what:9} in the first tenth {first:7.1}, in the last {last:7.1}");
    }
    Ok(())
}

fn median_ms(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
