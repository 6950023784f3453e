//! What environment variables say. [`process_environment`] is the one place that reads them; from
//! there on they are arguments.

use super::{CRAWL, Origin, RUN, Said, Setting, Shape};

/// Patterns have two variables of their own, the excluding one first.
const PATTERN_VARIABLES: [(&str, char); 2] = [("SQRAWL_EXCLUDE", '-'), ("SQRAWL_INCLUDE", '+')];

/// Variables that say no setting and are looked at all the same, in the process environment only.
pub const OTHER_VARIABLES: [&str; 9] = [
    "NO_COLOR",
    "TERM",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "XDG_STATE_HOME",
    "HOME",
    "SQRAWL_FAILPOINT",
];

/// The variables of this process that are UTF-8.
pub fn process_environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Every environment variable that says a setting, in the order of `--help`.
pub fn variables() -> Vec<String> {
    let run = RUN.iter().map(Setting::variable);
    let crawl = CRAWL.iter().flat_map(|setting| match setting.shape {
        Shape::Patterns => PATTERN_VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        _ => vec![setting.variable()],
    });
    run.chain(crawl).collect()
}

/// Reads variables into what they say, with the names that look like ours and mean nothing.
pub fn environment(all: impl IntoIterator<Item = (String, String)>, origin: &Origin) -> (Said, Vec<String>) {
    let known = variables();
    let (mut said, mut unknown) = (Said::default(), Vec::new());
    let all: Vec<(String, String)> =
        all.into_iter().filter(|(name, _)| name == "DATABASE_URL" || name.starts_with("SQRAWL_")).collect();
    for (name, value) in &all {
        if OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        if !known.contains(name) {
            unknown.push(name.clone());
        } else if !value.is_empty() {
            note(&mut said, RUN, name, value, origin);
            note(&mut said, CRAWL, name, value, origin);
        }
    }
    let patterns: Vec<String> = PATTERN_VARIABLES
        .iter()
        .filter_map(|(name, sign)| Some((all.iter().find(|(n, _)| n == name)?, sign)))
        .flat_map(|((_, value), sign)| value.split_whitespace().map(move |regex| format!("{sign}{regex}")))
        .collect();
    if !patterns.is_empty() {
        said.insert("patterns", patterns, origin.clone());
    }
    unknown.sort();
    (said, unknown)
}

fn note<T>(said: &mut Said, table: &[Setting<T>], variable: &str, value: &str, origin: &Origin) {
    let found = table.iter().find(|s| s.shape != Shape::Patterns && s.variable() == variable);
    let Some(setting) = found else { return };
    let values = match setting.shape {
        Shape::List | Shape::Names => value.split(',').map(|item| item.trim().to_owned()).collect(),
        Shape::Lines => value.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        _ => vec![value.to_owned()],
    };
    said.insert(setting.name, values, origin.clone());
}

/// Reads the text of a `.env` file into names and values, with the errors of its lines.
pub fn dotenv(text: &[u8]) -> (Vec<(String, String)>, Vec<String>) {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for line in dotenvy::Iter::new(text) {
        match line {
            Ok(pair) => all.push(pair),
            Err(error) => errors.push(error.to_string()),
        }
    }
    (all, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(all: &[(&str, &str)]) -> (Said, Vec<String>) {
        environment(all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())), &Origin::Environment)
    }

    #[test]
    fn variables_say_settings() {
        let (said, unknown) = read(&[
            ("SQRAWL_MAX_DEPTH", "3"),
            ("SQRAWL_ALLOW_NET", "10.0.0.0/8, 127.0.0.1"),
            ("DATABASE_URL", "sqlite:x.db"),
            ("SQRAWL_INCLUDE", "/docs/ /blog/"),
            ("SQRAWL_EXCLUDE", "\\.pdf$"),
            ("SQRAWL_RATE", ""),
            ("SQRAWL_DEALY", "1s"),
            ("HOME", "/root"),
        ]);
        let value = |name: &str| said.0.get(name).map(|spoken| spoken.value.join("|"));
        assert_eq!(value("max-depth").as_deref(), Some("3"));
        assert_eq!(value("allow-net").as_deref(), Some("10.0.0.0/8|127.0.0.1"));
        assert_eq!(value("db").as_deref(), Some("sqlite:x.db"));
        assert_eq!(value("patterns").as_deref(), Some("-\\.pdf$|+/docs/|+/blog/"));
        assert_eq!(value("rate"), None, "an empty variable says nothing");
        assert_eq!(unknown, ["SQRAWL_DEALY"]);
    }

    #[test]
    fn a_broken_line_of_dotenv_spoils_no_other() {
        let (all, errors) = dotenv(b"# comment\nSQRAWL_DELAY=2s\nthis is no line\nSQRAWL_RATE='1/s'\n");
        assert_eq!(all, [("SQRAWL_DELAY".into(), "2s".into()), ("SQRAWL_RATE".into(), "1/s".into())]);
        assert_eq!(errors.len(), 1);
    }
}
