//! The command line: [`Cli`] with its [`Verb`]s; those that ask the database are in [`asking`].

mod asking;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::exit::EXIT_CODES;
use super::flags::{CrawlFlags, RunFlags};

pub(super) use asking::{DiffArgs, ExplainArgs, QueryArgs, QueryFormat, RankArgs, ReportArgs, SearchArgs, ShowArgs};

const ABOUT: &str = "A web crawler whose database is its interface";

const LONG_ABOUT: &str = "A web crawler whose database is its interface.

sqrawl crawls into one SQLite file that can be queried with plain SQL while the crawl runs. It loses no page and no \
link when it is killed, and goes on where it stopped when the same command is run again.";

const FIRST_STEPS: &str = "First steps:
  sqrawl demo                                a small web on this machine, crawled into ./demo.db
  sqrawl crawl https://example.org/          into ./crawl.db
  sqrawl query 'SELECT url, title FROM pages LIMIT 10'
  sqrawl resume                              go on after a stop or a crash

Every flag is also an environment variable (--max-depth is SQRAWL_MAX_DEPTH, --db is DATABASE_URL), read from .env \
too, and a key of a profile (--config). Flags come before the environment, then .env, the profile, what the database \
holds, the default.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "sqrawl",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = "Each verb has its own --help; sqrawl --help has the exit codes.",
    after_long_help = format!("{FIRST_STEPS}\n\n{}", EXIT_CODES.as_str()),
    disable_help_subcommand = true,
    max_term_width = 110,
)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
    /// What the flags that every verb has said.
    #[command(flatten)]
    pub(super) run: RunFlags,
    /// Exact values as JSON on stdout instead of text [default: off]
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(super) json: bool,
}

/// What `doctor` does.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Make the quick checks alone, and unpack a few bodies
    #[arg(long)]
    pub(super) quick: bool,
    /// Make anew what follows from other rows: counters, ready times, indexes, views
    ///
    /// Nothing that was crawled is changed. Not beside a running crawl.
    #[arg(long)]
    pub(super) repair: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Start a crawl, or go on with the one in --db
    Crawl(Box<CrawlArgs>),
    /// Go on with the crawl in --db, with its stored seeds, scope and limits
    Resume(Box<ResumeArgs>),
    /// How the crawl in --db stands: counts, hosts, what is due next
    Status(StatusArgs),
    /// Take URLs into the crawl in --db as seeds, also while it runs
    Add(AddArgs),
    /// Leave out what a URL, a host or a pattern names, also while the crawl runs
    Skip(SkipArgs),
    /// Visit again what failed, also while the crawl runs
    Retry(RetryArgs),
    /// Ask the database one question in SQL, read-only
    Query(QueryArgs),
    /// What is wrong with the site, and how things are: named reports, gates for builds, one HTML page of all
    Report(ReportArgs),
    /// Compute PageRank and click depth of the pages and keep them
    Rank(RankArgs),
    /// Pages by their words: phrases, prefixes, AND, OR, NOT
    Search(SearchArgs),
    /// One page: facts, links in and out, versions, duplicates, history
    Show(ShowArgs),
    /// Why a URL is crawled or is not: rules, robots.txt, host, attempts, when it is due
    Explain(ExplainArgs),
    /// What differs between two rounds: new, gone, moved and changed pages
    Diff(DiffArgs),
    /// Pages for other programs: JSON lines, CSV, WARC, sitemap, text, Markdown
    Export(Box<ExportArgs>),
    /// Take in lists of URLs, sitemaps and WARC files, without a network
    Import(ImportArgs),
    /// Copy the crawl in --db into a new file, also while it runs
    Backup(BackupArgs),
    /// Check the database: integrity, foreign keys, states, counters
    Doctor(DoctorArgs),
    /// Settings and where they come from
    Config {
        /// What about them.
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Crawl a small web that this program serves on this machine, and ask it three questions
    ///
    /// The file is ./demo.db unless --db is given; DATABASE_URL is not looked at. A demo crawl in it is replaced,
    /// anything else is left alone.
    Demo,
}

/// `sqrawl crawl`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Seeds are given as arguments, in files (-i) and on stdin (-). A URL without a scheme gets \
https, or http for localhost and literal addresses. A seed typed as a literal address or localhost allows its own \
origin; other private addresses need --allow-net.\n\nThe same command on the same file goes on with its crawl; flags \
given again override what is stored. `none` lifts a limit. Units: 250ms 1s 24h, 10MB 10MiB, 2/s 30/m."
)]
pub(super) struct CrawlArgs {
    /// Where to begin; - reads seeds from stdin
    #[arg(value_name = "SEED")]
    pub(super) seeds: Vec<String>,
    /// A file of seeds, one a line, # begins a comment; - is stdin; may be repeated [default: none]
    #[arg(short, long = "input", value_name = "FILE")]
    pub(super) input: Vec<PathBuf>,
    /// Take the seeds into a crawl that has others [default: off]
    #[arg(long)]
    pub(super) add_seeds: bool,
    /// Visit every page known again, when the crawl is complete or at a limit; what has not changed is not
    /// transferred again [default: off]
    #[arg(long)]
    pub(super) recrawl: bool,
    /// Print seeds, scope and settings, and touch neither network nor database [default: off]
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Settings.
    #[command(flatten)]
    pub(super) flags: CrawlFlags,
}

/// `sqrawl resume`.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// Visit every page known again, when the crawl is complete or at a limit [default: off]
    #[arg(long)]
    pub(super) recrawl: bool,
    /// Settings.
    #[command(flatten)]
    pub(super) flags: CrawlFlags,
}

/// `sqrawl status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Look again and again until the crawl ends or Ctrl-C: redrawn on a terminal, elsewhere a line each [default: off]
    #[arg(long)]
    pub(super) watch: bool,
    /// Time between two looks [default: 2s]
    #[arg(long, value_name = "TIME", requires = "watch")]
    pub(super) interval: Option<String>,
}

/// `sqrawl add`.
#[derive(Debug, Args)]
#[command(
    after_help = "An added URL is a seed: what lies near it belongs to the crawl, as --scope says. A crawl that runs takes it \
in between two commits; without one it is queued at once, and sqrawl resume goes on."
)]
pub(super) struct AddArgs {
    /// What to take in; - reads URLs from stdin
    #[arg(value_name = "URL")]
    pub(super) urls: Vec<String>,
    /// A file of URLs, one a line, # begins a comment; - is stdin; may be repeated [default: none]
    #[arg(short, long = "input", value_name = "FILE")]
    pub(super) input: Vec<PathBuf>,
    /// Do not wait until the crawl that runs has applied it [default: off]
    #[arg(long)]
    pub(super) no_wait: bool,
}

/// `sqrawl skip`.
#[derive(Debug, Args)]
#[command(
    after_help = "A PATTERN that begins with http:// or https:// is one URL, the name of a host that the crawl knows is all \
of that host, anything else a regular expression, unanchored, over the whole URL; so is what holds one of \\ ^ $ * |.\n\nURLs \
that wait become excluded by the rule skip, and so does what is found later. The answer to a request that is under way is \
dropped. What was fetched stays."
)]
pub(super) struct SkipArgs {
    /// A URL, a host or a regular expression
    #[arg(value_name = "PATTERN", required = true)]
    pub(super) patterns: Vec<String>,
    /// No longer skip these patterns: what they had excluded is judged again [default: off]
    #[arg(long)]
    pub(super) undo: bool,
    /// Do not wait until the crawl that runs has applied it [default: off]
    #[arg(long)]
    pub(super) no_wait: bool,
}

/// `sqrawl retry`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --status and --outcome: what failed, and every URL that is named in full, however it ended. PATTERN \
is read as sqrawl skip reads it. What is waiting for its next try keeps its time, and hosts keep their delays."
)]
pub(super) struct RetryArgs {
    /// Only what a URL, a host or a regular expression names [default: all]
    #[arg(value_name = "PATTERN")]
    pub(super) patterns: Vec<String>,
    /// What was answered with this: 404, 5xx, 500-503; commas between [default: any]
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(super) status: Vec<String>,
    /// What ended so: timeout, dns, connect, http_error …; commas between [default: any]
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',')]
    pub(super) outcome: Vec<String>,
    /// Do not wait until the crawl that runs has applied it [default: off]
    #[arg(long)]
    pub(super) no_wait: bool,
}

/// `sqrawl config show`.
#[derive(Debug, Args)]
pub(super) struct ShowConfigArgs {
    /// Settings.
    #[command(flatten)]
    pub(super) flags: CrawlFlags,
}

/// `sqrawl export`.
#[derive(Debug, Args)]
#[command(
    after_help = "A file is whole or not there, and FILE.manifest.json names those that are, with the cursor where the next \
export goes on (--since). Formats, fields and the manifest: docs/export.md."
)]
pub(super) struct ExportArgs {
    /// Where to; - is stdout. Further files are numbered: FILE-00002
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(super) output: PathBuf,
    /// How pages are written [default: what the name of FILE says; jsonl on stdout]
    #[arg(short, long, value_enum, hide_default_value = true)]
    pub(super) format: Option<ExportFormat>,
    /// Only pages that meet this SQL condition over the columns of the view pages [default: all]
    ///
    /// For example --where "lang = 'en' AND words > 100".
    #[arg(long = "where", value_name = "SQL")]
    pub(super) condition: Option<String>,
    /// What of each page, for jsonl and csv: names with commas between [default: the short ones]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) fields: Vec<String>,
    /// The plain text too, for jsonl and csv [default: off]
    #[arg(long)]
    pub(super) text: bool,
    /// The body too, for jsonl and csv; body_base64 is the field for what is no text [default: off]
    #[arg(long)]
    pub(super) body: bool,
    /// The response headers too, for jsonl and csv [default: off]
    #[arg(long)]
    pub(super) headers: bool,
    /// Leave out pages whose content (exact), or nearly the same text (near), was written before [default: off]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) dedupe: Option<DedupeKind>,
    /// Go on where an export ended: auto (the one in FILE), a manifest, or a cursor [default: from the beginning]
    #[arg(long, value_name = "CURSOR", conflicts_with = "force")]
    pub(super) since: Option<String>,
    /// Begin another file after so many bytes, or none [default: 1GB for warc and cdxj, none for others]
    #[arg(long, value_name = "SIZE")]
    pub(super) max_size: Option<String>,
    /// Where a sitemap of several files will be found [default: the root of its first URL]
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,
    /// Replace the files of an export that is there [default: off]
    #[arg(long)]
    pub(super) force: bool,
    /// Write new pages as they are committed, until Ctrl-C; jsonl and csv on stdout [default: off]
    #[arg(long)]
    pub(super) follow: bool,
    /// End --follow when no crawl runs any more [default: off]
    #[arg(long, requires = "follow")]
    pub(super) until_complete: bool,
}

/// `sqrawl import`.
#[derive(Debug, Args)]
#[command(
    after_help = "What a file is says its content: WARC records, the XML of a sitemap, else a URL a line; gzip is undone. \
URLs are queued where the scope of the crawl in --db lets them; in a new one every host that is named belongs. Pages of WARC \
files become fetches. sqrawl resume crawls what is queued."
)]
pub(super) struct ImportArgs {
    /// What to take in
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
}

/// How pages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// One JSON object a line.
    Jsonl,
    /// RFC 4180, with a header line.
    Csv,
    /// WARC 1.1, with everything that servers answered.
    Warc,
    /// The same with a CDXJ index beside each file.
    Cdxj,
    /// sitemap.xml of the pages that may be indexed.
    Sitemap,
    /// Plain text with its source; JSON lines in FILE.jsonl.
    Text,
    /// Markdown with its source; JSON lines in FILE.jsonl.
    Markdown,
}

/// Which copies are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DedupeKind {
    /// The same content.
    Exact,
    /// Nearly the same text, too.
    Near,
}

/// `sqrawl backup`.
#[derive(Debug, Args)]
#[command(
    after_help = "The copy is the state of one moment: a crawl goes on meanwhile, and what it commits from then on is not \
in it. It is a crawl of its own, smaller where the original has free space: query it, or go on in it with resume."
)]
pub(super) struct BackupArgs {
    /// The copy; never an existing file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

/// `sqrawl config`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Print every setting with its value and where it comes from
    Show(Box<ShowConfigArgs>),
}
