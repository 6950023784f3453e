//! [`complete`]: how the word before the cursor could go on.

use super::command::COMMANDS;
use crate::report::Format;
use crate::store::sqlite::read::{Catalogue, Relation};

/// Most words that are offered.
const MOST: usize = 200;

/// Where the word before `at` begins, and the words that it could become, in order. The columns of the
/// tables that the statement names come before everything else.
pub(super) fn complete(text: &str, at: usize, catalogue: &Catalogue) -> (usize, Vec<String>) {
    let before = text.get(..at).unwrap_or(text);
    if before.trim_start().starts_with('.') {
        return command(before, catalogue);
    }
    let start = before.rfind(|c| !is_word(c)).map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let (head, word) = before.split_at(start);
    if in_string(head) {
        return (at, Vec::new());
    }
    let named: Vec<(&Relation, Option<&str>)> = named_relations(text, catalogue);
    let columns = |relations: &mut dyn Iterator<Item = &Relation>| -> Vec<String> {
        relations.flat_map(|relation| relation.columns.iter().cloned()).collect()
    };
    let mut words = Vec::new();
    if let Some(qualifier) = head.strip_suffix('.').map(last_word) {
        let meant = named.iter().filter(|(relation, alias)| {
            alias.is_some_and(|alias| alias.eq_ignore_ascii_case(qualifier))
                || relation.name.eq_ignore_ascii_case(qualifier)
        });
        words = columns(&mut meant.map(|(relation, _)| *relation));
        if words.is_empty() {
            // Its FROM comes later.
            words = columns(&mut catalogue.relations.iter());
            words.sort();
        }
    } else if ["FROM", "JOIN"].iter().any(|word| last_word(head.trim_end()).eq_ignore_ascii_case(word)) {
        words.extend(catalogue.relations.iter().map(|relation| relation.name.clone()));
    } else {
        words = columns(&mut named.iter().map(|(relation, _)| *relation));
        if named.is_empty() && !word.is_empty() {
            words = columns(&mut catalogue.relations.iter());
            words.sort();
        }
        words.extend(catalogue.relations.iter().map(|relation| relation.name.clone()));
        words.extend(catalogue.keywords.iter().map(|keyword| in_case_of(word, keyword)));
        // Functions are many: only when they are asked for.
        words.extend(catalogue.functions.iter().filter(|_| !word.is_empty()).map(|name| format!("{name}(")));
    }
    (start, fitting(word, words))
}

fn command(before: &str, catalogue: &Catalogue) -> (usize, Vec<String>) {
    let start = before.len() - before.rsplit(char::is_whitespace).next().unwrap_or_default().len();
    let (head, word) = before.split_at(start);
    let words: Vec<String> = match head.trim() {
        "" => COMMANDS.map(|(name, _, _)| name.to_owned()).to_vec(),
        ".schema" => catalogue.relations.iter().map(|relation| relation.name.clone()).collect(),
        ".mode" => Format::ALL.map(|(name, _)| name.to_owned()).to_vec(),
        ".rows" | ".timeout" => vec!["none".to_owned()],
        _ => Vec::new(),
    };
    (start, fitting(word, words))
}

/// The words that begin like this one, each once. A name that is more than letters would have to be quoted, and
/// could be anything: it is left out.
fn fitting(word: &str, words: Vec<String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for candidate in words {
        let begins = candidate.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let plain =
            candidate.trim_end_matches('(').chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        if begins && plain && candidate != word && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found.truncate(MOST);
    found
}

/// Keywords in lower case for those who type so.
fn in_case_of(word: &str, keyword: &str) -> String {
    if word.chars().any(|c| c.is_ascii_lowercase()) { keyword.to_ascii_lowercase() } else { keyword.to_owned() }
}

/// Whether a text ends inside `'…'`, of which nothing is known.
fn in_string(text: &str) -> bool {
    !text.matches('\'').count().is_multiple_of(2)
}

/// The tables and views whose names stand in a text, each with the word after it, which is its alias if
/// it has one.
fn named_relations<'a>(text: &'a str, catalogue: &'a Catalogue) -> Vec<(&'a Relation, Option<&'a str>)> {
    let words: Vec<&str> = text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    let mut found = Vec::new();
    for (i, word) in words.iter().enumerate() {
        if let Some(relation) = catalogue.relations.iter().find(|relation| relation.name.eq_ignore_ascii_case(word)) {
            let mut after = words[i + 1..].iter().copied();
            let alias = after.next().and_then(|w| if w.eq_ignore_ascii_case("AS") { after.next() } else { Some(w) });
            found.push((relation, alias));
        }
    }
    found
}

fn last_word(text: &str) -> &str {
    text.rsplit(|c| !is_word(c)).next().unwrap_or_default()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn catalogue() -> Catalogue {
        let relation = |name: &str, columns: &[&str]| Relation {
            name: name.to_owned(),
            is_view: false,
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            sql: String::new(),
        };
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        Catalogue {
            relations: vec![
                relation("hosts", &["id", "name"]),
                relation("odd", &["plain", "x\u{1b}[2J"]),
                relation("pages", &["url", "title"]),
            ],
            keywords: words(&["FROM", "SELECT", "WHERE"]),
            functions: words(&["total", "trim"]),
        }
    }

    #[test]
    fn words_fit_their_place() {
        let cases: [(&str, &[&str]); 16] = [
            ("sel|", &["select"]),
            ("SEL|", &["SELECT"]),
            ("SELECT ti|", &["title"]),
            ("SELECT t|", &["title", "total(", "trim("]),
            ("SELECT T| FROM pages", &["title", "total(", "trim("]),
            ("SELECT n| FROM pages", &[]),
            ("SELECT * FROM |", &["hosts", "odd", "pages"]),
            ("SELECT * FROM pa|", &["pages"]),
            ("SELECT * FROM pages p\n JOIN |", &["hosts", "odd", "pages"]),
            ("SELECT p.| FROM pages AS p JOIN hosts h", &["url", "title"]),
            ("SELECT x.n|", &["name"]),
            ("SELECT h.n| FROM pages p JOIN hosts h", &["name"]),
            ("SELECT * FROM pages WHERE title = 'u|", &[]),
            ("SELECT | FROM odd", &["plain", "hosts", "odd", "pages", "FROM", "SELECT", "WHERE"]),
            (".sc|", &[".schema"]),
            (".mode j|", &["json", "jsonl"]),
        ];
        for (line, wanted) in cases {
            let at = line.find('|').expect("a cursor");
            let (start, words) = complete(&line.replace('|', ""), at, &catalogue());
            assert_eq!(words, wanted, "{line}");
            assert!(start <= at, "{line}");
        }
        assert_eq!(complete(".schema p", 9, &catalogue()), (8, vec!["pages".to_owned()]));
        assert_eq!(complete(".schema\u{a0}p", 10, &catalogue()), (9, vec!["pages".to_owned()]));
    }

    proptest! {
        #[test]
        fn any_text_has_a_place_to_complete(text in any::<String>(), at in 0_usize..64) {
            let at = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            let (start, _) = complete(&text, at, &catalogue());
            prop_assert!(start <= at && text.is_char_boundary(start));
        }
    }
}
