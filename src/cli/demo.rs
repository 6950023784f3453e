//! `sqrawl demo`: serves a small web, crawls it with the engine everyone uses, asks three questions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Exit;
use super::crawl::report;
use super::exit::UsageError;
use super::files::{self, CrawlFile};
use super::rehearsal::OwnProcess;
use super::seeds::read_seeds;
use super::session;
use super::sources::Sources;
use super::terminal::{Terminal, shell_word};
use crate::config::Origin;
use crate::demo::{DemoWeb, HOSTS};
use crate::engine::{self, Job};
use crate::fetch::{HttpFetcher, Trust};
use crate::model::{CrawlSettings, CrawlUrl};
use crate::report::{Format, RowWriter};
use crate::scope::Scope;
use crate::store::StoredCrawl;
use crate::store::sqlite::read::{Limits, Reader};

/// Where the demo goes unless `--db` says otherwise.
const FILE: &str = "./demo.db";
/// Deep enough for every page but those of the endless calendar.
const MAX_DEPTH: u32 = 8;

/// Three questions with their SQL.
pub(super) const QUESTIONS: [(&str, &str); 3] = [
    (
        "Which links are broken, and where do they stand?",
        "SELECT target, coalesce(status, outcome) AS answer, source\n\
         FROM report_broken_links ORDER BY target, source LIMIT 8",
    ),
    (
        "Which pages say the same under several addresses?",
        "SELECT title, urls, example\nFROM report_duplicates ORDER BY urls DESC, title LIMIT 8",
    ),
    (
        "Which encodings were met, and was the text understood?",
        "SELECT c.charset, p.lang, count(*) AS pages, min(p.title) AS one_of_them\n\
         FROM pages p JOIN contents c ON c.id = p.content_id\n\
         WHERE p.host = 'blog.localhost' AND p.title IS NOT NULL GROUP BY c.charset, p.lang ORDER BY pages, c.charset",
    ),
];

/// Runs the demo.
///
/// # Errors
/// A file that holds something else, a database or session that failed.
pub(super) async fn run(sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let path = match sources.run.origin("db") {
        Origin::Flag => sources.path().to_owned(),
        _ => PathBuf::from(FILE),
    };
    let sources = &sources.with_database(&path);
    let file = make_room(CrawlFile::look(&path).await?, &path, terminal).await?;

    let web = DemoWeb::start().await?;
    let settings = CrawlSettings { max_depth: Some(MAX_DEPTH), tries: 1, per_host: 2, ..CrawlSettings::default() };
    let given = read_seeds(&web.seeds(), &[], &crate::scope::UrlRules::default())?;
    let urls: Vec<CrawlUrl> = given.iter().map(|seed| seed.url.clone()).collect();
    let origins: Vec<_> = urls.iter().map(CrawlUrl::origin).collect();
    let scope = Scope::new(&settings, &urls, &[])?;
    terminal.say(format_args!(
        "serving {} hosts named *.localhost on port {} of this machine, and crawling them into {}",
        HOSTS.len(),
        web.port(),
        path.display()
    ));

    // No certificate is needed: nothing here is https.
    let fetcher = HttpFetcher::with_trust(&settings, &origins, Trust::Only(Vec::new()))?;
    let (store, stored) = file.open(false).await?;
    let mut seeds: Vec<_> = given.iter().map(|seed| seed.judged(&scope)).collect();
    // The grant is for this run: the port belongs to somebody else tomorrow.
    seeds.iter_mut().for_each(|seed| seed.grants_origin = false);
    let job = Job {
        settings: settings.clone(),
        seeds,
        recrawl: false,
        stored,
        rehearsal: Some(Arc::new(OwnProcess)),
        parse_threads: engine::cores(),
    };
    let ended = session::run(Arc::clone(&store), fetcher, job, sources, terminal).await;
    let exit = report(&ended?, &[], sources, terminal)?;
    // Asked while the file is still held, as anybody may while a crawl runs.
    let asked = match exit {
        Exit::Done if !sources.json => answer_questions(&path, urls[0].as_str(), terminal).await,
        _ => Ok(()),
    };
    files::close(store).await;
    asked.map(|()| exit)
}

/// Takes a former demo out of the way; anything else is somebody's work.
async fn make_room(file: CrawlFile, path: &Path, terminal: &Terminal) -> anyhow::Result<CrawlFile> {
    match &file.stored {
        None => return Ok(file),
        Some(stored) if is_demo(stored) => {
            terminal.say(format_args!("{} holds a former demo, which is replaced", path.display()));
            file.remove().await?;
        }
        Some(_) => {
            file.close().await?;
            let path = path.display();
            return Err(UsageError(format!("{path} holds a crawl that is no demo; choose another --db")).into());
        }
    }
    CrawlFile::look(path).await
}

fn is_demo(stored: &StoredCrawl) -> bool {
    let host = |url: &str| CrawlUrl::stored(url).is_ok_and(|url| HOSTS.contains(&url.host_str()));
    stored.seeds.iter().all(|seed| host(&seed.url))
}

async fn answer_questions(path: &Path, a_page: &str, terminal: &Terminal) -> anyhow::Result<()> {
    let mut reader = Reader::attach(path).await?;
    for (question, sql) in QUESTIONS {
        let mut answer = Vec::new();
        let mut rows = RowWriter::new(Format::Table, terminal.look(), &mut answer);
        reader.query(sql, &[], &Limits::default(), &mut rows).await?;
        rows.finish()?;
        let text = format!("\n{question}\n\n{sql};\n{}", String::from_utf8_lossy(&answer));
        terminal.data(text.as_bytes())?;
    }
    reader.close().await;
    let file = path.display().to_string();
    let db = shell_word(&file);
    let next = format!(
        "\nGo on:\n  sqrawl report --db {db} --all -o report.html\n  sqrawl show --db {db} {a_page}\n  \
         sqlite3 {db} .tables\n  sqrawl crawl https://example.org/\n"
    );
    terminal.data(next.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Totals;
    use crate::store::StoredSeed;

    #[test]
    fn only_a_demo_is_replaced() {
        for (urls, demo) in [
            (&["http://shop.localhost:4711/", "http://docs.localhost:4711/"][..], true),
            (&["http://shop.localhost:4711/", "https://example.org/"][..], false),
            (&[][..], true),
        ] {
            let seed = |url: &&str| StoredSeed {
                given: (*url).to_owned(),
                url: (*url).to_owned(),
                grants_origin: false,
                grants_scope: true,
                is_imported: false,
                widened_to: Vec::new(),
            };
            let stored = StoredCrawl {
                settings: CrawlSettings::default(),
                seeds: urls.iter().map(seed).collect(),
                skips: Vec::new(),
                complete: true,
                last_ended_by: None,
                judging: false,
                totals: Totals::default(),
            };
            assert_eq!(is_demo(&stored), demo, "{urls:?}");
        }
    }
}
