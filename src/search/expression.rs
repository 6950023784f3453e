//! [`expression`]: from what people type to an expression of FTS5
//! (<https://www.sqlite.org/fts5.html#full_text_query_syntax>).
//!
//! ```text
//! words      c++  what's  well-known     each quoted, so that no character of it is syntax; a hyphen makes a phrase
//! phrase     "to be or not"              as it is
//! prefix     crawl*                      "crawl"*
//! first      ^crawl                      ^"crawl": the column begins with it
//! boolean    a AND (b OR c) NOT d        as it is, in capitals
//! near       NEAR(a b, 5)                with the words quoted
//! column     title:a  text:"b c"         of COLUMNS; any other word with a colon is a word
//! ```

/// The columns of the index, which can be asked for alone.
pub const COLUMNS: [&str; 4] = ["title", "headings", "description", "text"];

/// What is wrong, and how to write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// No letter and no digit.
    #[error("there is no word in it: a word has a letter or a digit")]
    NoWord,
    /// A quotation mark without its partner.
    #[error("a \" is never closed; close the phrase, as in '\"to be or not\"'")]
    OpenPhrase,
    /// A parenthesis without its partner.
    #[error("a ( is never closed; close it, or quote the word to search for it: '\"{0}\"'")]
    OpenGroup(String),
    /// A pair of parentheses with nothing in it.
    #[error("there is nothing between ( and )")]
    EmptyGroup,
    /// Something is missing before or after an operator.
    #[error(
        "{operator} has nothing {side} it; give it a word there, or quote it to search for the word: '\"{operator}\"'"
    )]
    Dangling {
        /// `AND`, `OR`, `NOT` or `^`.
        operator: String,
        /// `before` or `after`.
        side: &'static str,
    },
    /// `NEAR(…)` that cannot be read.
    #[error("NEAR is written as in 'NEAR(first second, 5)'; quote it to search for the word: '\"NEAR\"'")]
    Near,
}

/// The expression for what was typed.
///
/// # Errors
/// [`Mistake`].
pub fn expression(typed: &str) -> Result<String, Mistake> {
    let mut reading = Reading { rest: typed.trim(), out: Vec::new(), open: 0, wants: Wants::Anything };
    while !reading.rest.is_empty() {
        reading.step()?;
        reading.rest = reading.rest.trim_start();
    }
    reading.end()
}

/// What may come next.
#[derive(Clone, Debug, PartialEq)]
enum Wants {
    /// The beginning of everything or of a group: no operator.
    Anything,
    /// After this operator or column: no other.
    Operand(String),
    /// After a word: anything but nothing.
    More,
}

struct Reading<'a> {
    rest: &'a str,
    out: Vec<String>,
    open: usize,
    wants: Wants,
}

impl<'a> Reading<'a> {
    fn step(&mut self) -> Result<(), Mistake> {
        if let Some(after) = self.rest.strip_prefix('"') {
            let end = end_of_phrase(after).ok_or(Mistake::OpenPhrase)?;
            let phrase = &after[..end];
            self.rest = &after[end + 1..];
            let star = self.take('*');
            self.word(phrase, star);
            return Ok(());
        }
        if let Some(after) = self.rest.strip_prefix('(') {
            self.rest = after;
            self.out.push("(".to_owned());
            self.open += 1;
            self.wants = Wants::Anything;
            return Ok(());
        }
        if self.open > 0 && self.rest.starts_with(')') {
            self.rest = &self.rest[1..];
            return self.close();
        }
        if let Some(after) = self.rest.strip_prefix("NEAR(") {
            return self.near(after);
        }
        if let Some(after) = self.rest.strip_prefix('^').filter(|after| after.starts_with(is_of_word)) {
            self.rest = after;
            self.operand_begins("^");
            return Ok(());
        }
        // A column stands before the ^.
        if let Some(column) = self.column().filter(|_| self.wants != Wants::Operand("^".to_owned())) {
            self.rest = &self.rest[column.len() + 1..];
            self.operand_begins(&format!("{column}:"));
            return Ok(());
        }
        self.bare()
    }

    /// A column with a colon and something behind it.
    fn column(&self) -> Option<&'static str> {
        COLUMNS.into_iter().find(|name| {
            let after = self.rest.get(..name.len()).filter(|text| text.eq_ignore_ascii_case(name));
            after.is_some_and(|_| {
                let behind = self.rest[name.len()..].strip_prefix(':');
                behind.is_some_and(|behind| behind.starts_with(|c: char| is_of_word(c) || matches!(c, '"' | '(' | '^')))
            })
        })
    }

    fn operand_begins(&mut self, what: &str) {
        self.out.push(what.to_owned());
        self.wants = Wants::Operand(what.to_owned());
    }

    /// A word up to a blank; the parentheses at its end that close a group are not of it.
    fn bare(&mut self) -> Result<(), Mistake> {
        let end = self.rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(self.rest.len());
        let mut word = &self.rest[..end];
        let mut open = self.open;
        while open > 0 && word.ends_with(')') && word.matches(')').count() > word.matches('(').count() {
            word = &word[..word.len() - 1];
            open -= 1;
        }
        self.rest = &self.rest[word.len()..];
        if matches!(word, "AND" | "OR" | "NOT") {
            return self.operator(word);
        }
        let bare = word.strip_suffix('*').filter(|bare| bare.ends_with(is_of_word));
        self.word(bare.unwrap_or(word), bare.is_some());
        Ok(())
    }

    /// A word or phrase. What the index holds nothing of is left out.
    fn word(&mut self, text: &str, is_prefix: bool) {
        if text.contains(is_of_word) {
            let star = if is_prefix { "*" } else { "" };
            self.out.push(format!("{}{star}", quoted(text)));
            self.wants = Wants::More;
        }
    }

    fn operator(&mut self, word: &str) -> Result<(), Mistake> {
        match &self.wants {
            Wants::More => {}
            Wants::Anything => return Err(Mistake::Dangling { operator: word.to_owned(), side: "before" }),
            Wants::Operand(before) => return Err(Mistake::Dangling { operator: before.clone(), side: "after" }),
        }
        self.operand_begins(word);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Mistake> {
        match std::mem::replace(&mut self.wants, Wants::More) {
            Wants::More => {}
            Wants::Anything => return Err(Mistake::EmptyGroup),
            Wants::Operand(operator) => return Err(Mistake::Dangling { operator, side: "after" }),
        }
        self.out.push(")".to_owned());
        self.open -= 1;
        Ok(())
    }

    /// `a "b c", 5)`.
    fn near(&mut self, after: &'a str) -> Result<(), Mistake> {
        let (inner, behind) = after.split_once(')').ok_or(Mistake::Near)?;
        let (words, distance) = match inner.rsplit_once(',') {
            Some((words, distance)) => (words, Some(distance.trim().parse::<u32>().map_err(|_| Mistake::Near)?)),
            None => (inner, None),
        };
        let mut quoted_words = Vec::new();
        let mut rest = words.trim();
        while !rest.is_empty() {
            let (word, next) = match rest.strip_prefix('"') {
                Some(phrase) => {
                    let end = end_of_phrase(phrase).ok_or(Mistake::OpenPhrase)?;
                    (&phrase[..end], &phrase[end + 1..])
                }
                None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
            };
            if word.contains(is_of_word) {
                quoted_words.push(quoted(word));
            }
            rest = next.trim_start();
        }
        if quoted_words.is_empty() {
            return Err(Mistake::Near);
        }
        let distance = distance.map(|n| format!(", {n}")).unwrap_or_default();
        self.out.push(format!("NEAR({}{distance})", quoted_words.join(" ")));
        self.rest = behind;
        self.wants = Wants::More;
        Ok(())
    }

    fn take(&mut self, c: char) -> bool {
        let taken = self.rest.strip_prefix(c);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn end(self) -> Result<String, Mistake> {
        if let Wants::Operand(operator) = self.wants {
            return Err(Mistake::Dangling { operator, side: "after" });
        }
        if self.open > 0 {
            let example = self.out.iter().rev().find_map(|part| part.strip_prefix('"')?.strip_suffix('"'));
            return Err(Mistake::OpenGroup(format!("({}", example.unwrap_or_default())));
        }
        if self.out.is_empty() { Err(Mistake::NoWord) } else { Ok(self.out.join(" ")) }
    }
}

/// Where the quotation mark is that closes it; a doubled one is part of it.
fn end_of_phrase(after: &str) -> Option<usize> {
    let bytes = after.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'"', Some(b'"')) => at += 2,
            (b'"', _) => return Some(at),
            _ => at += 1,
        }
    }
    None
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace("\"\"", "\"").replace('"', "\"\""))
}

/// What the index takes for part of a word.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_typed_becomes_an_expression() {
        let cases = [
            ("rust crawler", r#""rust" "crawler""#),
            ("c++", r#""c++""#),
            ("what's up", r#""what's" "up""#),
            ("print(x) f(", r#""print(x)" "f(""#),
            ("a - b & c", r#""a" "b" "c""#),
            (":) a)", r#""a)""#),
            ("https://a.example/?q=1", r#""https://a.example/?q=1""#),
            (r#""to be" or"#, r#""to be" "or""#),
            (r#""a ""b"" c""#, r#""a ""b"" c""#),
            ("craw* *", r#""craw"*"#),
            (r#""web craw"*"#, r#""web craw"*"#),
            ("^rust", r#"^ "rust""#),
            ("title:^rust ^title:rust", r#"title: ^ "rust" ^ "title:rust""#),
            ("a AND (b OR c) NOT d", r#""a" AND ( "b" OR "c" ) NOT "d""#),
            ("(f(x) OR g(y))", r#"( "f(x)" OR "g(y)" )"#),
            ("title:rust text:\"a b\" TITLE:(a OR b)", r#"title: "rust" text: "a b" title: ( "a" OR "b" )"#),
            ("std:vec title:", r#""std:vec" "title:""#),
            ("NEAR(a c++, 5) d", r#"NEAR("a" "c++", 5) "d""#),
            ("NEAR(\"a b\" c)", r#"NEAR("a b" "c")"#),
            ("日本語 é", r#""日本語" "é""#),
            ("and or not near", r#""and" "or" "not" "near""#),
        ];
        for (typed, wanted) in cases {
            assert_eq!(expression(typed).as_deref(), Ok(wanted), "{typed}");
        }
    }

    #[test]
    fn what_is_none_is_explained() {
        let dangling = |operator: &str, side| Mistake::Dangling { operator: operator.to_owned(), side };
        let cases = [
            ("", Mistake::NoWord),
            ("++ -", Mistake::NoWord),
            ("\"a", Mistake::OpenPhrase),
            ("(a OR b", Mistake::OpenGroup("(b".to_owned())),
            ("a ()", Mistake::EmptyGroup),
            ("AND a", dangling("AND", "before")),
            ("a OR", dangling("OR", "after")),
            ("a AND NOT b", dangling("AND", "after")),
            ("(a NOT)", dangling("NOT", "after")),
            ("NEAR(a, b", Mistake::Near),
            ("NEAR(a b, c)", Mistake::Near),
        ];
        for (typed, wanted) in cases {
            assert_eq!(expression(typed), Err(wanted), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn plain_words_are_always_found(words in proptest::collection::vec("[a-z]{1,5}[+#'&;:.,!?%*-]{0,3}", 1..6)) {
            let made = expression(&words.join(" ")).unwrap();
            prop_assert_eq!(made.matches('"').count() % 2, 0);
            prop_assert_eq!(made.matches('"').count(), words.len() * 2);
        }

        #[test]
        fn nothing_typed_panics(typed in any::<String>()) {
            let _ = expression(&typed);
        }
    }
}
