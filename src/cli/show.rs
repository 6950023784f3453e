//! `sqrawl show`: everything known of one URL, or its body, text or headers alone.

use super::Exit;
use super::args::ShowArgs;
use super::config_show::stored_settings;
use super::exit::UsageError;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::report::{self, neutralise_lines};
use crate::scope::{UrlRules, seed_url, without_credentials};
use crate::store::sqlite::read::{Limits, Lookup, PageFacts, Reader, ShowLimits, UnknownUrl};

/// Shows the page.
///
/// # Errors
/// A URL that is none or is not known, a database that cannot be read.
pub(super) async fn run(args: ShowArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let spelled = spellings(&args.url, sources).await?;
    let mut reader = Reader::open(sources.path()).await?;
    let (url, known) = match look_up(&mut reader, spelled).await? {
        Ok(found) => found,
        Err(unknown) => {
            if sources.json {
                terminal.data(report::json(&unknown)?.as_bytes())?;
            }
            anyhow::bail!("{unknown}");
        }
    };
    let bytes = if args.body {
        part(&url, "body", known.page.is_some(), reader.body(&url).await?.map(|body| body.bytes))?
    } else if args.text {
        part(&url, "text", known.page.is_some(), reader.text(&url).await?.map(String::into_bytes))?
    } else if args.headers {
        headers(&known).into_bytes()
    } else if sources.json {
        report::json(&*known)?.into_bytes()
    } else {
        report::page(&known, terminal.look()).into_bytes()
    };
    reader.close().await;
    let raw = args.body || args.text || args.headers;
    if raw && terminal.out_is_terminal() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        terminal.data(neutralise_lines(&text).as_bytes())?;
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
) -> anyhow::Result<Result<(String, Box<PageFacts>), UnknownUrl>> {
    if let Lookup::Known(facts) = reader.show(&as_written, ShowLimits::default(), &Limits::default()).await? {
        return Ok(Ok((as_written, facts)));
    }
    Ok(match reader.show(&ours, ShowLimits::default(), &Limits::default()).await? {
        Lookup::Known(facts) => Ok((ours, facts)),
        Lookup::Unknown(unknown) => Err(unknown),
    })
}

fn part(url: &str, what: &str, is_page: bool, found: Option<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    match found {
        Some(bytes) => Ok(bytes),
        None if is_page => anyhow::bail!("the {what} of {url} was not kept (--store-body, --no-text)"),
        None => anyhow::bail!("{url} gave no page; sqrawl show without --{what} says why"),
    }
}

fn headers(facts: &PageFacts) -> String {
    facts.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}
