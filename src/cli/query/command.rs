//! [`Command`]: what a line of the prompt that begins with a dot asks for.

use super::terms;
use crate::report::Format;

/// The commands with their arguments and what they do, in the order of `.help`.
pub(super) const COMMANDS: [(&str, &str, &str); 8] = [
    (".help", "", "this list"),
    (".mode", "FORMAT", "how rows are printed: table, csv, json, jsonl, markdown"),
    (".param", "NAME=VALUE", "the value of :NAME in statements, as with -p; alone: what is set"),
    (".quit", "", "leaves, as Ctrl-D does"),
    (".rows", "N", "most rows of a statement, or none"),
    (".schema", "NAME", "how a table or view was made; alone: all of them"),
    (".tables", "", "the tables and views"),
    (".timeout", "TIME", "longest time of a statement, or none"),
];

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    /// `None`: which one is it?
    Mode(Option<Format>),
    /// The text after it.
    Param(Option<String>),
    Quit,
    /// `None`: unlimited.
    Rows(Option<u64>),
    Schema(Option<String>),
    Tables,
    /// ms; `None`: unlimited.
    Timeout(Option<u64>),
}

impl Command {
    /// Reads a line that begins with a dot.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub(super) fn read(line: &str) -> Result<Command, String> {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = Some(rest.trim()).filter(|rest| !rest.is_empty());
        let with = |example: &str| rest.ok_or_else(|| format!("{name} needs a value; for example {name} {example}"));
        let wrong = |why: String, example: &str| {
            format!("{name} {}: {why}; for example {name} {example}", rest.unwrap_or_default())
        };
        match name {
            ".help" => Ok(Command::Help),
            ".quit" | ".exit" => Ok(Command::Quit),
            ".tables" => Ok(Command::Tables),
            ".schema" => Ok(Command::Schema(rest.map(str::to_owned))),
            ".param" => Ok(Command::Param(rest.map(str::to_owned))),
            ".mode" => {
                let names = Format::ALL.map(|(name, _)| name).join(", ");
                let read = |text| Format::from_name(text).ok_or_else(|| wrong(format!("none of {names}"), "csv"));
                rest.map(read).transpose().map(Command::Mode)
            }
            ".rows" => terms::rows(with("1000")?).map(Command::Rows).map_err(|why| wrong(why, "1000")),
            ".timeout" => terms::time(with("5m")?).map(Command::Timeout).map_err(|why| wrong(why, "5m")),
            _ => Err(format!("{name} is no command; .help lists them, and a statement begins without a dot")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let cases = [
            (".help", Ok(Command::Help)),
            ("  .quit ; ", Ok(Command::Quit)),
            (".exit", Ok(Command::Quit)),
            (".tables", Ok(Command::Tables)),
            (".schema", Ok(Command::Schema(None))),
            (".schema  pages ", Ok(Command::Schema(Some("pages".to_owned())))),
            (".mode", Ok(Command::Mode(None))),
            (".mode csv", Ok(Command::Mode(Some(Format::Csv)))),
            (
                ".mode xml",
                Err(".mode xml: none of table, csv, json, jsonl, markdown; for example .mode csv".to_owned()),
            ),
            (".rows 1_000", Ok(Command::Rows(Some(1000)))),
            (".rows none", Ok(Command::Rows(None))),
            (".rows", Err(".rows needs a value; for example .rows 1000".to_owned())),
            (".timeout 5m", Ok(Command::Timeout(Some(300_000)))),
            (
                ".timeout soon",
                Err(".timeout soon: not a duration (ms, s, m, h, d); for example .timeout 5m".to_owned()),
            ),
            (".param a = 1", Ok(Command::Param(Some("a = 1".to_owned())))),
            (".dump", Err(".dump is no command; .help lists them, and a statement begins without a dot".to_owned())),
        ];
        for (line, wanted) in cases {
            assert_eq!(Command::read(line), wanted, "{line}");
        }
    }

    #[test]
    fn every_command_of_the_list_is_one() {
        for (name, argument, _) in COMMANDS {
            let said = Command::read(&format!("{name} {argument}"));
            assert!(said.is_ok() || said.is_err_and(|why| why.contains("for example")), "{name}");
        }
    }
}
