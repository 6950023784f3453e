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

/// The new word at `now` on a URL at this depth and number of hops, which `rule` excluded or nothing
/// did; `None` where it stays.
pub fn judge_again(
    settings: &CrawlSettings,
    scope: &Scope,
    (url, depth, hops, seed): (&CrawlUrl, u32, u32, bool),
    rule: Option<&Rule>,
    now: UnixMs,
) -> Option<Admission> {
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
    let by = NamedBy { depth, hops, followed: true, nofollow: false, seed, trap: None, now };
    let admission = scope.judge(url, by);
    let same = match (&admission, rule) {
        (Admission::Queue, None) => true,
        (Admission::Exclude(now), Some(before)) => now == before,
        _ => false,
    };
    (!same).then_some(admission)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PatternRule;

    fn check(settings: &CrawlSettings, depth: u32, rule: Option<Rule>, expected: Option<Admission>) {
        let seed = CrawlUrl::stored("https://a.example/").unwrap();
        let scope = Scope::new(settings, &[seed], &[]).unwrap();
        let url = CrawlUrl::stored("https://a.example/x").unwrap();
        assert_eq!(judge_again(settings, &scope, (&url, depth, 0, false), rule.as_ref(), 0), expected);
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
}
