//! Sitemaps on their way into the frontier: [`sitemaps_of`] names those of a robots.txt, [`judge`] and
//! [`steps`] say how far an index or a redirect may lead.
//!
//! Whoever runs a host says in its robots.txt where its sitemaps are, on another host too. So they are
//! exempt from the scope, as their parts on the same host are. Address guard and robots.txt hold for them,
//! and what they name passes the scope like any link.

use crate::model::{Admission, Candidate, CrawlUrl, LeasedUrl, LinkKind, Origin, RobotsRecord, RobotsVerdict, Rule};
use crate::politeness::RobotsFile;
use crate::scope::{self, NamedBy};
use crate::{frontier, model::RawLink};

use super::Policy;

/// Sitemaps that one robots.txt may name.
const MAX_SITEMAPS: usize = 1000;
/// Indexes and redirects in a row that lead from robots.txt to a sitemap.
pub const MAX_SITEMAP_STEPS: u32 = 5;
/// A sitemap lies as far from the seeds as a page that a seed links to.
const DEPTH: u32 = 1;

/// The sitemaps of an origin as its robots.txt names them, or `/sitemap.xml` when it names none. None for
/// an origin of which nothing belongs to the crawl: it was asked for the sake of somebody else's sitemap.
pub fn sitemaps_of(policy: &Policy<'_>, record: &RobotsRecord) -> Vec<Candidate> {
    let text = match record.verdict {
        RobotsVerdict::DisallowAll => return Vec::new(),
        RobotsVerdict::AllowAll => "",
        RobotsVerdict::Rules => record.body.as_deref().unwrap_or_default(),
    };
    let Some(root) = root_of(policy, &record.origin) else { return Vec::new() };
    let file = RobotsFile::parse(text);
    if file.sitemaps().is_empty() {
        return usual_sitemap(policy, &record.origin).into_iter().collect();
    }
    let named = file.sitemaps().iter().take(MAX_SITEMAPS);
    named.filter_map(|line| named_sitemap(policy, &root, line)).collect()
}

/// `/sitemap.xml` of an origin: where a sitemap is when nobody says where.
pub fn usual_sitemap(policy: &Policy<'_>, origin: &Origin) -> Option<Candidate> {
    let root = root_of(policy, origin)?;
    named_sitemap(policy, &root, "/sitemap.xml")
}

/// The root of an origin that the scope reaches.
fn root_of(policy: &Policy<'_>, origin: &Origin) -> Option<CrawlUrl> {
    CrawlUrl::stored(&format!("{origin}/")).ok().filter(|root| policy.scope.reaches(root))
}

fn named_sitemap(policy: &Policy<'_>, root: &CrawlUrl, reference: &str) -> Option<Candidate> {
    let url = scope::canonicalize(reference, root.to_url().as_ref(), None, policy.scope.url_rules()).ok()?;
    // With `--max-depth 0` nothing that a sitemap names could be visited.
    let of_use = policy.settings.max_depth.is_none_or(|most| most >= DEPTH);
    of_use.then(|| Candidate {
        domain: scope::registrable_domain(&url.host()),
        admission: policy.scope.judge(&url, exempt(DEPTH)),
        priority: frontier::sitemap_priority(&url),
        depth: DEPTH,
        hops: 0,
        is_sitemap: true,
        url,
    })
}

/// Named by the operator, as far as the scope is concerned.
fn exempt(depth: u32) -> NamedBy {
    NamedBy { depth, hops: 0, followed: true, nofollow: false, seed: true, trap: None, now: 0 }
}

/// How far from the seeds a link leads. A sitemap adds no depth of its own: what it names, in whatever
/// language, lies as deep as itself, but deeper than a seed.
pub(super) fn depth_of(leased: &LeasedUrl, link: &RawLink) -> u32 {
    let of_entry = link.kind == LinkKind::Sitemap || (link.kind == LinkKind::Alternate && leased.is_sitemap);
    if of_entry { leased.depth.max(DEPTH) } else { leased.depth.saturating_add(1) }
}

/// Steps from robots.txt to a sitemap that this one names: an index is one, as a redirect is.
pub(super) fn steps(leased: &LeasedUrl) -> u32 {
    leased.hops.saturating_add(1)
}

/// The word on a sitemap that an index names, or a sitemap redirects to.
pub(super) fn judge(policy: &Policy<'_>, leased: &LeasedUrl, url: &CrawlUrl, by: NamedBy) -> Admission {
    if steps(leased) > MAX_SITEMAP_STEPS {
        return Admission::Exclude(Rule::SITEMAP_STEPS);
    }
    let admission = policy.scope.judge(url, by);
    let elsewhere = [Rule::SCOPE, Rule::NOT_INCLUDED].map(Admission::Exclude).contains(&admission);
    let redirected = by.hops > 0;
    let own = leased.is_sitemap && (redirected || leased.url.host() == url.host());
    if elsewhere && own { policy.scope.judge(url, exempt(by.depth)) } else { admission }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CrawlSettings, PatternRule, ScopeKind};
    use crate::scope::Scope;

    /// The sitemaps of an origin, each with the rule that excludes it.
    fn named(settings: &CrawlSettings, seed: &str, origin: &str, verdict: RobotsVerdict, body: &str) -> Vec<String> {
        let settings = CrawlSettings { sitemaps: true, ..settings.clone() };
        let scope = Scope::new(&settings, &[CrawlUrl::stored(seed).unwrap()], &[]).unwrap();
        let record = RobotsRecord {
            origin: CrawlUrl::stored(origin).unwrap().origin(),
            verdict,
            status: None,
            fetched_ms: 0,
            answered_ms: None,
            expires_ms: 0,
            failures: 0,
            error: None,
            body: (verdict == RobotsVerdict::Rules).then(|| body.to_owned()),
            hop: None,
        };
        let found = sitemaps_of(&Policy { settings: &settings, scope: &scope, agent: "sqrawl" }, &record);
        assert!(found.iter().all(|c| c.is_sitemap && (c.depth, c.hops) == (1, 0) && c.priority < 100));
        let shown = |c: &Candidate| match &c.admission {
            Admission::Queue => c.url.as_str().to_owned(),
            Admission::Exclude(rule) => format!("{} {}", c.url, rule.as_str()),
        };
        found.iter().map(shown).collect()
    }

    #[track_caller]
    fn check(settings: &CrawlSettings, origin: &str, body: &str, expected: &[&str]) {
        let found = named(settings, "https://a.example/docs/", origin, RobotsVerdict::Rules, body);
        assert_eq!(found, expected, "{origin} {body:?}");
    }

    #[test]
    fn lines_of_robots_or_the_usual_place() {
        let settings = CrawlSettings::default();
        let a = "https://a.example/";
        check(
            &settings,
            a,
            "Sitemap: https://a.example/1.xml\nsitemap: /2.xml",
            &["https://a.example/1.xml", "https://a.example/2.xml"],
        );
        check(&settings, a, "Sitemap: https://cdn.example/a.xml.gz", &["https://cdn.example/a.xml.gz"]);
        check(&settings, a, "Sitemap: ftp://a.example/x\nSitemap: http://[", &[]);
        check(&settings, a, "User-agent: *\nDisallow: /", &["https://a.example/sitemap.xml"]);
        check(&settings, "http://a.example:8080/", "", &["http://a.example:8080/sitemap.xml"]);
        for (verdict, expected) in [(RobotsVerdict::AllowAll, 1), (RobotsVerdict::DisallowAll, 0)] {
            assert_eq!(named(&settings, a, a, verdict, "").len(), expected);
        }
        let many: String = (0..1500).map(|n| format!("Sitemap: /{n}\n")).collect();
        assert_eq!(named(&settings, a, a, RobotsVerdict::Rules, &many).len(), MAX_SITEMAPS);
    }

    #[test]
    fn settings_that_matter_to_them() {
        let line = "Sitemap: https://cdn.example/a.xml";
        let a = "https://a.example/";
        let with = |patterns| CrawlSettings { patterns, ..CrawlSettings::default() };
        check(&with(vec![PatternRule::Include("/docs/".to_owned())]), a, line, &["https://cdn.example/a.xml"]);
        check(&with(vec![PatternRule::Exclude("cdn".to_owned())]), a, line, &["https://cdn.example/a.xml exclude:cdn"]);
        check(&CrawlSettings { max_depth: Some(0), ..CrawlSettings::default() }, a, line, &[]);
        check(
            &CrawlSettings { max_depth: Some(1), ..CrawlSettings::default() },
            a,
            line,
            &["https://cdn.example/a.xml"],
        );
    }

    #[test]
    fn an_origin_out_of_scope_names_none() {
        for (scope, origin, expected) in [
            (ScopeKind::Host, "https://b.example/", 0),
            (ScopeKind::Host, "http://a.example:81/", 1),
            (ScopeKind::Domain, "https://www.a.example/", 1),
            (ScopeKind::Prefix, "https://a.example/", 1),
            (ScopeKind::Prefix, "http://a.example/", 0),
            (ScopeKind::Prefix, "https://a.example.evil/", 0),
            (ScopeKind::Any, "https://b.example/", 1),
        ] {
            let settings = CrawlSettings { scope, ..CrawlSettings::default() };
            let found = named(&settings, "https://a.example/docs/", origin, RobotsVerdict::Rules, "Sitemap: /x");
            assert_eq!(found.len(), expected, "{scope:?} {origin}");
        }
    }
}
