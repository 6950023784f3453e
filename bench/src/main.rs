//! `bench-web`: a generated web to measure crawlers on. The same options make the same web, byte for byte,
//! as long as the port has as many digits.
//!
//! Its hosts are 127.0.0.1, 127.0.0.2, … on one port, so that no crawler needs a resolver. Beside the pages:
//! `/stats` says as JSON what was asked for since the last `/reset`, `/pages` lists every page's URL.
//!
//! - [`web`]: which pages exist and what they link to.
//! - [`page`], [`text`]: their HTML.
//! - [`server`], [`stats`]: who asks for them.

mod draw;
mod page;
mod server;
mod stats;
mod text;
mod web;

use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;

use crate::server::Site;
use crate::stats::Stats;
use crate::web::{Plan, Web};

/// Serves a generated web on loopback
#[derive(Parser)]
struct Options {
    /// Pages in all
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    pages: u32,
    /// Hosts they are spread over
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=254))]
    hosts: u32,
    /// Wait before each answer
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Compress pages for those who accept it (all are kept in memory, about 10 KB each)
    #[arg(long)]
    gzip: bool,
    /// Another seed, another web
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Mean number of links of a page, at least 24
    #[arg(long, default_value_t = 53, value_parser = clap::value_parser!(u32).range(24..=1000))]
    links: u32,
    /// Mean size of a page
    #[arg(long, default_value_t = 40_000, value_parser = clap::value_parser!(u32).range(1000..=4_000_000))]
    mean_bytes: u32,
    /// Port of every host; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Say what the web is like, and serve nothing
    #[arg(long)]
    describe: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let plan = Plan {
        pages: options.pages as usize,
        hosts: options.hosts.min(options.pages) as usize,
        seed: options.seed,
        links: options.links as usize,
        mean_bytes: options.mean_bytes as usize,
    };
    if options.describe {
        describe(&Web::new(plan, 8080));
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, run(plan, &options))
}

async fn run(plan: Plan, options: &Options) -> Result<(), Box<dyn Error>> {
    let listeners = server::listen(plan.hosts, options.port).await?;
    let port = listeners[0].local_addr()?.port();
    let web = Web::new(plan, port);
    let packed = options.gzip.then(|| server::pack(&web));
    let latency = Duration::from_millis(options.latency_ms);
    let site = Rc::new(Site { stats: Stats::new(plan.pages), web, latency, packed });
    for (host, listener) in listeners.into_iter().enumerate() {
        tokio::task::spawn_local(server::serve(Rc::clone(&site), host, listener));
    }
    // The runner waits for this line.
    println!("port {port}");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// What every page is like, in one line each.
fn describe(web: &Web) {
    let (mut page, mut html, mut links) = (page::Page::new(web), Vec::new(), Vec::new());
    let (mut sizes, mut counts, mut distinct, mut away, mut packed, mut escaped) = (Vec::new(), 0, 0, 0, 0, 0);
    let mut path = Vec::new();
    for n in 0..web.plan.pages {
        page.write(n, &mut html);
        sizes.push(html.len());
        packed += server::gzip(&html).len();
        web.links(n, &mut links);
        counts += links.len();
        away += links.iter().filter(|link| web.host(link.target) != web.host(n)).count();
        links.sort_by_key(|link| link.target);
        links.dedup_by_key(|link| link.target);
        distinct += links.len();
        path.clear();
        web.path(n, &mut path);
        escaped += usize::from(path.contains(&b'&'));
    }
    sizes.sort_unstable();
    let pages = web.plan.pages as f64;
    let sum: usize = sizes.iter().sum();
    let at = |share: f64| sizes[((pages - 1.0) * share) as usize];
    println!("pages                {} on {} hosts", web.plan.pages, web.plan.hosts);
    println!(
        "bytes a page         mean {:.0}, 5 % {}, median {}, 95 % {}, largest {}",
        sum as f64 / pages,
        at(0.05),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    println!("gzip                 {:.2} to 1", sum as f64 / packed as f64);
    println!("links a page         mean {:.1}, {:.1} of them distinct", counts as f64 / pages, distinct as f64 / pages);
    println!("to other hosts       {:.1} % of links", 100.0 * away as f64 / counts as f64);
    println!("behind &amp; alone   {escaped} pages");
}
