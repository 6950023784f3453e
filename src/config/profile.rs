//! A profile: TOML whose keys are the names of the flags.
//!
//! ```toml
//! scope = "domain"
//! delay = "2s"
//! max-pages = 5000
//! patterns = [{ exclude = "\\.pdf$" }, { include = "/docs/" }]
//! ```

use std::path::Path;

use toml::{Table, Value};

use super::{CRAWL, ConfigError, Origin, RUN, Said, Setting, Shape};

/// Reads a profile from its file.
///
/// # Errors
/// [`ConfigError`] names the file and the key.
pub fn read_profile(path: &Path) -> Result<Said, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Profile { path: path.to_owned(), detail: format!("cannot be read: {error}") })?;
    profile(&text, path)
}

/// Reads the text of a profile; `path` is for messages and origins.
///
/// # Errors
/// [`ConfigError`] names the file and the key.
pub fn profile(text: &str, path: &Path) -> Result<Said, ConfigError> {
    let table: Table =
        text.parse().map_err(|error| ConfigError::Profile { path: path.to_owned(), detail: not_toml(text, &error) })?;
    let origin = Origin::Profile(path.to_owned());
    let mut said = Said::default();
    for (key, value) in &table {
        if matches!(key.as_str(), "include" | "exclude" | "patterns") {
            continue;
        }
        let name = key.replace('_', "-");
        let known = shape_of(RUN, &name).filter(|(name, _)| *name != "config").or_else(|| shape_of(CRAWL, &name));
        let Some((name, shape)) = known else { return Err(unknown(path, key)) };
        said.insert(name, texts(value, shape).ok_or_else(|| shapeless(path, key))?, origin.clone());
    }
    let patterns = patterns(&table, path)?;
    if !patterns.is_empty() {
        said.insert("patterns", patterns, origin);
    }
    Ok(said)
}

/// Where it is no TOML, and why. The error itself would show the line, which may hold a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: not TOML: {}", error.message().replace('\n', "; "))
}

fn shape_of<T>(table: &[Setting<T>], name: &str) -> Option<(&'static str, Shape)> {
    table.iter().find(|setting| setting.name == name).map(|setting| (setting.name, setting.shape))
}

/// The texts of a TOML value; `None` for a table, a date or a list where one value belongs.
fn texts(value: &Value, shape: Shape) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Integer(n) => Some(vec![n.to_string()]),
        Value::Float(n) => Some(vec![n.to_string()]),
        Value::Boolean(b) => Some(vec![b.to_string()]),
        Value::Array(items) if matches!(shape, Shape::List | Shape::Lines | Shape::Names) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

/// `exclude` and `include` are lists (the excluding ones are asked first); `patterns` orders them
/// freely and stands alone.
fn patterns(table: &Table, path: &Path) -> Result<Vec<String>, ConfigError> {
    if let Some(ordered) = table.get("patterns") {
        if table.contains_key("include") || table.contains_key("exclude") {
            let detail = "patterns stands instead of include and exclude, not beside them".to_owned();
            return Err(ConfigError::Profile { path: path.to_owned(), detail });
        }
        let items = ordered.as_array().map(|items| items.iter().map(ordered_pattern).collect::<Option<Vec<_>>>());
        return items.flatten().ok_or_else(|| ConfigError::Profile {
            path: path.to_owned(),
            detail: r#"patterns is a list like [{ exclude = "\\.pdf$" }, { include = "/docs/" }]"#.to_owned(),
        });
    }
    let mut all = Vec::new();
    for (key, sign) in [("exclude", '-'), ("include", '+')] {
        if let Some(value) = table.get(key) {
            let regexes = texts(value, Shape::List).ok_or_else(|| shapeless(path, key))?;
            all.extend(regexes.into_iter().map(|regex| format!("{sign}{regex}")));
        }
    }
    Ok(all)
}

fn ordered_pattern(item: &Value) -> Option<String> {
    let table = item.as_table().filter(|table| table.len() == 1)?;
    let (key, regex) = table.iter().next()?;
    match key.as_str() {
        "include" => Some(format!("+{}", regex.as_str()?)),
        "exclude" => Some(format!("-{}", regex.as_str()?)),
        _ => None,
    }
}

fn unknown(path: &Path, key: &str) -> ConfigError {
    let names = RUN.iter().map(|s| s.name).chain(CRAWL.iter().map(|s| s.name));
    let names = names.chain(["include", "exclude"]).filter(|name| *name != "config");
    let nearest = names.map(|name| (distance(key, name), name)).min().filter(|(far, _)| *far <= 2);
    let hint = match nearest {
        Some((_, name)) => format!("; did you mean {name:?}?"),
        None => "; sqrawl config show lists them all".to_owned(),
    };
    ConfigError::UnknownKey { path: path.to_owned(), key: key.chars().take(64).collect(), hint }
}

fn shapeless(path: &Path, key: &str) -> ConfigError {
    ConfigError::Profile { path: path.to_owned(), detail: format!("{key}: not a value this setting takes") }
}

/// Edit distance between two short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Said, String> {
        profile(text, Path::new("p.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_the_names_of_flags() {
        let said =
            read("delay = '2s'\nmax_pages = 5000\nno-text = true\nrate = 0.5\nallow-net = ['10.0.0.0/8']\ndb = 'x.db'")
                .unwrap();
        let value = |name: &str| said.0.get(name).map(|spoken| spoken.value.join("|"));
        for (name, wanted) in
            [("delay", "2s"), ("max-pages", "5000"), ("no-text", "true"), ("rate", "0.5"), ("allow-net", "10.0.0.0/8")]
        {
            assert_eq!(value(name).as_deref(), Some(wanted), "{name}");
        }
    }

    #[test]
    fn patterns_in_their_order_or_excludes_first() {
        let texts = |text: &str| read(text).unwrap().0["patterns"].value.join(" ");
        assert_eq!(texts("include = ['a']\nexclude = 'b'"), "-b +a");
        assert_eq!(texts("patterns = [{ include = 'a' }, { exclude = 'b' }]"), "+a -b");
    }

    #[test]
    fn what_is_no_toml_is_not_shown() {
        for (text, place) in [
            ("\ndelay = '1s'\nheader = \"x-api-key: s3cret", "line 3, column "),
            ("basic-auth = me:s3cret", "line 1, column 14"),
            ("'ü' = 's3cret' s3cret", "line 1, column "),
            ("basic-auth = 's3cret'\nbasic-auth = 's3cret'", "line 2, column 1"),
            ("basic-auth = 's3cret\n'", "line "),
            ("[s3cret", "line 1, column "),
            ("header = \"\"\"s3cret", "line 1, column "),
            ("header = \"s3cret \\q\"", "line 1, column "),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(&format!("p.toml: {place}")), "{error}");
            assert!(error.contains(": not TOML: ") && !error.contains("s3cret"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn what_is_refused() {
        let cases = [
            ("dealy = '1s'", r#"p.toml: there is no setting "dealy"; did you mean "delay"?"#),
            ("[crawl]\ndelay = '1s'", r#"p.toml: there is no setting "crawl"; sqrawl config show lists them all"#),
            ("config = 'other.toml'", r#"p.toml: there is no setting "config"; sqrawl config show lists them all"#),
            ("delay = [1]", "p.toml: delay: not a value this setting takes"),
            ("delay = 1979-05-27", "p.toml: delay: not a value this setting takes"),
            ("include = 'a'\npatterns = []", "p.toml: patterns stands instead of include and exclude, not beside them"),
        ];
        for (text, wanted) in cases {
            assert_eq!(read(text).unwrap_err(), wanted, "{text}");
        }
        assert!(read("delay = ").unwrap_err().starts_with("p.toml: line 1, column 9: not TOML: "));
        assert!(read("patterns = ['a']").unwrap_err().starts_with("p.toml: patterns is a list like"));
    }
}
