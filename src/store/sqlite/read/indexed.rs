//! Whether the full-text index has what it should: [`missing_rows`] counts, [`unfound`] searches for some.

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::store::sqlite::search_index::INDEXED;

/// Characters of a text in which a word is looked for.
const READ_CHARS: u32 = 10_000;
/// Words that say little are in many documents, and cost a search as much; so do words that are no words.
const WORD: std::ops::RangeInclusive<usize> = 4..=30;

/// Contents that are in the index and should not be, or the other way round.
pub(super) async fn missing_rows(conn: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let missing = format!(
        "SELECT count(1), min(c.id) FROM contents c
         WHERE c.id <= (SELECT content_id FROM search_progress) AND {INDEXED}
           AND NOT EXISTS (SELECT 1 FROM search_docsize d WHERE d.id = c.id)"
    );
    let foreign = format!(
        "SELECT count(1), min(d.id) FROM search_docsize d LEFT JOIN contents c
           ON c.id = d.id AND c.id <= (SELECT content_id FROM search_progress) AND {INDEXED}
         WHERE c.id IS NULL"
    );
    let mut wrong = Vec::new();
    for (sql, what) in [(missing, "are not in the index"), (foreign, "are in the index and should not be")] {
        let (count, example): (i64, Option<i64>) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut *conn).await?;
        if let Some(example) = example {
            wrong.push(format!("{count} contents {what}, content {example} for one"));
        }
    }
    Ok(wrong)
}

/// Of at most `most` contents, spread evenly: those that a word of their own does not find.
pub(super) async fn unfound(conn: &mut SqliteConnection, most: u32) -> Result<Vec<String>, sqlx::Error> {
    let sql = "WITH known AS (SELECT count(1) AS n FROM search_docsize),
                    numbered AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS nth FROM search_docsize)
               SELECT id FROM numbered, known WHERE nth % max(known.n / ?1, 1) = 0 LIMIT ?1";
    let sample: Vec<i64> = sqlx::query_scalar(sql).bind(most).fetch_all(&mut *conn).await?;
    let mut lost = Vec::new();
    for id in sample {
        // What came late is not in the index yet.
        let sql = "SELECT c.title, CASE WHEN s.content_id IS NULL THEN substr(t.text, 1, ?2) END
                   FROM contents c LEFT JOIN texts t ON t.content_id = c.id LEFT JOIN search_textless s ON s.content_id = c.id
                   WHERE c.id = ?1";
        type Texts = (Option<String>, Option<String>);
        let found: Option<Texts> = sqlx::query_as(sql).bind(id).bind(READ_CHARS).fetch_optional(&mut *conn).await?;
        let (title, text) = found.unwrap_or_default();
        let text = text.map(|text| whole_words(text, READ_CHARS as usize));
        for (column, word) in
            [("title", title), ("text", text)].map(|(name, text)| (name, text.as_deref().and_then(word_of)))
        {
            let Some(word) = word else { continue };
            let sql = "SELECT EXISTS (SELECT 1 FROM search WHERE search MATCH ?1 AND rowid = ?2)";
            let expression = format!("{column} : \"{word}\"");
            let is_found: bool = sqlx::query_scalar(sql).bind(expression).bind(id).fetch_one(&mut *conn).await?;
            if !is_found {
                lost.push(format!("content {id}: the word {word} of its {column} does not find it"));
            }
        }
    }
    Ok(lost)
}

/// The first characters of a text without a word at the end that may go on.
fn whole_words(mut text: String, cut_at: usize) -> String {
    if text.chars().count() >= cut_at {
        text.truncate(text.rfind(char::is_whitespace).unwrap_or(0));
    }
    text
}

/// The longest word of plain letters: how others are parted is for the tokenizer to say.
fn word_of(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_ascii_punctuation());
    let plain = words.filter(|word| WORD.contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric()));
    plain.max_by_key(|word| word.len()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_was_cut_is_not_searched_for() {
        for (text, wanted) in [("some longword", "some"), ("some words", "some words"), ("pneumonoultra", "")] {
            assert_eq!(whole_words(text.to_owned(), 12), wanted, "{text}");
        }
    }

    #[test]
    fn a_word_to_search_for_is_plain_and_long() {
        for (text, wanted) in
            [("The quick-brown fox, jumping", Some("jumping")), ("été naïve a b", None), ("an of", None), ("", None)]
        {
            assert_eq!(word_of(text).as_deref(), wanted, "{text}");
        }
    }
}
