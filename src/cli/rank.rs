//! `sqrawl rank`: computes PageRank of the pages and keeps it.

use std::io::BufWriter;

use super::Exit;
use super::args::RankArgs;
use super::exit::UsageError;
use super::query::{format_of, guard};
use super::signals::{self, Asked};
use super::sources::Sources;
use super::terminal::{Terminal, unwritten};
use crate::config::units::{about_bytes, about_duration, bytes, count, counted, grouped, is_unlimited};
use crate::engine::{Clock, SystemClock};
use crate::graph::{Graph, GraphBuilder, Places, Ranking, Starts, Terms, click_depths, pagerank};
use crate::report::{Report, RowWriter};
use crate::store::sqlite::read::{Cancel, Limits, Reader};
use crate::store::sqlite::{RankRun, RankStore};

/// Ids of URLs that are read in one transaction.
const IDS: i64 = 20_000;
/// Most memory of the links unless `--memory` says otherwise.
const MEMORY_BYTES: u64 = 1_000_000_000;
/// Pages that are shown unless `--limit` says otherwise.
const ROWS: u64 = 20;

/// Reads the graph, ranks it, writes the ranks, and shows the first pages.
///
/// # Errors
/// A database that cannot be read or written, a graph that is too large.
pub(super) async fn run(args: RankArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let terms = terms(&args)?;
    let most_bytes = memory(args.memory.as_deref())?;
    let rows = most_rows(args.limit.as_deref())?;
    let clock = SystemClock::default();
    let started_ms = clock.now_ms();
    let cancel = Cancel::default();
    let asked = cancel.clone();
    let _signals = signals::on_first(terminal, move || asked.cancel());
    // Whether it can be written is known before hours are spent; and it is opened before the reader, which would drop its locks.
    RankStore::open(sources.path()).await?.close().await?;
    let mut reader = Reader::open(sources.path()).await?;
    let read = read(&mut reader, most_bytes, &cancel).await;
    reader.close().await;
    let Linked { places, graph, seeds, roots } = read?;
    let asked = cancel.clone();
    let ranked = tokio::task::spawn_blocking(move || {
        let starts = Starts::choose(&graph, seeds, roots);
        let depths = click_depths(&graph, &starts.pages);
        let ranking = pagerank(&graph, terms, |_| !asked.is_cancelled());
        (graph.links(), graph.bytes(), Ranked { ranking, starts, depths })
    });
    let (links, link_bytes, ranked) = ranked.await?;
    let Ranked { ranking, starts, .. } = &ranked;
    if cancel.is_cancelled() {
        return Ok(stopped(terminal));
    }
    let run = RankRun {
        started_ms,
        damping: terms.damping,
        tolerance: terms.tolerance,
        iterations: ranking.iterations,
        change: ranking.change,
        pages: u32::try_from(ranking.ranks.len())?,
        links,
        dangling: ranking.dangling,
        starts: u32::try_from(starts.pages.len())?,
        starts_by: starts.by.as_str(),
    };
    if !keep(sources, &run, places.ids(), &ranked, &clock, &cancel).await? {
        return Ok(stopped(terminal));
    }
    say(&run, terms, link_bytes, clock.elapsed_ms(), terminal);
    say_depths(&ranked, terminal);
    show(&args, rows, sources, terminal).await?;
    Ok(Exit::Done)
}

/// The graph, and where clicks may begin.
struct Linked {
    places: Places,
    graph: Graph,
    seeds: Vec<u32>,
    roots: Vec<u32>,
}

/// What was computed of it.
struct Ranked {
    ranking: Ranking,
    starts: Starts,
    depths: Vec<Option<u32>>,
}

fn stopped(terminal: &Terminal) -> Exit {
    terminal.error("stopped by a signal; the ranks are what they were");
    Exit::Stopped
}

/// The graph of the pages, a range of ids at a time.
async fn read(reader: &mut Reader, most_bytes: usize, cancel: &Cancel) -> anyhow::Result<Linked> {
    let last = reader.last_url_id().await?;
    if u32::try_from(last).is_err() {
        anyhow::bail!("there are URLs with ids above {}; PageRank is not computed for so many", u32::MAX);
    }
    let number = |id: i64| u32::try_from(id).unwrap_or(u32::MAX);
    let ranges = || (0..last).step_by(IDS as usize).take_while(|_| !cancel.is_cancelled());
    let mut places = Places::default();
    let mut roots = Vec::new();
    for after in ranges() {
        for node in reader.graph_nodes(after, after + IDS).await? {
            if node.is_root {
                roots.push(number(node.id));
            }
            match node.target_id {
                Some(target) => places.redirect(number(node.id), number(target)),
                None if node.is_page => places.page(number(node.id)),
                None => {}
            }
        }
    }
    let mut builder = GraphBuilder::new(u32::try_from(places.ids().len())?, most_bytes);
    let mut targets = Vec::new();
    for after in ranges() {
        let mut added = Ok(());
        let take = |source: i64, all: &str| {
            // A page that redirects now is none.
            let Some(page) = places.ids().binary_search(&number(source)).ok().and_then(|at| u32::try_from(at).ok())
            else {
                return;
            };
            targets.clear();
            targets.extend(all.split(',').filter_map(|id| places.of(id.parse().ok()?)));
            if added.is_ok() {
                added = builder.add(page, &mut targets);
            }
        };
        reader.graph_links(after, after + IDS, take).await?;
        added.map_err(|error| anyhow::anyhow!("{error}; give them more: --memory 2GB"))?;
    }
    let led = |ids: Vec<u32>| ids.into_iter().filter_map(|id| places.of(id)).collect();
    let (seeds, roots) = (led(reader.graph_seeds().await?.into_iter().map(number).collect()), led(roots));
    Ok(Linked { graph: builder.finish(), seeds, roots, places })
}

/// Writes the ranks; false: it was stopped, and those before count.
async fn keep(
    sources: &Sources,
    run: &RankRun,
    ids: &[u32],
    ranked: &Ranked,
    clock: &SystemClock,
    cancel: &Cancel,
) -> anyhow::Result<bool> {
    let mut store = RankStore::open(sources.path()).await?;
    let id = store.begin(run).await?;
    let mut at = 0;
    while at < ids.len() {
        if cancel.is_cancelled() {
            store.close().await?;
            return Ok(false);
        }
        at += store.write(id, &ids[at..], &ranked.ranking.ranks[at..], &ranked.depths[at..]).await?;
    }
    if !store.finish(id, clock.now_ms()).await? {
        anyhow::bail!("another sqrawl rank was finished meanwhile, and its ranks are kept");
    }
    while store.remove_before(id).await? {}
    store.close().await?;
    Ok(true)
}

fn say(run: &RankRun, terms: Terms, link_bytes: usize, elapsed_ms: u64, terminal: &Terminal) {
    terminal.say(format_args!(
        "ranked {} by {} ({} of memory) in {}: {}, {} without a link",
        counted(run.pages.into(), "page"),
        counted(run.links, "link"),
        about_bytes(link_bytes as u64),
        about_duration(elapsed_ms),
        counted(run.iterations.into(), "iteration"),
        grouped(run.dangling.into()),
    ));
    if run.change > terms.tolerance {
        terminal.warn(format_args!(
            "the ranks still changed by {:.1e} in the last iteration; --max-iterations goes on",
            run.change
        ));
    }
}

fn say_depths(ranked: &Ranked, terminal: &Terminal) {
    let reached = ranked.depths.iter().flatten();
    let deepest = reached.clone().max().copied().unwrap_or(0);
    let missed = ranked.depths.len() - reached.count();
    let from = ranked.starts.by.in_words();
    terminal.say(format_args!(
        "clicks from {} ({from}): {} at most, {} no links lead to",
        counted(ranked.starts.pages.len() as u64, "page"),
        grouped(deepest.into()),
        counted(missed as u64, "page"),
    ));
}

async fn show(args: &RankArgs, most: Option<u64>, sources: &Sources, terminal: &Terminal) -> anyhow::Result<()> {
    let Some(report) = Report::named("pagerank") else { return Ok(()) };
    let mut reader = Reader::open(sources.path()).await?;
    let format = format_of(args.format, sources.json, terminal);
    let mut rows = RowWriter::new(format, terminal.look(), BufWriter::new(std::io::stdout()));
    let limits = Limits { rows: most, ..Limits::default() };
    let _guard = guard(&limits, Asked::listen(), terminal);
    let asked = reader.query(&report.sql(), &[], &limits, &mut rows).await;
    reader.close().await;
    asked?;
    rows.finish().map_err(unwritten)?;
    Ok(())
}

fn terms(args: &RankArgs) -> Result<Terms, UsageError> {
    let default = Terms::default();
    let number = |name: &str, said: Option<&str>, usual: f64, example: &str| match said {
        None => Ok(usual),
        Some(text) => match text.parse::<f64>() {
            Ok(number) if (0.0..1.0).contains(&number) => Ok(number),
            _ => Err(UsageError(format!(
                "{name} {text}: not a number from 0 to less than 1; for example {name} {example}"
            ))),
        },
    };
    let iterations = match args.max_iterations.as_deref() {
        None => default.most_iterations,
        Some(text) => count(text).ok().filter(|n| *n > 0).and_then(|n| u32::try_from(n).ok()).ok_or_else(|| {
            UsageError(format!("--max-iterations {text}: not a number from 1 on; for example --max-iterations 100"))
        })?,
    };
    Ok(Terms {
        damping: number("--damping", args.damping.as_deref(), default.damping, "0.85")?,
        tolerance: number("--tolerance", args.tolerance.as_deref(), default.tolerance, "1e-6")?,
        most_iterations: iterations,
    })
}

fn memory(said: Option<&str>) -> Result<usize, UsageError> {
    let most = said.map_or(Ok(MEMORY_BYTES), |text| {
        bytes(text).map_err(|why| UsageError(format!("--memory {text}: {why}; for example --memory 2GB")))
    });
    Ok(usize::try_from(most?).unwrap_or(usize::MAX))
}

fn most_rows(said: Option<&str>) -> Result<Option<u64>, UsageError> {
    match said {
        None => Ok(Some(ROWS)),
        Some(text) if is_unlimited(text) => Ok(None),
        Some(text) => {
            count(text).map(Some).map_err(|why| UsageError(format!("--limit {text}: {why}; for example --limit 50")))
        }
    }
}
