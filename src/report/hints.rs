//! [`with_database`]: commands that are proposed, made to ask the same file.

use std::borrow::Cow;

/// Verbs that take a database.
const VERBS: [&str; 17] = [
    "add", "backup", "crawl", "diff", "doctor", "explain", "export", "import", "query", "rank", "report", "resume",
    "retry", "search", "show", "skip", "status",
];

/// Puts ` --db DATABASE` behind each `sqrawl VERB` of a text that names no database itself up to the end of its line.
/// `database`: as a shell reads it.
pub fn with_database<'a>(text: &'a str, database: &str) -> Cow<'a, str> {
    const NAME: &str = "sqrawl ";
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let (before, after) = rest.split_at(at + NAME.len());
        out.push_str(before);
        rest = after;
        let end = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
        let (verb, behind) = after.split_at(end);
        let is_word = !out[..out.len() - NAME.len()].ends_with(|c: char| c.is_alphanumeric());
        let line = behind.split('\n').next().unwrap_or_default();
        if is_word && VERBS.contains(&verb) && !line.contains(" --db ") {
            out.push_str(&format!("{verb} --db {database}"));
            rest = behind;
        }
    }
    if out.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(out + rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_the_database() {
        for (text, wanted) in [
            ("sqrawl report slow lists them", "sqrawl report --db x.db slow lists them"),
            (
                "a; sqrawl skip --undo, or sqrawl retry URL",
                "a; sqrawl skip --db x.db --undo, or sqrawl retry --db x.db URL",
            ),
            ("resume with: sqrawl resume --db y.db", "resume with: sqrawl resume --db y.db"),
            ("this sqrawl knows 2; sqrawl completions bash", "this sqrawl knows 2; sqrawl completions bash"),
            ("sqrawl status", "sqrawl status --db x.db"),
            ("sqrawl crawl --recrawl fetches it again", "sqrawl crawl --db x.db --recrawl fetches it again"),
            ("mysqrawl report, sqrawl reports", "mysqrawl report, sqrawl reports"),
            ("", ""),
        ] {
            assert_eq!(with_database(text, "x.db"), wanted, "{text}");
        }
    }
}
