//! `sqrawl show`: everything known of one URL, or its body, text or headers alone.

use super::Exit;
use super::args::ShowArgs;
use super::exit::UsageError;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::report::{self, neutralise_lines};
use crate::scope::seed_url;
use crate::store::sqlite::read::{Limits, Lookup, PageFacts, Reader, ShowLimits};

/// Shows the page.
///
/// # Errors
/// A URL that is none or is not known, a database that cannot be read.
pub(super) async fn run(args: ShowArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let url = match seed_url(&args.url) {
        Ok(seed) => seed.url.as_str().to_owned(),
        Err(why) => return Err(UsageError(format!("{:?} is no URL: {why}", args.url)).into()),
    };
    let mut reader = Reader::open(sources.path()).await?;
    let known = match reader.show(&url, ShowLimits::default(), &Limits::default()).await? {
        Lookup::Known(facts) => facts,
        Lookup::Unknown(unknown) => {
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
