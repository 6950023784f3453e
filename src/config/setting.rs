//! [`Setting`]: one named value of `T`, how it is read, shown and documented. [`Said`]: what one
//! source said, still as text.

use std::collections::BTreeMap;

use super::{ConfigError, Origin};

/// How a setting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One,
    /// `true` or `false`; the bare flag means `true`.
    Switch,
    /// A flag that counts how often it is given.
    Count,
    /// Several values, separated by commas in the environment.
    List,
    /// Several values that may hold commas: one a line in the environment.
    Lines,
    /// A set of names: `a,b`, or `+a,-b` to change the default.
    Names,
    /// `--include` and `--exclude` in their order: `+REGEX` and `-REGEX`.
    Patterns,
}

/// One setting of `T`.
pub struct Setting<T> {
    /// Its name in a flag and a profile: `max-depth`.
    pub name: &'static str,
    /// The one-letter flag.
    pub short: Option<char>,
    /// Another long flag.
    pub alias: Option<&'static str>,
    /// How it is written.
    pub shape: Shape,
    /// The heading it stands under in `--help`.
    pub heading: &'static str,
    /// What the value is called in `--help`.
    pub value: &'static str,
    /// A value that is right.
    pub example: &'static str,
    /// What it does, one sentence without its default.
    pub help: &'static str,
    /// The field of `T` it sets.
    pub field: &'static str,
    /// Reads the text into `T`; the error says what is wrong, without the value.
    pub set: fn(&mut T, &[String]) -> Result<(), String>,
    /// The value in `T`, as it could be said.
    pub show: fn(&T) -> Vec<String>,
    /// A value as it was given, for messages: without what is secret in it.
    pub hide: fn(&str) -> String,
}

impl<T> Setting<T> {
    /// The environment variable: `DATABASE_URL` for `db`, else `SQRAWL_` and the name.
    pub fn variable(&self) -> String {
        if self.name == "db" {
            return "DATABASE_URL".to_owned();
        }
        format!("SQRAWL_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The value as one line: list items joined, an empty list as `none`.
    pub fn shown(&self, settings: &T) -> String {
        let items = (self.show)(settings);
        if items.is_empty() { "none".to_owned() } else { items.join(", ") }
    }

    /// How a source writes this setting with this value, for messages.
    pub fn written(&self, origin: &Origin, value: &str) -> String {
        match origin {
            Origin::Environment => format!("{}={value}", self.variable()),
            Origin::DotEnv => format!(".env: {}={value}", self.variable()),
            Origin::Profile(path) if self.shape == Shape::Patterns => {
                let (key, regex) = if let Some(rest) = value.strip_prefix('-') {
                    ("exclude", rest)
                } else {
                    ("include", value.strip_prefix('+').unwrap_or(value))
                };
                format!("{}: {key} = {regex:?}", path.display())
            }
            Origin::Profile(path) => format!("{}: {} = {value:?}", path.display(), self.name),
            Origin::Flag | Origin::Stored(_) | Origin::Default if self.shape == Shape::Patterns => {
                match value.strip_prefix('-') {
                    Some(regex) => format!("--exclude {regex}"),
                    None => format!("--include {}", value.strip_prefix('+').unwrap_or(value)),
                }
            }
            Origin::Flag | Origin::Stored(_) | Origin::Default if self.shape == Shape::Switch => {
                format!("--{}={value}", self.name)
            }
            Origin::Flag | Origin::Stored(_) | Origin::Default => format!("--{} {value}", self.name),
        }
    }

    fn hidden(&self, values: &[String]) -> String {
        values.iter().map(|value| (self.hide)(value)).collect::<Vec<_>>().join(",")
    }

    /// Puts the value into `T`.
    ///
    /// # Errors
    /// [`ConfigError::Value`] in the notation of the origin.
    pub fn apply(&self, settings: &mut T, spoken: &Spoken) -> Result<(), ConfigError> {
        (self.set)(settings, &spoken.value).map_err(|detail| ConfigError::Value {
            said: self.written(&spoken.origin, &self.hidden(&spoken.value)),
            detail,
            example: self.written(&spoken.origin, self.example).replace(".env: ", ""),
        })
    }
}

/// A URL of another program's database may hold a password; no message repeats it.
pub(super) fn without_password(value: &str) -> String {
    let parts = value.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    parts.map_or_else(|| value.to_owned(), |(scheme, rest)| format!("{scheme}://…@{rest}"))
}

/// A value as one source said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The texts; one but for [`Shape::List`], [`Shape::Lines`], [`Shape::Names`] and [`Shape::Patterns`].
    pub value: Vec<String>,
    /// Who said so.
    pub origin: Origin,
}

/// What one source said, by setting name. Everything is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(pub BTreeMap<&'static str, Spoken>);

impl Said {
    /// Notes a value.
    pub fn insert(&mut self, name: &'static str, value: Vec<String>, origin: Origin) {
        self.0.insert(name, Spoken { value, origin });
    }

    /// Takes in what another part of the same source said.
    pub fn merge(&mut self, other: Said) {
        self.0.extend(other.0);
    }
}
