use super::*;
use crate::model::{Named, Trap};
use crate::scope::{UrlRules, canonicalize};

/// 2026-07-01.
const NOW: UnixMs = 1_782_864_000_000;
const LINK: NamedBy = NamedBy { depth: 1, hops: 0, followed: true, nofollow: false, seed: false, trap: None, now: NOW };

fn url(text: &str) -> CrawlUrl {
    canonicalize(text, None, None, &UrlRules::none()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn include(pattern: &str) -> PatternRule {
    PatternRule::Include(pattern.to_owned())
}

fn exclude(pattern: &str) -> PatternRule {
    PatternRule::Exclude(pattern.to_owned())
}

fn scope(settings: CrawlSettings, seeds: &[&str]) -> Scope {
    let seeds: Vec<CrawlUrl> = seeds.iter().map(|seed| url(seed)).collect();
    Scope::new(&settings, &seeds, &[]).expect("usable patterns")
}

fn of_kind(kind: ScopeKind, seeds: &[&str]) -> Scope {
    scope(CrawlSettings { scope: kind, ..CrawlSettings::default() }, seeds)
}

fn with_patterns(patterns: Vec<PatternRule>) -> Scope {
    scope(CrawlSettings { patterns, ..CrawlSettings::default() }, &["https://example.com/"])
}

#[track_caller]
fn check_by(scope: &Scope, named: &str, by: NamedBy, expected: &str) {
    let got = scope.judge(&url(named), by);
    let got = match &got {
        Admission::Queue => "queue",
        Admission::Exclude(rule) => rule.as_str(),
    };
    assert_eq!(got, expected, "{named} {by:?}");
}

#[track_caller]
fn check(scope: &Scope, named: &str, expected: &str) {
    check_by(scope, named, LINK, expected);
}

#[test]
fn host_scope_is_the_name_of_a_seed() {
    let scope = of_kind(ScopeKind::Host, &["https://example.com/a/b", "http://127.0.0.1:8080/"]);
    check(&scope, "https://example.com/", "queue");
    check(&scope, "http://example.com:8080/x", "queue");
    check(&scope, "http://127.0.0.1/", "queue");
    check(&scope, "https://www.example.com/", "scope");
    check(&scope, "https://example.org/", "scope");
    check(&scope, "https://example.com.evil.org/", "scope");
    check(&scope, "http://127.0.0.2/", "scope");
}

#[test]
fn domain_scope_is_the_registrable_domain_of_a_seed() {
    let scope = of_kind(
        ScopeKind::Domain,
        &["https://docs.example.co.uk/", "http://127.0.0.1/", "http://a.localhost/", "https://user.github.io/"],
    );
    check(&scope, "http://example.co.uk/", "queue");
    check(&scope, "https://a.b.example.co.uk:1/", "queue");
    check(&scope, "https://other.co.uk/", "scope");
    check(&scope, "https://notexample.co.uk/", "scope");
    check(&scope, "https://other.github.io/", "scope");
    // Without a registrable domain the host itself is all there is.
    check(&scope, "http://127.0.0.1:99/", "queue");
    check(&scope, "http://10.0.0.1/", "scope");
    check(&scope, "http://a.localhost/", "queue");
    check(&scope, "http://b.localhost/", "scope");
}

#[test]
fn prefix_scope_is_the_directory_of_a_seed() {
    let scope = of_kind(
        ScopeKind::Prefix,
        &["https://example.com/docs/intro.html?x=/y/", "https://example.com/docs/deep/", "http://example.org:81"],
    );
    check(&scope, "https://example.com/docs/", "queue");
    check(&scope, "https://example.com/docs/a/b?c", "queue");
    check(&scope, "https://example.com/docs/deep/x", "queue");
    check(&scope, "http://example.org:81/anything", "queue");
    check(&scope, "https://example.com/docs", "scope");
    check(&scope, "https://example.com/docs2/", "scope");
    check(&scope, "https://example.com/", "scope");
    check(&scope, "http://example.com/docs/", "scope");
    check(&scope, "https://example.com:8443/docs/", "scope");
    check(&scope, "http://example.org/", "scope");
}

#[test]
fn a_page_without_directory_has_the_root() {
    let scope = of_kind(ScopeKind::Prefix, &["https://example.com/docs"]);
    check(&scope, "https://example.com/", "queue");
    check(&scope, "https://example.com/x/y", "queue");
}

#[test]
fn any_scope_is_everything() {
    check(&of_kind(ScopeKind::Any, &["https://example.com/"]), "http://other.example/", "queue");
}

#[test]
fn a_scope_without_seeds_holds_nothing() {
    for kind in [ScopeKind::Host, ScopeKind::Domain, ScopeKind::Prefix] {
        check(&of_kind(kind, &[]), "https://example.com/", "scope");
    }
}

#[test]
fn a_widened_host_counts_like_the_host_of_a_seed() {
    let widened = |kind: ScopeKind, host: &str| {
        let mut scope = of_kind(kind, &["http://example.com/docs/"]);
        scope.widen(Host::new(host));
        scope
    };
    let host = widened(ScopeKind::Host, "www.example.com");
    check(&host, "https://www.example.com/x", "queue");
    check(&host, "https://example.com/", "queue");
    check(&host, "https://m.example.com/", "scope");

    let domain = widened(ScopeKind::Domain, "www.example.org");
    check(&domain, "https://m.example.org/", "queue");
    check(&domain, "https://www.example.net/", "scope");

    let prefix = widened(ScopeKind::Prefix, "www.example.com");
    check(&prefix, "https://www.example.com/docs/x", "queue");
    check(&prefix, "https://www.example.com/", "scope");
    check(&prefix, "https://example.com/docs/", "scope");
    // The seed went from http to https on its own host.
    check(&widened(ScopeKind::Prefix, "example.com"), "https://example.com/docs/x", "queue");

    let seeds = [url("https://example.com/")];
    let stored = Scope::new(&CrawlSettings::default(), &seeds, &[Host::new("example.net")]).expect("no patterns");
    check(&stored, "https://example.net/", "queue");
}

#[test]
fn the_first_pattern_that_matches_decides() {
    let scope = with_patterns(vec![exclude(r"\.pdf$"), include("/docs/"), exclude("/docs/old")]);
    check(&scope, "https://example.com/docs/a", "queue");
    check(&scope, "https://example.com/docs/a.pdf", r"exclude:\.pdf$");
    check(&scope, "https://example.com/docs/old", "queue");
    check(&scope, "https://example.com/other", "not_included");
    check(&scope, "https://example.org/docs/", "scope");
}

#[test]
fn excludes_alone_leave_the_rest() {
    let scope = with_patterns(vec![exclude("[?&]sort="), exclude("^https://example.com/private")]);
    check(&scope, "https://example.com/?a=1&sort=up", "exclude:[?&]sort=");
    check(&scope, "https://example.com/private/x", "exclude:^https://example.com/private");
    check(&scope, "https://example.com/public", "queue");
}

#[test]
fn limits_hold_beyond_their_number() {
    let settings = CrawlSettings { max_depth: Some(2), max_redirects: 3, ..CrawlSettings::default() };
    let scope = scope(settings, &["https://example.com/"]);
    let page = "https://example.com/x";
    check_by(&scope, page, NamedBy { depth: 2, hops: 3, ..LINK }, "queue");
    check_by(&scope, page, NamedBy { depth: 3, ..LINK }, "max_depth");
    check_by(&scope, page, NamedBy { hops: 4, ..LINK }, "max_redirects");
}

#[test]
fn links_that_are_not_followed_are_named() {
    let scope = of_kind(ScopeKind::Host, &["https://example.com/"]);
    let page = "https://example.com/x";
    check_by(&scope, page, NamedBy { followed: false, ..LINK }, "not_followed_kind");
    check_by(&scope, page, NamedBy { nofollow: true, ..LINK }, "nofollow");
    check(&scope, "https://example.com/a/b/a/b/a/b/a/b", "trap:path_repeats");
}

#[test]
fn every_trap_has_its_name_and_its_switch() {
    let soft = NamedBy { trap: Some(Trap::Soft404), ..LINK };
    let copy = NamedBy { trap: Some(Trap::SameContent), ..LINK };
    let deep: String = (0..60).map(|n| format!("/{n}x")).collect();
    for (trap, path, by) in [
        (Trap::PathRepeats, "/a/b/a/b/a/b", LINK),
        (Trap::PathDepth, deep.as_str(), LINK),
        (Trap::QueryGrowth, "/?a=1&a=1&a=1&a=1", LINK),
        (Trap::Calendar, "/?date=2199-01-01", LINK),
        (Trap::SessionId, "/?oursid=9682993c8daa2c5497996114facdc805", LINK),
        (Trap::SessionId, "/a;oursid=9682993c8daa2c5497996114facdc805/b", LINK),
        (Trap::SessionId, "/a/oursid=9682993c8daa2c5497996114facdc805/b", LINK),
        (Trap::SelfLink, "/a/example.com/a/", LINK),
        (Trap::Soft404, "/x", soft),
        (Trap::SameContent, "/x", copy),
    ] {
        let url = format!("https://example.com{path}");
        let with = |traps: &[Trap]| {
            let traps = traps.iter().copied().collect();
            scope(CrawlSettings { traps, ..CrawlSettings::default() }, &["https://example.com/"])
        };
        check_by(&with(Trap::ALL), &url, by, trap.rule().as_str());
        check_by(&with(&[trap]), &url, by, trap.rule().as_str());
        let others: Vec<Trap> = Trap::ALL.iter().copied().filter(|other| *other != trap).collect();
        check_by(&with(&others), &url, by, "queue");
        check_by(&with(Trap::ALL), &url, NamedBy { seed: true, ..by }, "queue");
    }
}

#[test]
fn the_session_id_that_a_redirect_asks_for_is_no_trap() {
    let scope = of_kind(ScopeKind::Host, &["https://example.com/"]);
    let page = "https://example.com/?oursid=9682993c8daa2c5497996114facdc805";
    check_by(&scope, page, NamedBy { hops: 1, ..LINK }, "queue");
}

#[test]
fn earlier_rules_name_the_rejection() {
    let settings = CrawlSettings {
        max_depth: Some(0),
        max_redirects: 0,
        patterns: vec![exclude("x")],
        ..CrawlSettings::default()
    };
    let scope = scope(settings, &["https://example.com/"]);
    let worst = NamedBy { depth: 1, hops: 1, followed: false, nofollow: true, ..LINK };
    let trap = "/a/a/a/a/a/a/a";
    check_by(&scope, &format!("https://o.example{trap}/x"), worst, "not_followed_kind");
    let worst = NamedBy { followed: true, ..worst };
    check_by(&scope, &format!("https://o.example{trap}/x"), worst, "nofollow");
    let worst = NamedBy { nofollow: false, ..worst };
    check_by(&scope, &format!("https://o.example{trap}/y"), worst, "scope");
    check_by(&scope, &format!("https://example.com{trap}?x"), worst, "exclude:x");
}

#[test]
fn a_seed_passes_everything_but_the_excludes() {
    let settings = CrawlSettings {
        max_depth: Some(0),
        patterns: vec![exclude("secret"), include("/docs/")],
        ..CrawlSettings::default()
    };
    let scope = scope(settings, &["https://example.com/"]);
    let typed = NamedBy { depth: 9, hops: 0, followed: false, nofollow: true, seed: true, ..LINK };
    check_by(&scope, "https://other.example/a/b/a/b/a/b", typed, "queue");
    check_by(&scope, "https://other.example/secret", typed, "exclude:secret");
}

#[test]
fn unusable_patterns_are_named() {
    let build = |rule: PatternRule| {
        Scope::new(&CrawlSettings { patterns: vec![rule], ..CrawlSettings::default() }, &[], &[])
            .expect_err("not usable")
            .to_string()
    };
    assert_eq!(build(exclude("a(b")), r#"--exclude "a(b" is not a usable regular expression: unclosed group"#);
    let big = build(include(r"\w{1000}"));
    assert!(big.starts_with("--include") && big.ends_with("it compiles to more than 4194304 bytes"), "{big}");
}

#[test]
fn many_seeds_are_looked_up_and_not_searched() {
    let texts: Vec<String> = (0..5000).map(|n| format!("https://example.com/{n}/page")).collect();
    let seeds: Vec<&str> = texts.iter().map(String::as_str).collect();
    let scope = of_kind(ScopeKind::Prefix, &seeds);
    for n in (0..5000).step_by(97) {
        check(&scope, &format!("https://example.com/{n}/other"), "queue");
        check(&scope, &format!("https://example.com/{n}x/"), "scope");
    }
}
