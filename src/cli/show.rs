//! `sqrawl show`: everything known of one URL, or its body, text or headers alone.

use std::time::Duration;

use super::Exit;
use super::args::ShowArgs;
use super::config_show::stored_settings;
use super::exit::UsageError;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::config::{OfDay, moment_ms};
use crate::engine::{Clock, SystemClock};
use crate::report::{self, neutralise_lines};
use crate::scope::{UrlRules, seed_url, without_credentials};
use crate::store::sqlite::read::{Limits, Lookup, PageFacts, Reader, ShowLimits, UnknownUrl};

/// Shows the page.
///
/// # Errors
/// A URL that is none or is not known, a database that cannot be read.
pub(super) async fn run(args: ShowArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let now = SystemClock::default().now_ms();
    let at_ms = args.at.as_deref().map(|text| {
        let wrong = |why| UsageError(format!("--at {text}: {why}; for example --at 2026-11-23"));
        moment_ms(text, now, OfDay::End).map_err(wrong)
    });
    let at_ms = at_ms.transpose()?;
    let spelled = spellings(&args.url, sources).await?;
    let mut reader = Reader::open(sources.path()).await?;
    let raw = args.body || args.text || args.headers;
    let mut limits = ShowLimits { at_ms, ..ShowLimits::default() };
    if raw {
        // All links and all contents are read for lists that are not shown.
        limits.scan = Duration::ZERO;
    }
    let known = match look_up(&mut reader, spelled, limits).await? {
        Ok(found) => found,
        Err(unknown) => {
            if sources.json {
                terminal.data(report::json(&unknown)?.as_bytes())?;
            }
            anyhow::bail!("{unknown}");
        }
    };
    let content = known.page.as_ref().and_then(|page| page.content_id);
    let bytes = if args.body {
        let body = match content {
            Some(content) => reader.body_of(content).await?.map(|body| body.bytes),
            None => None,
        };
        part(&known, "body", body)?
    } else if args.text {
        let text = match content {
            Some(content) => reader.text_of(content).await?.map(String::into_bytes),
            None => None,
        };
        part(&known, "text", text)?
    } else if args.headers {
        headers(&known).into_bytes()
    } else if sources.json {
        report::json(&*known)?.into_bytes()
    } else {
        report::page(&known, terminal.look()).into_bytes()
    };
    reader.close().await;
    if raw && terminal.out_is_terminal() {
        let mut text = neutralise_lines(&String::from_utf8_lossy(&bytes)).into_owned();
        // The prompt begins a line of its own.
        if !text.ends_with('\n') {
            text.push('\n');
        }
        terminal.data(text.as_bytes())?;
    } else {
        terminal.data(&bytes)?;
    }
    Ok(Exit::Done)
}

/// The URL as the URL standard alone writes it, for a known URL may be older than the rules or the
/// target of a redirect; and by the crawl's own rules of spelling.
async fn spellings(given: &str, sources: &Sources) -> anyhow::Result<[String; 2]> {
    let spelled = |rules: &UrlRules| match seed_url(given, rules) {
        Ok(seed) => Ok(seed.url.as_str().to_owned()),
        Err(why) => Err(UsageError(format!("{:?} is no URL: {why}", without_credentials(given)))),
    };
    let as_written = spelled(&UrlRules::none())?;
    let settings = stored_settings(sources.path()).await?.unwrap_or_default();
    Ok([as_written, spelled(&UrlRules::new(&settings))?])
}

/// The first spelling that is known; otherwise what is known of the crawl's own one.
async fn look_up(
    reader: &mut Reader,
    [as_written, ours]: [String; 2],
    limits: ShowLimits,
) -> anyhow::Result<Result<Box<PageFacts>, UnknownUrl>> {
    if let Lookup::Known(facts) = reader.show(&as_written, limits, &Limits::default()).await? {
        return Ok(Ok(facts));
    }
    Ok(match reader.show(&ours, limits, &Limits::default()).await? {
        Lookup::Known(facts) => Ok(facts),
        Lookup::Unknown(unknown) => Err(unknown),
    })
}

fn part(known: &PageFacts, what: &str, found: Option<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let url = &known.url;
    match found {
        Some(bytes) => Ok(bytes),
        None if known.page.is_some() => anyhow::bail!("the {what} of {url} was not kept (--store-body, --no-text)"),
        None if known.at_ms.is_some() => {
            anyhow::bail!("{url} had given no page by then; sqrawl show without --at lists its versions")
        }
        None => anyhow::bail!("{url} gave no page; sqrawl show without --{what} says why"),
    }
}

fn headers(facts: &PageFacts) -> String {
    facts.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}
