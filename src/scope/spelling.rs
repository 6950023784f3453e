//! [`Spelling`]: how what was typed becomes the one spelling of a URL, rule by rule.

use serde::Serialize;

use super::seed::{SeedUrl, host_behind_credentials, seed_url, without_credentials};
use super::url_rules::UrlRules;
use crate::model::{CrawlSettings, Named, NotCrawlable, UrlRule};

/// A URL as typed, and what each rule made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spelling {
    /// The result, as [`seed_url`] gives it by the rules of the crawl.
    pub seed: SeedUrl,
    /// As the URL standard alone writes it: the target of a redirect may be known so.
    pub as_written: SeedUrl,
    /// The rules that changed something, in the order in which they are applied.
    pub steps: Vec<SpellingStep>,
}

/// One rule that changed a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpellingStep {
    /// `scheme`, `credentials`, `fragment`, `standard` (WHATWG URL), `drop_param`, or the name of a [`UrlRule`].
    pub rule: &'static str,
    /// The URL afterwards; `None` where only the end of several says it.
    pub result: Option<String>,
}

/// Spells a URL as the crawl does, and says which rules did something: those that can be switched are
/// added one by one, and what each adds is compared.
///
/// # Errors
/// [`NotCrawlable`] when it is none.
pub fn spelling(given: &str, settings: &CrawlSettings) -> Result<Spelling, NotCrawlable> {
    let as_written = seed_url(given, &UrlRules::none())?;
    let mut steps = standard_steps(given, as_written.url.as_str());
    let mut some = CrawlSettings { url_rules: [].into(), drop_params: Vec::new(), ..settings.clone() };
    let mut last = as_written.clone();
    let order =
        [Some(UrlRule::Escapes), Some(UrlRule::SessionIds), None, Some(UrlRule::SortQuery), Some(UrlRule::EmptyQuery)];
    for rule in order {
        match rule {
            Some(rule) if settings.url_rules.contains(&rule) => _ = some.url_rules.insert(rule),
            Some(_) => continue,
            None => some.drop_params.clone_from(&settings.drop_params),
        }
        let next = seed_url(given, &UrlRules::new(&some))?;
        if next.url != last.url {
            let rule = rule.map_or("drop_param", Named::as_str);
            steps.push(SpellingStep { rule, result: Some(next.url.as_str().to_owned()) });
            last = next;
        }
    }
    Ok(Spelling { seed: last, as_written, steps })
}

/// What the rules did that have no switch.
fn standard_steps(given: &str, written: &str) -> Vec<SpellingStep> {
    let typed = given.trim();
    let mut steps = Vec::new();
    let mut add = |rule| steps.push(SpellingStep { rule, result: None });
    let has_scheme =
        ["http:", "https:"].iter().any(|s| typed.get(..s.len()).is_some_and(|t| t.eq_ignore_ascii_case(s)));
    if !has_scheme {
        add("scheme");
    }
    if host_behind_credentials(typed).is_some() {
        add("credentials");
    }
    let shown = without_credentials(typed);
    let (rest, fragment) = shown.split_once('#').map_or((&*shown, None), |(rest, f)| (rest, Some(f)));
    if fragment.is_some() {
        add("fragment");
    }
    let end = rest.rsplit_once("…@").map_or(rest, |(_, end)| end);
    let same = written.ends_with(end)
        && (has_scheme && written.starts_with(rest) || written.len() == end.len() + scheme_len(written));
    if !same {
        add("standard");
    }
    if let Some(last) = steps.last_mut() {
        last.result = Some(written.to_owned());
    }
    steps
}

/// Bytes of `http://` or `https://`.
fn scheme_len(url: &str) -> usize {
    url.find("://").map_or(0, |at| at + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, drop: &[&str], url: &str, rules: &[&str]) {
        let settings = CrawlSettings {
            drop_params: drop.iter().map(|name| (*name).to_owned()).collect(),
            url_rules: UrlRule::ALL.iter().copied().collect(),
            ..CrawlSettings::default()
        };
        let found = spelling(given, &settings).unwrap();
        assert_eq!(found.seed.url.as_str(), url, "{given}");
        assert_eq!(found.steps.iter().map(|step| step.rule).collect::<Vec<_>>(), rules, "{given}");
        assert_eq!(found.seed, seed_url(given, &UrlRules::new(&settings)).unwrap(), "the crawl spells it so too");
        if let Some(last) = found.steps.last() {
            assert_eq!(last.result.as_deref(), Some(url), "{given}");
        }
    }

    #[test]
    fn every_rule_that_did_something_is_named() {
        check("https://a.example/", &[], "https://a.example/", &[]);
        check("a.example", &[], "https://a.example/", &["scheme", "standard"]);
        check("a.example/x", &[], "https://a.example/x", &["scheme"]);
        check("HTTPS://A.example:443/x/../y", &[], "https://a.example/y", &["standard"]);
        check("https://a.example/x#part", &[], "https://a.example/x", &["fragment"]);
        check("https://me:s3cret@a.example/x", &[], "https://a.example/x", &["credentials"]);
        check("https://a.example/%7euser?", &[], "https://a.example/~user", &["escapes", "empty_query"]);
        check("https://a.example/?b=1&a=2", &[], "https://a.example/?a=2&b=1", &["sort_query"]);
        check("https://a.example/?utm_x=1&a=2", &["utm_*"], "https://a.example/?a=2", &["drop_param"]);
        let session = "https://a.example/x;jsessionid=1F2E3D4C5B6A79881F2E3D4C5B6A7988";
        check(session, &[], "https://a.example/x", &["session_ids"]);
    }
}
