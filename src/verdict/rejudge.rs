//! A crawl whose settings change: what they had excluded or admitted is judged again.

use crate::model::{Admission, CrawlSettings, CrawlUrl, Rule, Trap, UnixMs};
use crate::scope::{NamedBy, Scope};

/// Whether the settings differ in what they admit. How URLs are spelled is not asked: those that are
/// known keep their spelling.
pub fn judges_otherwise(old: &CrawlSettings, new: &CrawlSettings) -> bool {
    let more_sitemaps = new.sitemaps && !old.sitemaps;
    let admits = |s: &CrawlSettings| {
        let limits = (s.max_depth, s.max_redirects);
        (s.scope, s.patterns.clone(), limits, s.ignore_robots, s.allow_net.clone(), s.traps.clone())
    };
    more_sitemaps || admits(old) != admits(new)
}

/// A URL of the crawl, and what is known of the path that named it.
#[derive(Clone, Copy, Debug)]
pub struct NamedBefore<'a> {
    /// The URL.
    pub url: &'a CrawlUrl,
    /// Links from a seed.
    pub depth: u32,
    /// Redirects in a row; of a sitemap, the indexes too.
    pub hops: u32,
    /// Whether it is a seed that the crawl is of.
    pub is_seed: bool,
    /// Whether it was imported into a crawl that has its scope.
    pub is_given: bool,
    /// Whether robots.txt or a sitemap index names it as a sitemap.
    pub is_sitemap: bool,
    /// What excluded it; `None`: nothing did.
    pub rule: Option<&'a Rule>,
}

/// The new word at `now` on a URL; `None` where it stays.
pub fn judge_again(settings: &CrawlSettings, scope: &Scope, named: &NamedBefore<'_>, now: UnixMs) -> Option<Admission> {
    let rule = named.rule;
    let stays = rule.is_some_and(|rule| {
        // What kind of link on what kind of page named it, and what its visit met, is not known here.
        [Rule::KIND, Rule::SITEMAP_STEPS].contains(rule)
            || Trap::of_rule(rule).is_some_and(|trap| trap.is_of_page() && scope.looks_for(trap))
            || (*rule == Rule::ADDRESS && settings.allow_net.is_empty())
            || ([Rule::NOFOLLOW, Rule::ROBOTS].contains(rule) && !settings.ignore_robots)
    });
    if stays {
        return None;
    }
    let seed = named.is_seed || is_exempt(named);
    // Steps between sitemaps are no redirects of a page.
    let hops = if named.is_sitemap && rule != Some(&Rule::REDIRECTS) { 0 } else { named.hops };
    let by = NamedBy { depth: named.depth, hops, followed: true, nofollow: false, seed, trap: None, now };
    let admission = match named.is_given && !named.is_seed {
        true => scope.judge_given(named.url),
        false => scope.judge(named.url, by),
    };
    let same = match (&admission, rule) {
        (Admission::Queue, None) => true,
        (Admission::Exclude(now), Some(before)) => now == before,
        _ => false,
    };
    (!same).then_some(admission)
}

/// Whether a sitemap may be one that the scope does not apply to. One that a rule of the scope
/// excludes was judged like any link: a part that an index of another host names.
fn is_exempt(named: &NamedBefore<'_>) -> bool {
    let judged_by_scope = named.rule.is_some_and(|rule| {
        [Rule::SCOPE, Rule::NOT_INCLUDED, Rule::DEPTH, Rule::REDIRECTS].contains(rule) || Trap::of_rule(rule).is_some()
    });
    named.is_sitemap && !judged_by_scope
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PatternRule;

    fn check(settings: &CrawlSettings, depth: u32, rule: Option<Rule>, expected: Option<Admission>) {
        let seed = CrawlUrl::stored("https://a.example/").unwrap();
        let scope = Scope::new(settings, &[seed], &[]).unwrap();
        let url = CrawlUrl::stored("https://a.example/x").unwrap();
        let named = NamedBefore {
            url: &url,
            depth,
            hops: 0,
            is_seed: false,
            is_given: false,
            is_sitemap: false,
            rule: rule.as_ref(),
        };
        assert_eq!(judge_again(settings, &scope, &named, 0), expected);
    }

    #[test]
    fn a_larger_depth_lets_urls_in() {
        let deeper = CrawlSettings { max_depth: Some(3), ..CrawlSettings::default() };
        check(&deeper, 3, Some(Rule::DEPTH), Some(Admission::Queue));
        check(&deeper, 4, Some(Rule::DEPTH), None);
        check(&deeper, 4, None, Some(Admission::Exclude(Rule::DEPTH)));
        check(&deeper, 3, None, None);
    }

    #[test]
    fn another_reason_is_named() {
        let fewer = CrawlSettings { patterns: vec![PatternRule::Exclude("x$".to_owned())], ..CrawlSettings::default() };
        check(&fewer, 1, None, Some(Admission::Exclude(Rule::exclude("x$"))));
        check(&fewer, 1, Some(Rule::DEPTH), Some(Admission::Exclude(Rule::exclude("x$"))));
    }

    #[test]
    fn traps_are_judged_again_when_their_switch_changes() {
        let all = CrawlSettings::default();
        let none = CrawlSettings { traps: [].into(), ..CrawlSettings::default() };
        assert!(judges_otherwise(&all, &none));
        let spelling = CrawlSettings { url_rules: [].into(), ..CrawlSettings::default() };
        assert!(!judges_otherwise(&all, &spelling), "known URLs keep their spelling");
        // The URL is no trap by its own text.
        for trap in [Trap::Calendar, Trap::SelfLink] {
            check(&all, 1, Some(trap.rule()), Some(Admission::Queue));
            check(&none, 1, Some(trap.rule()), Some(Admission::Queue));
        }
        for trap in [Trap::Soft404, Trap::SameContent] {
            check(&all, 1, Some(trap.rule()), None);
            check(&none, 1, Some(trap.rule()), Some(Admission::Queue));
        }
    }

    #[test]
    fn what_a_visit_met_stays_unless_it_is_no_longer_asked() {
        let polite = CrawlSettings::default();
        let rude = CrawlSettings { ignore_robots: true, ..CrawlSettings::default() };
        for rule in [Rule::ROBOTS, Rule::NOFOLLOW] {
            check(&polite, 1, Some(rule.clone()), None);
            check(&rude, 1, Some(rule), Some(Admission::Queue));
        }
        check(&rude, 1, Some(Rule::KIND), None);
        check(&polite, 1, Some(Rule::ADDRESS), None);
    }

    #[track_caller]
    fn check_sitemap(settings: &CrawlSettings, url: &str, rule: Option<Rule>, expected: Option<Admission>) {
        let seed = CrawlUrl::stored("https://a.example/").unwrap();
        let scope = Scope::new(settings, &[seed], &[]).unwrap();
        let url = CrawlUrl::stored(url).unwrap();
        let named = NamedBefore {
            url: &url,
            depth: 1,
            hops: 3,
            is_seed: false,
            is_given: false,
            is_sitemap: true,
            rule: rule.as_ref(),
        };
        assert_eq!(judge_again(settings, &scope, &named, 0), expected, "{url} {rule:?}");
    }

    #[test]
    fn foreign_parts_of_an_index_stay_out() {
        let settings = CrawlSettings { max_redirects: 1, ..CrawlSettings::default() };
        let (own, foreign) = ("https://a.example/part.xml", "https://b.example/part.xml");
        // Named by robots.txt, or on the index' own host.
        check_sitemap(&settings, own, None, None);
        check_sitemap(&settings, foreign, None, None);
        check_sitemap(&settings, foreign, Some(Rule::exclude("old")), Some(Admission::Queue));
        check_sitemap(&settings, foreign, Some(Rule::SCOPE), None);
        check_sitemap(&settings, foreign, Some(Rule::NOT_INCLUDED), Some(Admission::Exclude(Rule::SCOPE)));
        let wider = CrawlSettings { scope: crate::model::ScopeKind::Any, ..settings };
        check_sitemap(&wider, foreign, Some(Rule::SCOPE), Some(Admission::Queue));
        check_sitemap(&wider, foreign, Some(Rule::REDIRECTS), None);
        let calendar = "https://a.example/2399/05/part.xml";
        check_sitemap(&wider, calendar, Some(Trap::Calendar.rule()), None);
        check_sitemap(&wider, calendar, None, None);
    }
}
