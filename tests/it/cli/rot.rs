//! What can rot: the flags, commands, defaults, variables and exit codes that documents name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sqrawl::cli::Exit;
use sqrawl::config::{CRAWL, OTHER_VARIABLES, RUN, Shape, variables};
use sqrawl::model::CrawlSettings;

use super::in_empty_folder;

const VERBS: [&str; 20] = [
    "crawl",
    "resume",
    "status",
    "add",
    "skip",
    "retry",
    "query",
    "rank",
    "report",
    "search",
    "show",
    "explain",
    "diff",
    "export",
    "import",
    "backup",
    "doctor",
    "config",
    "completions",
    "demo",
];

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `--help` of a verb on one line.
fn help(verb: &[&str]) -> String {
    let ran = in_empty_folder(&[verb, &["--help"]].concat());
    assert_eq!(ran.code, Some(0), "{verb:?}: {}", ran.err);
    ran.out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn help_states_every_default() {
    let (crawl, default) = (help(&["crawl"]), CrawlSettings::default());
    for setting in CRAWL.iter().filter(|setting| setting.shape != Shape::Patterns) {
        let shown = match setting.shape {
            Shape::Switch => "off".to_owned(),
            _ => setting.shown(&default),
        };
        let from = crawl.find(&format!("--{} ", setting.name)).or_else(|| crawl.find(&format!("--{}[", setting.name)));
        let text = &crawl[from.unwrap_or_else(|| panic!("--{} is not in --help", setting.name))..];
        let end = text.find(" --").unwrap_or(text.len());
        let next = text[2..].find(" --").map_or(end, |n| n + 2);
        assert!(text[..next].contains(&format!("[default: {shown}]")), "{}", &text[..next]);
    }
    for name in ["--include", "--exclude", "--db", "--config", "--color"] {
        assert!(crawl.contains(name), "{name}");
    }
    let lines = in_empty_folder(&["crawl", "-h"]).out;
    let flags =
        lines.lines().filter(|line| line.find('-').is_some_and(|at| at < 8) && line[..8].contains(" -")).count();
    assert_eq!(lines.matches("[default:").count(), flags - 1, "every flag but --help states its default");
}

#[test]
fn readme_states_the_same_defaults() {
    let (readme, default) = (document("README.md"), CrawlSettings::default());
    for line in readme.lines().filter(|line| line.starts_with("| `--")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`').trim_start_matches("--");
        let setting = CRAWL.iter().find(|setting| setting.name == name).unwrap_or_else(|| panic!("no --{name}"));
        assert_eq!(cells[2], setting.shown(&default), "--{name}");
    }
}

#[test]
fn documents_name_only_what_there_is() {
    let helps: String = VERBS
        .iter()
        .map(|verb| help(if *verb == "config" { &["config", "show"] } else { std::slice::from_ref(verb) }))
        .collect();
    let foreign = ["--release", "--locked", "--path", "--flag"];
    for name in ["README.md", "docs/cli.md"] {
        let text = document(name);
        for (at, _) in text.match_indices("--") {
            let word: String = text[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            let before = text[..at].chars().next_back();
            let is_flag = word.len() > 3 && before.is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '|');
            if is_flag && !foreign.contains(&word.as_str()) {
                assert!(helps.contains(&format!("{word} ")) || helps.contains(&format!("{word}[")), "{name}: {word}");
            }
        }
        for (at, _) in text.match_indices("sqrawl ").filter(|(at, _)| text[..*at].ends_with(['$', ' ', '`', '\n'])) {
            let rest = &text[at + 7..];
            let verb: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
            let in_code = text[..at].ends_with(['`']) || text[..at].ends_with("$ ");
            assert!(!in_code || verb.is_empty() || VERBS.contains(&verb.as_str()), "{name}: sqrawl {verb}");
        }
    }
}

#[test]
fn env_example_lists_what_is_read() {
    let text = document(".env.example");
    let named: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.contains(' '))
        .collect();
    let read: BTreeSet<String> = variables().into_iter().chain(OTHER_VARIABLES.map(str::to_owned)).collect();
    assert_eq!(named, read);
    // And it can be used as it is, with every comment taken away.
    let all: String = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(|l| l.contains("=")).unwrap_or(line))
        .fold(String::new(), |all, line| all + line + "\n");
    let (pairs, errors) = sqrawl::config::dotenv(all.as_bytes());
    assert!(errors.is_empty() && pairs.len() >= read.len(), "{errors:?}");
    let (said, unknown) = sqrawl::config::environment(pairs, &sqrawl::config::Origin::DotEnv);
    assert!(unknown.is_empty(), "{unknown:?}");
    sqrawl::config::resolve(CRAWL, std::slice::from_ref(&said), None).unwrap();
    sqrawl::config::resolve(RUN, &[said], None).unwrap();
}

#[test]
fn the_profile_of_the_documents_is_right() {
    let text = document("docs/cli.md");
    let toml =
        text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a profile in docs/cli.md");
    let said = sqrawl::config::profile(toml, Path::new("docs/cli.md")).unwrap();
    sqrawl::config::resolve(CRAWL, &[said], None).unwrap();
}

#[test]
fn exit_codes_are_documented() {
    let (reference, readme, help) = (document("docs/cli.md"), document("README.md"), help(&[]));
    for exit in Exit::ALL {
        assert!(reference.contains(&format!("| {} | {} |", exit.code(), exit.meaning())), "docs/cli.md: {exit:?}");
        assert!(readme.contains(&format!("\n| {} | ", exit.code())), "README.md: {exit:?}");
        assert!(help.contains(&format!("{} {}", exit.code(), exit.meaning())), "--help: {exit:?}");
    }
}
