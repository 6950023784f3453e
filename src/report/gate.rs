//! [`Gate`]: a condition on the number of rows of a report, for builds that shall fail.

use super::catalogue::Report;

/// `broken-links>0`: fails when the report has so many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Whose rows are counted.
    pub report: &'static Report,
    comparison: Comparison,
    rows: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    More,
    AtLeast,
    Fewer,
    AtMost,
    Equal,
    Other,
}

/// Longer signs stand before those they begin with.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("!=", Comparison::Other),
    (">", Comparison::More),
    ("<", Comparison::Fewer),
    ("=", Comparison::Equal),
];

impl Gate {
    /// Reads `NAME SIGN NUMBER`; white space around the parts is fine, and `_` between digits.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(text: &str) -> Result<Gate, String> {
        let at = text.find(['<', '>', '=', '!']).ok_or("no comparison in it (> >= < <= = !=)")?;
        let (name, rest) = text.split_at(at);
        let (sign, comparison) =
            SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)).ok_or("no comparison in it (> >= < <= = !=)")?;
        let number: String = rest[sign.len()..].trim().chars().filter(|c| *c != '_').collect();
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("a whole number of rows stands after {sign}"));
        }
        let rows = number.parse().map_err(|_| "the number of rows is too large".to_owned())?;
        let report = Report::named(name).ok_or_else(|| unknown(name.trim()))?;
        Ok(Gate { report, comparison: *comparison, rows })
    }

    /// Whether a report with so many rows fails it.
    pub fn fails(&self, rows: u64) -> bool {
        match self.comparison {
            Comparison::More => rows > self.rows,
            Comparison::AtLeast => rows >= self.rows,
            Comparison::Fewer => rows < self.rows,
            Comparison::AtMost => rows <= self.rows,
            Comparison::Equal => rows == self.rows,
            Comparison::Other => rows != self.rows,
        }
    }
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = SIGNS.iter().find(|(_, comparison)| *comparison == self.comparison).map_or("", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.report.name, self.rows)
    }
}

/// What to say of a report that is none.
pub fn unknown(name: &str) -> String {
    let near = Report::near(name).join(" or ");
    format!("there is no report \"{name}\"; did you mean {near}? sqrawl report lists all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_read_and_compared() {
        for (text, shown, failing, holding) in [
            ("broken-links>0", "broken-links>0", &[1, 2, u64::MAX][..], &[0][..]),
            (" broken_links >= 1_000 ", "broken-links>=1000", &[1000, 1001], &[0, 999]),
            ("titles<5", "titles<5", &[0, 4], &[5, 6]),
            ("titles <=5", "titles<=5", &[0, 5], &[6]),
            ("report_titles = 5", "titles=5", &[5], &[4, 6]),
            ("titles!=5", "titles!=5", &[4, 6], &[5]),
        ] {
            let gate = Gate::read(text).expect(text);
            assert_eq!(gate.to_string(), shown);
            assert!(failing.iter().all(|n| gate.fails(*n)) && !holding.iter().any(|n| gate.fails(*n)), "{text}");
        }
    }

    #[test]
    fn what_is_no_gate_says_why() {
        for (text, wanted) in [
            ("", "no comparison"),
            ("broken-links", "no comparison"),
            ("broken-links!0", "no comparison"),
            ("broken-links>", "a whole number of rows stands after >"),
            ("broken-links>-1", "a whole number"),
            ("broken-links>1.5", "a whole number"),
            ("broken-links=>1", "a whole number of rows stands after ="),
            ("broken-links>99999999999999999999", "too large"),
            ("brokn-links>0", "did you mean broken-links"),
            (">0", "there is no report \"\""),
        ] {
            let error = Gate::read(text).expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
