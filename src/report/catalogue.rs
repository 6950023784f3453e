//! [`Report`]: the reports by name, each a view of the database. [`REPORTS`] is the one list of them: the verb, the
//! HTML page and the tests of the documentation read it.

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Links and redirects.
    Links,
    /// What pages say.
    Content,
    /// Where pages stand.
    Structure,
    /// How long answers took, how large they were.
    Weight,
    /// What could not be had, and what was not asked for.
    Failures,
    /// Hosts.
    Hosts,
}

impl Topic {
    /// Every topic, in the order in which reports are listed.
    pub const ALL: [Topic; 6] =
        [Topic::Links, Topic::Content, Topic::Structure, Topic::Weight, Topic::Failures, Topic::Hosts];

    /// Its heading.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Links => "Links and redirects",
            Topic::Content => "Content",
            Topic::Structure => "Structure",
            Topic::Weight => "Speed and size",
            Topic::Failures => "Errors and exclusions",
            Topic::Hosts => "Hosts",
        }
    }
}

/// One report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its name, with dashes.
    pub name: &'static str,
    /// What it is about.
    pub topic: Topic,
    /// Whether each row is something to look into. The others tell how things are.
    pub is_problem: bool,
    /// What its rows are, in a line.
    pub meaning: &'static str,
    /// What to do next, in a line.
    pub next_step: &'static str,
    /// How rows are sorted, as SQL; empty: as they come, where there may be millions of them.
    order: &'static str,
}

impl Report {
    /// The report of a name. Dashes may be underscores, and the name that of the view.
    pub fn named(name: &str) -> Option<&'static Report> {
        let wanted = plain(name);
        REPORTS.iter().find(|report| report.name == wanted)
    }

    /// The names that are like this one, the likest first, at most three.
    pub fn near(name: &str) -> Vec<&'static str> {
        let wanted = plain(name);
        let mut near: Vec<(usize, &str)> =
            REPORTS.iter().map(|report| (unlikeness(&wanted, report.name), report.name)).collect();
        near.sort_by_key(|(unlike, _)| *unlike);
        let closest = near.first().map_or(0, |(unlike, _)| *unlike);
        near.into_iter().take(3).filter(|(unlike, _)| *unlike <= closest + 1).map(|(_, name)| name).collect()
    }

    /// Its view.
    pub fn view(&self) -> String {
        format!("report_{}", self.name.replace('-', "_"))
    }

    /// The statement that gives its rows. The + keeps SQLite from reading every URL in the order of its index to spare
    /// a sort of few rows: that took thirty times as long on a million pages.
    pub fn sql(&self) -> String {
        match self.order {
            "" => format!("SELECT * FROM {}", self.view()),
            order => format!("SELECT * FROM {} ORDER BY +{order}", self.view()),
        }
    }

    /// The statement that gives its first rows, `most` or one, and in a last column how many there are. All of them are
    /// had before the first one of a sorted report; to hand them over takes longer than to find them.
    pub fn first_sql(&self, most: u64) -> String {
        let (view, order, most) = (self.view(), self.order, most.max(1));
        format!(
            "WITH found AS MATERIALIZED (SELECT * FROM {view})
             SELECT *, (SELECT count(*) FROM found) AS rows_in_all FROM found ORDER BY +{order} LIMIT {most}"
        )
    }

    /// Whether its rows are sorted: then all of them are had before the first.
    pub fn is_sorted(&self) -> bool {
        !self.order.is_empty()
    }

    /// The statement that counts its rows.
    pub fn count_sql(&self) -> String {
        format!("SELECT count(*) FROM {}", self.view())
    }
}

fn plain(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    name.strip_prefix("report-").unwrap_or(&name).to_owned()
}

/// Letters that differ; a name that contains the other, or begins alike, is nearer than one that only has as many letters.
fn unlikeness(wanted: &str, name: &str) -> usize {
    if wanted.len() >= 3 && (name.contains(wanted) || wanted.contains(name)) {
        return 1;
    }
    let distance = distance(wanted, name) * 2;
    let alike = wanted.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    distance.saturating_sub(alike) + 2
}

/// Levenshtein distance over the bytes of names.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

const fn problem(
    topic: Topic,
    name: &'static str,
    order: &'static str,
    meaning: &'static str,
    next_step: &'static str,
) -> Report {
    Report { name, topic, is_problem: true, meaning, next_step, order }
}

const fn fact(
    topic: Topic,
    name: &'static str,
    order: &'static str,
    meaning: &'static str,
    next_step: &'static str,
) -> Report {
    Report { is_problem: false, ..problem(topic, name, order, meaning, next_step) }
}

/// Every report, by topic.
pub const REPORTS: &[Report] = &[
    problem(
        Topic::Links,
        "broken-links",
        "target, source",
        "Links to what gave an error or nothing, also behind redirects, with the page and the anchor of each",
        "mend or remove the link on its source page; sqrawl show FINAL tells what was tried",
    ),
    problem(
        Topic::Links,
        "redirects",
        "source",
        "URLs that redirect, and how their target answered",
        "link to the target itself; redirects with an empty target_outcome lead out of the crawl",
    ),
    problem(
        Topic::Links,
        "redirect-chains",
        "hops DESC, start",
        "Redirects that lead to redirects, and where they end",
        "let the start redirect to the final URL in one step",
    ),
    problem(
        Topic::Links,
        "redirect-loops",
        "start",
        "Redirects that come back to where they were: nobody arrives",
        "end the loop on the server; every URL of it is broken for readers",
    ),
    problem(
        Topic::Links,
        "mixed-content",
        "url, resource",
        "https pages that load something, or send a form, over http",
        "name the resource by https; browsers block scripts, styles and frames over http",
    ),
    problem(
        Topic::Links,
        "orphans",
        "url",
        "URLs in a sitemap that no page links to and no redirect leads to",
        "link them from a page that is read, or take them out of the sitemap",
    ),
    problem(
        Topic::Links,
        "sitemap-problems",
        "problem, url",
        "URLs in a sitemap that are broken, redirected, excluded, noindex or copies of another",
        "list only URLs that answer with a page of their own",
    ),
    fact(
        Topic::Links,
        "unlinked",
        "depth, url",
        "Pages that no other page links to: seeds, entries of sitemaps, ends of redirects",
        "look at named_by for what led there; link what readers should find",
    ),
    fact(
        Topic::Links,
        "external-links",
        "",
        "Links to other sites (another registrable domain)",
        "sqrawl query groups them: SELECT host, count(*) FROM report_external_links GROUP BY host",
    ),
    fact(
        Topic::Links,
        "inlinks",
        "inlinks DESC, url",
        "The pages that are linked most, and from how many hosts",
        "see whether the pages that matter stand at the top",
    ),
    fact(
        Topic::Links,
        "pagerank",
        "rank DESC, url",
        "The pages that the links of the site lead to most, by PageRank",
        "sqrawl rank computes it anew; see whether the pages that matter stand at the top",
    ),
    problem(
        Topic::Content,
        "duplicates",
        "urls DESC, example",
        "Contents that several URLs serve, byte for byte",
        "choose one URL, and name it as canonical or redirect to it; duplicate-urls lists them all",
    ),
    problem(
        Topic::Content,
        "duplicate-urls",
        "content_id, url",
        "The URLs of every content that several of them serve",
        "choose one of each content_id, and name it as canonical or redirect to it",
    ),
    problem(
        Topic::Content,
        "near-duplicates",
        "distance, url, other_url",
        "Pairs of pages that say nearly the same",
        "merge them, or name one as the canonical URL of the other",
    ),
    problem(
        Topic::Content,
        "titles",
        "problem, title, url",
        "Titles that are missing, longer than 70 characters, shorter than 10, or on several pages",
        "give each page a title of its own that says what it is about",
    ),
    problem(
        Topic::Content,
        "descriptions",
        "problem, description, url",
        "Meta descriptions that are missing, longer than 160 characters, or on several pages",
        "write a sentence or two for each page that people find by search",
    ),
    problem(
        Topic::Content,
        "canonicals",
        "problem, url",
        "Pages whose canonical URL is broken, redirected, excluded, noindex, a copy itself, or not the only one",
        "name one URL that answers with a page and is its own canonical URL",
    ),
    problem(
        Topic::Content,
        "soft-404",
        "url",
        "Pages that say that they were not found, and answer as if they were",
        "answer with status 404 or 410",
    ),
    fact(
        Topic::Content,
        "content-types",
        "pages DESC, mime",
        "Media types, how many pages and bytes of each",
        "sqrawl query lists the pages of one: SELECT url FROM pages WHERE mime = 'application/pdf'",
    ),
    fact(
        Topic::Content,
        "languages",
        "pages DESC, lang",
        "Languages, how many pages and words of each",
        "sqrawl query lists the pages of one: SELECT url, title FROM pages WHERE lang = 'de'",
    ),
    fact(
        Topic::Structure,
        "depths",
        "depth",
        "How many links deep URLs and pages are: clicks once sqrawl rank has counted them, else as first seen",
        "see whether most pages are within a few clicks; ranked 0: sqrawl rank counts them",
    ),
    problem(
        Topic::Structure,
        "deep",
        "depth DESC, +url",
        "Pages more than four links deep: clicks where sqrawl rank has counted them, else as first seen",
        "link what matters from pages nearer to the start; sqrawl show URL tells who links to it",
    ),
    fact(
        Topic::Structure,
        "directories",
        "urls DESC, directory",
        "How the URLs of each first directory ended",
        "look into directories with errors; broken-links tells who links there",
    ),
    problem(
        Topic::Weight,
        "slow",
        "elapsed_ms DESC, url",
        "Pages that took longer than a second",
        "compare with size_bytes: a large page is slow for its size, a small one for its server",
    ),
    problem(Topic::Weight, "large", "size_bytes DESC, url", "Bodies larger than 1 MB", "send less, or in parts"),
    fact(
        Topic::Failures,
        "status",
        "urls DESC, outcome, status",
        "How the latest attempt of each URL ended",
        "errors breaks the failures down by host",
    ),
    problem(
        Topic::Failures,
        "errors",
        "urls DESC, host, outcome",
        "What failed, by host and kind, with a message",
        "mend the host that fails most; sqrawl resume tries again what is waiting",
    ),
    fact(
        Topic::Failures,
        "robots-blocked",
        "url",
        "URLs that robots.txt forbids, with the line that does",
        "change the line where it forbids too much; named_by tells who links there",
    ),
    fact(
        Topic::Failures,
        "excluded",
        "urls DESC, rule",
        "What was not crawled, by rule",
        "a rule that is too strict is a flag away: --scope, --include, --max-depth, --traps",
    ),
    fact(
        Topic::Hosts,
        "hosts",
        "pages DESC, host",
        "Hosts with the state of their URLs",
        "sqrawl status tells which of them are busy or left alone",
    ),
    fact(
        Topic::Hosts,
        "politeness",
        "host, delay_by",
        "What each host was promised, and the shortest delay that was kept",
        "breaches are 0, or a bug of sqrawl: please tell",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_people_write_them() {
        for name in ["broken-links", "broken_links", "report_broken_links", " Broken Links "] {
            assert_eq!(Report::named(name).map(|report| report.name), Some("broken-links"), "{name}");
        }
        assert_eq!(Report::named("broken"), None);
    }

    #[test]
    fn a_name_that_is_none_is_answered_with_near_ones() {
        for (name, wanted) in [
            ("broken", "broken-links"),
            ("brokenlinks", "broken-links"),
            ("redirect", "redirects"),
            ("title", "titles"),
            ("orphan", "orphans"),
            ("loops", "redirect-loops"),
            ("lagre", "large"),
        ] {
            assert!(Report::near(name).contains(&wanted), "{name}: {:?}", Report::near(name));
        }
        for name in ["", "x", "ééé", &"x".repeat(10_000)] {
            assert!((1..=3).contains(&Report::near(name).len()), "{name}");
        }
    }

    #[test]
    fn names_are_unique_and_stand_by_topic() {
        let topics: Vec<usize> =
            REPORTS.iter().map(|r| Topic::ALL.iter().position(|t| *t == r.topic).unwrap()).collect();
        assert!(topics.is_sorted());
        for report in REPORTS {
            assert_eq!(REPORTS.iter().filter(|other| other.name == report.name).count(), 1, "{}", report.name);
            assert!(!report.meaning.ends_with('.') && report.meaning.len() <= 110, "{}", report.name);
        }
    }
}
