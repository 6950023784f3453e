//! [`Web`]: which pages exist, how they are named, how large they are and what they link to.
//!
//! Pages are numbered; page `n` is on host `n % hosts` and the `n / hosts`-th there, its *place*. The pages
//! of a host are a tree, each with up to [`CHILDREN`] below it, in which every page links to those below;
//! so each is reachable from the host's first page. Whatever else a page links to is drawn. Nothing about a
//! page is kept but its size and its number of links: the rest follows from its number and the seed.

use std::io::Write;

use crate::draw::Draw;
use crate::text::Text;

/// Pages below a page in the tree of its host.
const CHILDREN: usize = 8;
/// Links that stand on every page of a host: the menu, and the footer behind it.
pub const MENU: usize = 9;
/// See [`MENU`].
pub const FOOTER: usize = 3;
/// The least that a page links to: menu, footer, the page above, and those below.
const FEWEST_LINKS: usize = MENU + FOOTER + 1 + CHILDREN;
/// No page is meant to be smaller; most of it is head, menu and links.
const SMALLEST_BYTES: f64 = 6_000.0;

/// What is asked for on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Pages in all.
    pub pages: usize,
    /// Hosts they are spread over.
    pub hosts: usize,
    /// The same seed gives the same web.
    pub seed: u64,
    /// Mean of `a` elements a page.
    pub links: usize,
    /// Mean of the HTML, before compression.
    pub mean_bytes: usize,
}

/// How a link is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `http://host:port/path`
    Absolute,
    /// `//host:port/path`
    SchemeRelative,
    /// `/path`
    RootRelative,
    /// `../path`, or `path` on the first page.
    Relative,
    /// `/path#part`
    Fragment,
}

/// An `a` element of a page.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Number of the page.
    pub target: usize,
    /// How it is written.
    pub form: Form,
}

/// The pages of a plan.
pub struct Web {
    /// As asked for.
    pub plan: Plan,
    /// Of all hosts.
    pub port: u16,
    /// What pages are made of.
    pub text: Text,
    bytes: Vec<u32>,
    links: Vec<u16>,
}

impl Web {
    /// Draws sizes and numbers of links, log-normal and clipped, so that their means are the plan's.
    pub fn new(plan: Plan, port: u16) -> Self {
        let mut draw = Draw::of(plan.seed, 2);
        let mut bytes = Vec::with_capacity(plan.pages);
        let mut links = Vec::with_capacity(plan.pages);
        for _ in 0..plan.pages {
            let size = draw.normal();
            bytes.push((0.8 * size).exp());
            // Large pages have more links, though not as many more.
            links.push((0.35 * size + 0.3 * draw.normal()).exp());
        }
        let mean = plan.mean_bytes as f64;
        let bytes = to_mean(&bytes, mean, SMALLEST_BYTES.min(mean), mean * 12.0).iter().map(|n| *n as u32).collect();
        let mean = plan.links as f64;
        let fewest = (FEWEST_LINKS as f64).min(mean);
        let links = to_mean(&links, mean, fewest, mean * 8.0).iter().map(|n| n.round() as u16).collect();
        Web { plan, port, text: Text::new(plan.seed), bytes, links }
    }

    /// Pages of one host.
    pub fn places(&self, host: usize) -> usize {
        (self.plan.pages + self.plan.hosts - 1 - host) / self.plan.hosts
    }

    /// Bytes of HTML that a page is meant to have.
    pub fn bytes(&self, page: usize) -> usize {
        self.bytes[page] as usize
    }

    /// The host of a page.
    pub fn host(&self, page: usize) -> usize {
        page % self.plan.hosts
    }

    fn page(&self, host: usize, place: usize) -> usize {
        place * self.plan.hosts + host
    }

    /// Appends path and query, as a request has them.
    pub fn path(&self, page: usize, out: &mut Vec<u8>) {
        let place = page / self.plan.hosts;
        let mut draw = Draw::of(self.plan.seed, 1 << 40 | page as u64);
        let kind = draw.below(20);
        let text = &self.text;
        let written = match (place, kind) {
            (0, _) => write!(out, "/"),
            (_, 0 | 1) => {
                let view = draw.pick(&["full", "list", "print", "short"]);
                write!(out, "/read?id={place}&view={view}&section={}", text.name(&mut draw))
            }
            (_, 2..5) => {
                let topic = draw.below(12);
                write!(out, "/guides/part-{topic}/{}-{}-{place}/", text.name(&mut draw), text.name(&mut draw))
            }
            _ => {
                let topic = draw.below(40);
                let (a, b, c) = (text.name(&mut draw), text.name(&mut draw), text.name(&mut draw));
                write!(out, "/topics/{topic}/{a}-{b}-{c}-{place}.html")
            }
        };
        written.expect("memory takes it");
    }

    /// The page of that path on that host.
    pub fn find(&self, host: usize, path: &[u8], scratch: &mut Vec<u8>) -> Option<usize> {
        let place = if path == b"/" { 0 } else { place_in(path)? };
        if place >= self.places(host) {
            return None;
        }
        let page = self.page(host, place);
        scratch.clear();
        self.path(page, scratch);
        (scratch == path).then_some(page)
    }

    /// The `a` elements of a page in order, as many as the page has: the menu, the page above, those below, drawn ones,
    /// the footer.
    pub fn links(&self, page: usize, links: &mut Vec<Link>) {
        links.clear();
        let (host, place) = (self.host(page), page / self.plan.hosts);
        let places = self.places(host);
        let own = |place: usize, form: Form| Link { target: self.page(host, place % places), form };
        links.extend((0..MENU).map(|n| own(n, Form::RootRelative)));
        links.push(own(place.saturating_sub(1) / CHILDREN, Form::Relative));
        let below = place * CHILDREN + 1;
        let mut draw = Draw::of(self.plan.seed, 2 << 40 | page as u64);
        links.extend((below..below + CHILDREN).take_while(|n| *n < places).map(|n| own(n, form(&mut draw))));
        while links.len() + FOOTER < usize::from(self.links[page]) {
            let link = match draw.below(100) {
                0..10 => Link { target: draw.below(self.plan.pages), form: Form::Absolute },
                10..18 => links[draw.below(links.len())],
                18..60 => own(place + places + draw.below(64) - 32.min(places), form(&mut draw)),
                _ => own(draw.below(places), form(&mut draw)),
            };
            // A page of another host has no other form.
            let away = self.host(link.target) != host && link.form != Form::SchemeRelative;
            links.push(if away { Link { form: Form::Absolute, ..link } } else { link });
        }
        links.extend((MENU..MENU + FOOTER).map(|n| own(n, Form::Absolute)));
    }

    /// Appends `http://host:port`.
    pub fn origin(&self, host: usize, out: &mut Vec<u8>) {
        write!(out, "http://127.0.0.{}:{}", host + 1, self.port).expect("memory takes it");
    }
}

fn form(draw: &mut Draw) -> Form {
    match draw.below(20) {
        0..3 => Form::Absolute,
        3 => Form::SchemeRelative,
        4 => Form::Fragment,
        5..9 => Form::Relative,
        _ => Form::RootRelative,
    }
}

/// The place that stands in a path, whether or not it is the path of a page.
fn place_in(path: &[u8]) -> Option<usize> {
    let digits = match path.strip_prefix(b"/read?id=") {
        Some(rest) => rest.split(|byte| *byte == b'&').next()?,
        None => {
            let path = path.strip_suffix(b".html").or_else(|| path.strip_suffix(b"/"))?;
            path.rsplit(|byte| *byte == b'-').next()?
        }
    };
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// `weights` times a factor and within bounds, so that their mean is `mean`.
fn to_mean(weights: &[f64], mean: f64, least: f64, most: f64) -> Vec<f64> {
    let (mut low, mut high) = (0.0, mean * 20.0);
    let scaled = |factor: f64| weights.iter().map(move |weight| (weight * factor).clamp(least, most));
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        let sum: f64 = scaled(middle).sum();
        if sum < mean * weights.len() as f64 { low = middle } else { high = middle }
    }
    scaled(high).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { pages: 2003, hosts: 5, seed: 1, links: 53, mean_bytes: 40_000 };

    #[test]
    fn every_path_is_found_on_its_host_alone() {
        let web = Web::new(PLAN, 8080);
        let mut scratch = Vec::new();
        for page in 0..PLAN.pages {
            let mut path = Vec::new();
            web.path(page, &mut path);
            assert_eq!(web.find(web.host(page), &path, &mut scratch), Some(page));
            if page >= PLAN.hosts {
                assert_eq!(web.find((web.host(page) + 1) % 5, &path, &mut scratch), None, "{page}");
            }
        }
        for path in ["/read?id=5&amp;view=full", "/x-99999999999999999999.html", "", "/-7/", "/topics/"] {
            assert_eq!(web.find(0, path.as_bytes(), &mut scratch), None, "{path}");
        }
    }

    #[test]
    fn links_reach_every_page_and_are_as_many_as_planned() {
        for plan in [PLAN, Plan { pages: 7, ..PLAN }, Plan { pages: 50_000, hosts: 1, ..PLAN }] {
            let web = Web::new(plan, 8080);
            let mut seen = vec![false; plan.pages];
            let mut open: Vec<usize> = (0..plan.hosts).collect();
            let (mut links, mut count, mut away) = (Vec::new(), 0, 0);
            open.iter().for_each(|page| seen[*page] = true);
            while let Some(page) = open.pop() {
                web.links(page, &mut links);
                count += links.len();
                for link in &links {
                    away += usize::from(web.host(link.target) != web.host(page));
                    // A host is complete on its own, without the others.
                    if web.host(link.target) == web.host(page) && !std::mem::replace(&mut seen[link.target], true) {
                        open.push(link.target);
                    }
                }
            }
            assert!(seen.iter().all(|seen| *seen));
            let mean = count as f64 / plan.pages as f64;
            assert!((mean - 53.0).abs() < 1.0, "{mean} links a page");
            assert!(plan.hosts == 1 || plan.pages < 100 || away * 20 > count, "{away} of {count} to other hosts");
        }
    }
}
