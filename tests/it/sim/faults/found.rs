//! What seeds have found, each in as few lives as show it.

use std::sync::Arc;

use sqrawl::model::CrawlSettings;

use super::lives::{CallFault, Caller, Plan};
use super::trial::{Telling, World, settings};
use super::web::{Answer, How, Link, Web};

fn page(links: &[(&str, How)]) -> Answer {
    Answer::Page(links.iter().map(|(to, how)| Link { to: (*to).to_owned(), how: *how }).collect())
}

fn robots(sitemap: &str) -> Answer {
    Answer::Robots(format!("Sitemap: {sitemap}\n"))
}

fn sitemap(entry: &str) -> Answer {
    Answer::Sitemap { entries: vec![entry.to_owned()], index: false }
}

/// A life: so many of the seeds, and what it changes about the settings.
type Life<'a> = (usize, &'a dyn Fn(&mut CrawlSettings));

/// One life after the other. How the last one ended, and
/// the states of all URLs.
fn lives(web: Web, plans: &[Life<'_>]) -> (String, Vec<(String, String)>) {
    let web = Arc::new(web);
    let mut world = World::new(Arc::clone(&web), 0, None, Telling::Nothing);
    for (life, (seeds, change)) in plans.iter().enumerate() {
        let mut plan = Plan::calm(life, settings(&web.wishes), *seeds);
        plan.limited = true;
        change(&mut plan.settings);
        world.live(&plan).unwrap_or_else(|what| panic!("life {life}: {what}"));
    }
    let ended = world.before.ended.map(|(by, _)| by).unwrap_or_default();
    (ended, world.before.urls.into_iter().map(|(url, row)| (url, row.state)).collect())
}

#[track_caller]
fn check(web: Web, plans: &[Life<'_>], ended: &str, url: &str, state: &str) {
    let (by, urls) = lives(web, plans);
    let found = urls.iter().find(|(known, _)| known == url).map(|(_, state)| state.as_str());
    assert_eq!((by.as_str(), found), (ended, Some(state)), "{url} in {urls:#?}");
}

const A: &str = "http://a.test/";
const B: &str = "http://b.test/";

/// With `--max-depth 0` no sitemap is of use, and the robots.txt that names one is not read again.
#[test]
fn a_deeper_crawl_takes_in_the_sitemaps_it_had_no_use_for() {
    let web = Web::of(
        &[
            (A, page(&[])),
            ("http://a.test/robots.txt", robots("http://a.test/map.xml")),
            ("http://a.test/map.xml", sitemap("http://a.test/unlinked")),
            ("http://a.test/unlinked", page(&[])),
        ],
        &[A],
    );
    let shallow = |settings: &mut CrawlSettings| settings.max_depth = Some(0);
    check(web, &[(1, &shallow), (0, &|_| {})], "complete", "http://a.test/unlinked", "done");
}

/// The robots.txt of a host was read for the sake of somebody else's sitemap before a seed brought the
/// host into scope.
#[test]
fn a_new_seed_takes_in_the_sitemaps_of_a_host_that_is_known() {
    let web = Web::of(
        &[
            (A, page(&[])),
            ("http://a.test/robots.txt", robots("http://b.test/map-of-a.xml")),
            ("http://b.test/map-of-a.xml", sitemap(A)),
            (B, page(&[])),
            ("http://b.test/robots.txt", robots("http://b.test/map.xml")),
            ("http://b.test/map.xml", sitemap("http://b.test/unlinked")),
            ("http://b.test/unlinked", page(&[])),
        ],
        &[A, B],
    );
    check(web, &[(1, &|_| {}), (2, &|_| {})], "complete", "http://b.test/unlinked", "done");
}

/// A session that commits nothing knew only the counters from before its seeds were taken in.
#[test]
fn a_seed_that_the_page_limit_keeps_from_its_visit_is_left_to_do() {
    let web = || Web::of(&[(A, page(&[])), (B, page(&[]))], &[A, B]);
    let one_page = |settings: &mut CrawlSettings| {
        settings.sitemaps = false;
        settings.max_pages = Some(1);
    };
    check(web(), &[(1, &one_page), (2, &one_page)], "limit", B, "queued");
    check(web(), &[(1, &one_page), (2, &one_page), (0, &|_| {})], "complete", B, "done");
}

/// The same where other settings let it in.
#[test]
fn a_url_let_in_at_the_page_limit_is_left_to_do() {
    let web = Web::of(&[(A, page(&[("http://a.test/deep", How::Plain)]))], &[A]);
    let shallow = |settings: &mut CrawlSettings| {
        settings.sitemaps = false;
        (settings.max_pages, settings.max_depth) = (Some(1), Some(0));
    };
    let deeper = |settings: &mut CrawlSettings| {
        settings.sitemaps = false;
        settings.max_pages = Some(1);
    };
    check(web, &[(1, &shallow), (0, &deeper)], "limit", "http://a.test/deep", "queued");
}

/// A link that is not followed named the URL first, one that is followed lay too deep: a greater depth
/// lets it in. On one page, and on two.
#[test]
fn a_greater_depth_lets_in_what_a_nofollow_link_named_first() {
    let deep = "http://a.test/deep";
    let shallow = |settings: &mut CrawlSettings| {
        settings.sitemaps = false;
        settings.max_depth = Some(1);
    };
    let full = |settings: &mut CrawlSettings| settings.sitemaps = false;
    for not_followed in [How::Nofollow, How::Image] {
        let near = "http://a.test/near";
        let on_two = [
            (A, page(&[(deep, not_followed), (near, How::Plain)])),
            (near, page(&[(deep, How::Plain)])),
            (deep, page(&[])),
        ];
        let on_one = [
            (A, page(&[(near, How::Plain)])),
            (near, page(&[(deep, not_followed), (deep, How::Plain)])),
            (deep, page(&[])),
        ];
        for answers in [on_two, on_one] {
            check(Web::of(&answers, &[A]), &[(1, &shallow)], "complete", deep, "excluded");
            check(Web::of(&answers, &[A]), &[(1, &shallow), (0, &full)], "complete", deep, "done");
        }
    }
}

/// A process that died while it applied other settings left some of the URLs judged by them, and nothing
/// that said so: they stayed out for good, or in.
#[test]
fn settings_that_were_half_applied_are_judged_again() {
    let deep = "http://a.test/deep";
    let pages = [(A, page(&[(deep, How::Plain)])), (deep, page(&[]))];
    let (shallow, full) = (Some(0), None);
    // Depths before, in the life that dies, and after; the page limit before, which leaves something open.
    for (before, most, dying, state) in [(full, Some(1), shallow, "done"), (shallow, None, full, "excluded")] {
        // stored_crawl, begin_session, open_names, rejudge, open_names, admit, record_settings.
        for call in [6, 7] {
            let web = Arc::new(Web::of(&pages, &[A]));
            let mut world = World::new(Arc::clone(&web), 0, None, Telling::Nothing);
            let plan = |life: usize, max_depth| {
                let mut plan = Plan::calm(life, settings(&web.wishes), usize::from(life == 0));
                plan.limited = true;
                (plan.settings.sitemaps, plan.settings.max_depth) = (false, max_depth);
                plan
            };
            let mut first = plan(0, before);
            first.settings.max_pages = most;
            let mut second = plan(1, dying);
            second.calls.insert((Caller::Session, call), CallFault::DiesBefore);
            for plan in [first, second, plan(2, before)] {
                world.live(&plan).unwrap_or_else(|what| panic!("life {}: {what}", plan.life));
            }
            assert_eq!(world.before.urls[deep].state, state, "{before:?}, then {dying:?}, dead before call {call}");
        }
    }
}
