//! The verbs that ask the database: `query`, `report`, `rank`, `search`, `show`, `explain`, `diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `sqrawl query`.
#[derive(Debug, Args)]
#[command(
    after_help = "One statement that begins with SELECT, WITH, VALUES or EXPLAIN; nothing that it says can change the \
file. Without one, on a terminal: a prompt with history and completion. Tables and views: .tables and .schema there, \
and docs/schema.md.\n\nA value of -p that looks like a number is one; :text, :integer, :real, :blob (hex) and :null after \
the name say otherwise: -p zip:text=01234."
)]
pub(in crate::cli) struct QueryArgs {
    /// The statement; - reads it from stdin [default: a prompt]
    #[arg(value_name = "SQL", allow_hyphen_values = true)]
    pub(in crate::cli) sql: Option<String>,
    /// The value of the statement's :NAME; may be repeated [default: none]
    #[arg(short, long, value_name = "NAME[:TYPE]=VALUE")]
    pub(in crate::cli) param: Vec<String>,
    /// How rows are printed [default: table on a terminal, else csv]
    #[arg(short, long, value_enum, hide_default_value = true)]
    pub(in crate::cli) format: Option<QueryFormat>,
    /// Longest time for the statement, or none [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) timeout: Option<String>,
    /// Most rows, or none [default: 10000 in a table on a terminal, else none]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_rows: Option<String>,
    /// Most memory of SQLite, sorts included; a row may hold an eighth of it [default: 512MB]
    #[arg(long, value_name = "SIZE")]
    pub(in crate::cli) memory: Option<String>,
    /// Sort in temporary files, which may become as large as the disk allows [default: off]
    #[arg(long)]
    pub(in crate::cli) temp_files: bool,
    /// Neither read nor write the history of the prompt [default: off]
    #[arg(long)]
    pub(in crate::cli) no_history: bool,
}

/// `sqrawl report`.
#[derive(Debug, Args)]
#[command(after_help = "Without a name it lists the reports; docs/reports.md explains each. A report is also a view: \
broken-links is report_broken_links.\n\nGates: sqrawl report --fail-on 'broken-links>0' --fail-on 'titles>=10' exits \
with 10 when one of them is true; > >= < <= = != compare the number of rows.")]
pub(in crate::cli) struct ReportArgs {
    /// Which report
    #[arg(value_name = "NAME", conflicts_with = "all")]
    pub(in crate::cli) name: Option<String>,
    /// How rows are printed [default: table on a terminal, else csv]
    #[arg(short, long, value_enum, hide_default_value = true, requires = "name")]
    pub(in crate::cli) format: Option<QueryFormat>,
    /// Most rows printed, or none; the others are counted [default: 50 on a terminal, else none]
    #[arg(long, value_name = "N", requires = "name")]
    pub(in crate::cli) limit: Option<String>,
    /// Exit with 10 when a report has so many rows: NAME>N; may be repeated [default: none]
    #[arg(long, value_name = "GATE")]
    pub(in crate::cli) fail_on: Vec<String>,
    /// Write every report into one HTML page, which needs nothing else [default: off]
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// The page's file, written whole or not at all [default: stdout]
    #[arg(short, long, value_name = "FILE", requires = "all")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Longest time for each report, or none [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) timeout: Option<String>,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum QueryFormat {
    /// Columns for reading.
    Table,
    /// RFC 4180, with a header line.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Jsonl,
    /// A Markdown table.
    Markdown,
}

/// `sqrawl rank`.
#[derive(Debug, Args)]
#[command(
    after_help = "Click depth is the fewest links from a seed; after an import or a crawl of a list, from the root page of each host.\n\nOf the latest copies of pages, by the links that readers follow (a), redirects followed to their targets; nofollow \
and links of a page to itself are left out. The ranks are kept with their time and replace those before: the table ranks, \
the view report_pagerank. Also beside a running crawl."
)]
pub(in crate::cli) struct RankArgs {
    /// How often a link is followed instead of a jump to any page [default: 0.85]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) damping: Option<String>,
    /// Change of all ranks together at which they are good enough; they sum to 1 [default: 1e-6]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) tolerance: Option<String>,
    /// Most passes over the links [default: 100]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_iterations: Option<String>,
    /// Most memory of the links, which take 2 to 3 bytes each [default: 1GB]
    #[arg(long, value_name = "SIZE")]
    pub(in crate::cli) memory: Option<String>,
    /// Most pages printed, the first ones, or none for no limit [default: 20]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) limit: Option<String>,
    /// How rows are printed [default: table on a terminal, else csv]
    #[arg(short, long, value_enum, hide_default_value = true)]
    pub(in crate::cli) format: Option<QueryFormat>,
}

/// `sqrawl search`.
#[derive(Debug, Args)]
#[command(
    after_help = "Words are all to be found. \"a phrase\", pref*, a OR b, a NOT b, (a OR b) c, NEAR(a b, 5), title:word; \
quote the whole for your shell: sqrawl search '\"a phrase\" title:word'. A word in the title weighs 10, in a heading 5, in the \
description 2, in the text 1.\n\nThe index is made and brought up to date by this verb, also beside a running crawl; without words \
it does only that. docs/search.md has more."
)]
pub(in crate::cli) struct SearchArgs {
    /// What to look for
    #[arg(value_name = "WORDS")]
    pub(in crate::cli) words: Vec<String>,
    /// Only pages of this host; *.example.org has those below it too [default: all]
    #[arg(long, value_name = "HOST")]
    pub(in crate::cli) host: Option<String>,
    /// Only pages fetched since: 2026-01-31, 2026-01-31T10:00Z (or +02:00), 7d [default: all]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<String>,
    /// Only pages in this language; en has en-US too [default: all]
    #[arg(long, value_name = "LANG")]
    pub(in crate::cli) lang: Option<String>,
    /// Most results, or none [default: 10]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) limit: Option<String>,
    /// How rows are printed [default: a list on a terminal, else csv]
    #[arg(short, long, value_enum, hide_default_value = true)]
    pub(in crate::cli) format: Option<QueryFormat>,
    /// Search what is indexed, and index nothing [default: off]
    #[arg(long, conflicts_with = "rebuild")]
    pub(in crate::cli) no_update: bool,
    /// Empty the index first and make it anew; one that is stopped goes on with the next search [default: off]
    #[arg(long)]
    pub(in crate::cli) rebuild: bool,
    /// Longest time for the search, or none [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) timeout: Option<String>,
}

/// `sqrawl show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The page, as stored or as typed
    pub(in crate::cli) url: String,
    /// Print its body alone [default: off]
    #[arg(long, conflicts_with_all = ["text", "headers"])]
    pub(in crate::cli) body: bool,
    /// Print its plain text alone [default: off]
    #[arg(long, conflicts_with = "headers")]
    pub(in crate::cli) text: bool,
    /// Print its response headers alone [default: off]
    #[arg(long)]
    pub(in crate::cli) headers: bool,
    /// The page as it was: 2026-11-23 (the end of that day, UTC), 2026-11-23T10:00Z (or +02:00), 2h ago [default: now]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) at: Option<String>,
}

/// `sqrawl explain`.
#[derive(Debug, Args)]
#[command(
    after_help = "Also for a URL that nobody has named yet: it says what would become of it. docs/explain.md has an example."
)]
pub(in crate::cli) struct ExplainArgs {
    /// The URL, as stored or as typed
    pub(in crate::cli) url: String,
}

/// `sqrawl diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "A round is one pass over the site; sqrawl resume --recrawl begins another. Rounds are named by their \
number, their name, last and prev. What counts as changed and what is known of earlier rounds: docs/explain.md."
)]
pub(in crate::cli) struct DiffArgs {
    /// The earlier round [default: prev]
    #[arg(value_name = "A")]
    pub(in crate::cli) before: Option<String>,
    /// The later round [default: last]
    #[arg(value_name = "B")]
    pub(in crate::cli) after: Option<String>,
    /// How rows are printed [default: table on a terminal, else csv]
    #[arg(short, long, value_enum, hide_default_value = true)]
    pub(in crate::cli) format: Option<QueryFormat>,
    /// Only some kinds, with commas between: new, gone, moved, changed [default: all]
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub(in crate::cli) only: Vec<String>,
    /// Most rows printed, or none; the others are counted [default: 50 on a terminal, else none]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) limit: Option<String>,
    /// List the links that came and went on changed pages, from the bodies that are kept [default: off]
    #[arg(long, conflicts_with = "only")]
    pub(in crate::cli) links: bool,
    /// Exit with 10 when there is a row, for builds [default: off]
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    /// Longest time, or none [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) timeout: Option<String>,
}
