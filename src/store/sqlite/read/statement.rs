//! [`read_statement`]: is this text exactly one statement that can only read?
//!
//! A read-only connection is not enough: on one, `VACUUM INTO 'file'` writes files, `ATTACH` reads
//! other databases, some PRAGMAs act while they are compiled (even behind `EXPLAIN`), and a text of
//! two statements runs both. So the text is cut into tokens the way SQLite's tokenizer does, and only one `SELECT`, `WITH`, `VALUES`,
//! or `EXPLAIN` of these passes. The caller adds a second proof that does not rest on this lexer:
//! [`ReadStatement::caged`].

use super::token::{Kind, Token, significant_tokens};

/// The longest text that is looked at, in bytes.
pub const MAX_SQL_BYTES: usize = 1_000_000;

/// Why a text is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Only white space and comments.
    #[error("the query is empty; try: SELECT * FROM report_status")]
    Empty,
    /// Over [`MAX_SQL_BYTES`].
    #[error("the query is longer than {MAX_SQL_BYTES} bytes")]
    TooLong,
    /// A NUL would end the text for SQLite.
    #[error("the query contains a NUL character")]
    Nul,
    /// A string, quoted name or bracket that is never closed.
    #[error("the query has an opening {0} that is never closed")]
    Unclosed(char),
    /// More than one statement.
    #[error("a query is one statement; this text has another one after the first ';': {0}")]
    Several(String),
    /// The statement is of a kind that is not run.
    #[error("{0} is not run: a query only reads, and starts with SELECT, WITH, VALUES or EXPLAIN")]
    Kind(String),
    /// Parameters that no value was given for.
    #[error("the query has {wanted} parameter(s) and {given} value(s); write the values into the query")]
    Parameters {
        /// Placeholders in the text.
        wanted: usize,
        /// Values given.
        given: usize,
    },
    /// A placeholder other than a bare `?`.
    #[error("the parameter {0} cannot be given a value; write the value into the query")]
    NamedParameter(String),
}

/// One statement that starts like one that reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadStatement<'a> {
    /// The statement without comments before it, separators and what follows them.
    pub sql: &'a str,
    /// The part after `EXPLAIN [QUERY PLAN]`; all of it without EXPLAIN.
    body: &'a str,
    /// Bare `?` placeholders.
    pub parameters: usize,
}

impl ReadStatement<'_> {
    /// The statement as the source of another: `SELECT * FROM (…)`. Only a query expression can
    /// stand there, and a separator inside parentheses is a syntax error, so that SQLite's own
    /// parser refuses whatever this lexer might have missed: a second statement, or `WITH … INSERT`.
    pub fn caged(&self) -> String {
        format!("SELECT * FROM (\n{}\n)", self.body)
    }
}

/// Checks a text and finds its one statement.
///
/// # Errors
/// [`Refused`] says what is wrong with it.
pub fn read_statement(sql: &str) -> Result<ReadStatement<'_>, Refused> {
    if sql.len() > MAX_SQL_BYTES {
        return Err(Refused::TooLong);
    }
    if sql.contains('\0') {
        return Err(Refused::Nul);
    }
    let tokens = significant_tokens(sql).map_err(Refused::Unclosed)?;
    let start = tokens.iter().position(|t| t.kind != Kind::Separator).ok_or(Refused::Empty)?;
    let end = tokens[start..].iter().position(|t| t.kind == Kind::Separator).map_or(tokens.len(), |n| start + n);
    if let Some(next) = tokens[end..].iter().find(|t| t.kind != Kind::Separator) {
        return Err(Refused::Several(excerpt(&sql[next.start..])));
    }
    let statement = &tokens[start..end];
    let body = reading_body(sql, statement)?;
    let last = statement[statement.len() - 1].end;
    Ok(ReadStatement {
        sql: &sql[statement[0].start..last],
        body: &sql[statement[body].start..last],
        parameters: count_parameters(sql, statement)?,
    })
}

/// Index of the token where the query expression begins.
fn reading_body(sql: &str, tokens: &[Token]) -> Result<usize, Refused> {
    let word = |i: usize| match tokens.get(i) {
        Some(t) if t.kind == Kind::Word => sql[t.start..t.end].to_ascii_uppercase(),
        Some(t) => excerpt(&sql[t.start..t.end]),
        None => String::new(),
    };
    let mut at = 0;
    if word(0) == "EXPLAIN" {
        at = 1;
        if word(1) == "QUERY" && word(2) == "PLAN" {
            at = 3;
        }
    }
    match word(at).as_str() {
        "SELECT" | "WITH" | "VALUES" => Ok(at),
        "" => Err(Refused::Kind("EXPLAIN of nothing".to_owned())),
        other => Err(Refused::Kind(other.to_owned())),
    }
}

fn count_parameters(sql: &str, tokens: &[Token]) -> Result<usize, Refused> {
    let mut count = 0;
    for token in tokens.iter().filter(|t| t.kind == Kind::Variable) {
        match &sql[token.start..token.end] {
            "?" => count += 1,
            other => return Err(Refused::NamedParameter(excerpt(other))),
        }
    }
    Ok(count)
}

fn excerpt(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_the_one_statement() {
        let cases = [
            ("SELECT 1", "SELECT 1"),
            ("  select 1 ; ", "select 1"),
            (";;SELECT 1;;", "SELECT 1"),
            ("-- why\nSELECT 1 -- because", "SELECT 1"),
            ("/* a; b */ SELECT /* ; */ 1; /* end", "SELECT /* ; */ 1"),
            ("/* /* */ SELECT 1", "SELECT 1"),
            ("\u{feff}SELECT 1", "SELECT 1"),
            ("SELECT ';', \";\", `;`, [;] FROM t", "SELECT ';', \";\", `;`, [;] FROM t"),
            ("SELECT 'it''s; fine'; ", "SELECT 'it''s; fine'"),
            ("SELECT x';' ", "SELECT x';'"),
            ("WITH a AS (VALUES (1)) SELECT * FROM a", "WITH a AS (VALUES (1)) SELECT * FROM a"),
            ("VALUES (1), (2);", "VALUES (1), (2)"),
            ("EXPLAIN QUERY PLAN SELECT 1", "EXPLAIN QUERY PLAN SELECT 1"),
            ("explain /* x */ with a as (select 1) select 2", "explain /* x */ with a as (select 1) select 2"),
            ("SELECT 'größe;日本'", "SELECT 'größe;日本'"),
        ];
        for (text, wanted) in cases {
            assert_eq!(read_statement(text).map(|s| s.sql), Ok(wanted), "{text:?}");
        }
    }

    #[test]
    fn names_what_it_refuses() {
        let kind = |word: &str| Err(Refused::Kind(word.to_owned()));
        let several = |text: &str| Err(Refused::Several(text.to_owned()));
        let cases = [
            ("", Err(Refused::Empty)),
            (" ; -- nothing", Err(Refused::Empty)),
            ("/*/ SELECT 1", Err(Refused::Empty)),
            ("SELECT 1\0", Err(Refused::Nul)),
            ("SELECT 'open", Err(Refused::Unclosed('\''))),
            ("SELECT \"open", Err(Refused::Unclosed('"'))),
            ("SELECT `open", Err(Refused::Unclosed('`'))),
            ("SELECT [open", Err(Refused::Unclosed('['))),
            ("SELECT 1; SELECT 2", several("SELECT 2")),
            ("SELECT 1; VACUUM INTO 'x'", several("VACUUM INTO 'x'")),
            ("SELECT '''; DROP TABLE urls; --'; DROP TABLE urls", several("DROP TABLE urls")),
            ("SELECT [a'];VACUUM;'", Err(Refused::Unclosed('\''))),
            ("VACUUM INTO 'x'", kind("VACUUM")),
            ("EXPLAIN VACUUM", kind("VACUUM")),
            ("EXPLAIN QUERY PLAN DELETE FROM urls", kind("DELETE")),
            ("EXPLAIN PRAGMA query_only = 0", kind("PRAGMA")),
            ("EXPLAIN EXPLAIN SELECT 1", kind("EXPLAIN")),
            ("EXPLAIN", Err(Refused::Kind("EXPLAIN of nothing".to_owned()))),
            ("ATTACH 'x' AS x", kind("ATTACH")),
            ("PRAGMA journal_mode = DELETE", kind("PRAGMA")),
            ("BEGIN", kind("BEGIN")),
            ("(SELECT 1)", kind("(")),
            ("\u{b}SELECT 1", kind("\u{b}")),
            ("'SELECT' 1", kind("'SELECT'")),
            ("sélect 1", kind("SéLECT")),
            ("SELECT ?1", Err(Refused::NamedParameter("?1".to_owned()))),
            ("SELECT :a", Err(Refused::NamedParameter(":a".to_owned()))),
            ("SELECT $0", Err(Refused::NamedParameter("$0".to_owned()))),
            // The Tcl form of a parameter: its parentheses may hold anything but white space.
            ("SELECT $a('); VACUUM INTO 'x' --'", several("VACUUM INTO 'x' --'")),
            ("SELECT @a::b(;)", Err(Refused::NamedParameter("@a::b(;)".to_owned()))),
        ];
        for (text, wanted) in cases {
            assert_eq!(read_statement(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn counts_placeholders() {
        assert_eq!(read_statement("SELECT ?, '?', [?], ? -- ?").map(|s| s.parameters), Ok(2));
    }

    proptest! {
        #[test]
        fn is_total_and_gives_a_part_of_the_text(text in any::<String>()) {
            if let Ok(statement) = read_statement(&text) {
                prop_assert!(text.contains(statement.sql));
            }
        }

        #[test]
        fn quoting_hides_everything(inner in any::<String>().prop_filter("a NUL is refused", |s| !s.contains('\0'))) {
            let sql = format!("SELECT '{}'", inner.replace('\'', "''"));
            prop_assert_eq!(read_statement(&sql).map(|s| s.sql.to_owned()), Ok(sql.clone()));
        }
    }
}
