//! [`read_statement`]: is this text exactly one statement that can only read?
//!
//! A read-only connection is not enough: on one, `VACUUM INTO 'file'` writes files, `ATTACH` reads
//! other databases, some PRAGMAs act while they are compiled (even behind `EXPLAIN`), and a text of
//! two statements runs both. So the text is cut into tokens the way SQLite's tokenizer does, and only one `SELECT`, `WITH`, `VALUES`,
//! or `EXPLAIN` of these passes. The caller adds a second proof that does not rest on this lexer:
//! [`ReadStatement::caged`].

use super::token::{Kind, Token, significant_tokens, variables};

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
    /// Not as many values as parameters.
    #[error("the query has {wanted} parameter(s) and was given {given} value(s); give each of them one")]
    Parameters {
        /// Parameters in the text.
        wanted: usize,
        /// Values given.
        given: usize,
    },
    /// A parameter that is none of `?`, `?1`, `:name`, `@name` and `$name`.
    #[error("{0} is no parameter that can be given a value; write it as :name")]
    OddParameter(String),
}

/// One statement that starts like one that reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadStatement<'a> {
    /// The statement without comments before it, separators and what follows them.
    pub sql: &'a str,
    /// The names of its parameters in the order in which they first stand there: `:a`, `@a` and `$a` are
    /// `a`, `?5` is `5`, and a bare `?` is one more than the highest number before it.
    pub parameters: Vec<String>,
    /// The statement in which every parameter is `?N`, N counting in `parameters` from 1.
    numbered: String,
    /// Where in `numbered` the part after `EXPLAIN [QUERY PLAN]` begins.
    body: usize,
}

impl ReadStatement<'_> {
    /// The statement as it is run: its N-th parameter is `?N` wherever it stands, so that values are
    /// bound by place, whatever the dialect makes of names.
    pub fn numbered(&self) -> &str {
        &self.numbered
    }

    /// What SQLite calls a column of the numbered statement, as the text of the query has it.
    pub(super) fn column_name(&self, name: &str) -> String {
        if self.parameters.is_empty() {
            return name.to_owned();
        }
        let spelled = |at: usize| variables(self.sql).map(|v| &self.sql[v]).nth(at);
        let numbered: Vec<&str> = variables(&self.numbered).map(|v| &self.numbered[v]).collect();
        let first = |found: &str| numbered.iter().position(|n| *n == found).and_then(spelled);
        replaced(name, |variable| first(variable).unwrap_or(variable).to_owned())
    }

    /// The statement as the source of another: `SELECT * FROM (…)`. Only a query expression can
    /// stand there, and a separator inside parentheses is a syntax error, so that SQLite's own
    /// parser refuses whatever this lexer might have missed: a second statement, or `WITH … INSERT`.
    pub fn caged(&self) -> String {
        format!("SELECT * FROM (\n{}\n)", &self.numbered[self.body..])
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
    let (first, last) = (statement[0].start, statement[statement.len() - 1].end);
    // No parameter stands before the body: its place in the numbered text is the same.
    let body = statement[body].start - first;
    let sql = &sql[first..last];
    let parameters = parameters(sql)?;
    let mut places = parameters.places.iter();
    let numbered = replaced(sql, |_| format!("?{}", places.next().map_or(0, |place| place + 1)));
    Ok(ReadStatement { sql, parameters: parameters.names, numbered, body })
}

/// The statements of a text that is being typed, and whether the last one is ended by its `;`. What a
/// quote without an end holds is of no statement yet.
pub fn statements(text: &str) -> (Vec<&str>, bool) {
    let Ok(tokens) = significant_tokens(text) else { return (Vec::new(), false) };
    let parts = tokens.split(|token| token.kind == Kind::Separator);
    let found = parts.filter_map(|part| Some(&text[part.first()?.start..part.last()?.end])).collect();
    (found, tokens.last().is_none_or(|token| token.kind == Kind::Separator))
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

/// The parameters of a statement.
#[derive(Default)]
struct Parameters {
    /// Each once.
    names: Vec<String>,
    /// For every one in the text its place in `names`.
    places: Vec<usize>,
}

fn parameters(sql: &str) -> Result<Parameters, Refused> {
    let mut found = Parameters::default();
    let mut highest = 0;
    for text in variables(sql).map(|variable| &sql[variable]) {
        let name = match text.strip_prefix('?') {
            Some("") => (highest + 1).to_string(),
            Some(number) => number.trim_start_matches('0').to_owned(),
            None => plain_name(text).ok_or_else(|| Refused::OddParameter(excerpt(text)))?.to_owned(),
        };
        if text.starts_with('?') {
            let number: u32 = name.parse().map_err(|_| Refused::OddParameter(excerpt(text)))?;
            highest = highest.max(number);
        }
        let place = found.names.iter().position(|known| *known == name).unwrap_or(found.names.len());
        if place == found.names.len() {
            found.names.push(name);
        }
        found.places.push(place);
    }
    Ok(found)
}

/// The name in `:name`, `@name` and `$name`; none in the Tcl forms of a parameter.
fn plain_name(variable: &str) -> Option<&str> {
    let name = variable.strip_prefix([':', '@', '$'])?;
    (!name.is_empty() && !name.contains([':', '('])).then_some(name)
}

/// The text with every parameter replaced.
fn replaced(sql: &str, mut by: impl FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(sql.len() + 8);
    let mut end = 0;
    for variable in variables(sql) {
        out.push_str(&sql[end..variable.start]);
        out.push_str(&by(&sql[variable.clone()]));
        end = variable.end;
    }
    out.push_str(&sql[end..]);
    out
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
        let odd = |text: &str| Err(Refused::OddParameter(text.to_owned()));
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
            ("SELECT ?0", odd("?0")),
            ("SELECT ?99999999999", odd("?99999999999")),
            ("SELECT #a", odd("#a")),
            ("SELECT :", odd(":")),
            ("SELECT $a::b", odd("$a::b")),
            // The Tcl form of a parameter: its parentheses may hold anything but white space.
            ("SELECT $a('); VACUUM INTO 'x' --'", several("VACUUM INTO 'x' --'")),
            ("SELECT @a::b(;)", odd("@a::b(;)")),
        ];
        for (text, wanted) in cases {
            assert_eq!(read_statement(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_is_typed_is_cut_at_separators() {
        let cases = [
            ("", &[][..], true),
            (" -- nothing", &[], true),
            ("SELECT 1", &["SELECT 1"], false),
            ("SELECT 1;", &["SELECT 1"], true),
            ("SELECT ';'\n", &["SELECT ';'"], false),
            (";;SELECT 1; -- one\nSELECT /* ; */ 2 ;", &["SELECT 1", "SELECT /* ; */ 2"], true),
            ("SELECT 1; SELECT", &["SELECT 1", "SELECT"], false),
            ("SELECT 'a;", &[], false),
        ];
        for (text, wanted, ended) in cases {
            assert_eq!(statements(text), (wanted.to_vec(), ended), "{text:?}");
        }
    }

    #[test]
    fn parameters_are_numbered() {
        let cases = [
            ("SELECT 1", "SELECT 1", &[][..]),
            ("SELECT ?, '?', [?], ? -- ?", "SELECT ?1, '?', [?], ?2", &["1", "2"]),
            ("SELECT :a, @b, $a, ':a'", "SELECT ?1, ?2, ?1, ':a'", &["a", "b"]),
            ("SELECT ?3, ?, ?007, :é_1", "SELECT ?1, ?2, ?3, ?4", &["3", "4", "7", "é_1"]),
            ("EXPLAIN SELECT @x FROM t WHERE y=:x", "EXPLAIN SELECT ?1 FROM t WHERE y=?1", &["x"]),
        ];
        for (text, numbered, names) in cases {
            let statement = read_statement(text).expect(text);
            assert_eq!(
                (statement.numbered(), &statement.parameters[..]),
                (numbered, &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
        let statement = read_statement("EXPLAIN SELECT :host || @b").expect("a statement");
        assert_eq!(statement.caged(), "SELECT * FROM (\nSELECT ?1 || ?2\n)");
        assert_eq!(statement.column_name("?1 || ?2"), ":host || @b");
        assert_eq!(statement.column_name("?9 ok"), "?9 ok");
    }

    proptest! {
        #[test]
        fn is_total_and_gives_a_part_of_the_text(text in any::<String>()) {
            if let Ok(statement) = read_statement(&text) {
                prop_assert!(text.contains(statement.sql));
                let again = read_statement(statement.numbered());
                prop_assert_eq!(again.map(|s| s.parameters.len()), Ok(statement.parameters.len()));
            }
        }

        #[test]
        fn quoting_hides_everything(inner in any::<String>().prop_filter("a NUL is refused", |s| !s.contains('\0'))) {
            let sql = format!("SELECT '{}'", inner.replace('\'', "''"));
            prop_assert_eq!(read_statement(&sql).map(|s| s.sql.to_owned()), Ok(sql.clone()));
        }
    }
}
