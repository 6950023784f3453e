//! [`Names`]: gathers every URL that one visit names, each once, with the scope's word on it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::sync::Arc;

use url::Url;

use crate::frontier;
use crate::model::{
    Admission, Candidate, CrawlUrl, LeasedUrl, LinkKind, NotCrawlable, Outlink, Page, RawLink, Rule, ScopeKind, Trap,
    UnixMs, Visit,
};
use crate::scope::{self, Document, NamedBy, UrlRules};

use super::{Policy, sitemaps};

/// Links between two questions for the time.
const LINKS_BETWEEN_QUESTIONS: usize = 256;

/// The URLs of one visit while they are gathered.
pub(super) struct Names<'a> {
    policy: &'a Policy<'a>,
    leased: &'a LeasedUrl,
    now: UnixMs,
    /// What the page itself is caught in; its links are not followed then.
    trap: Option<Trap>,
    candidates: Vec<Candidate>,
    index: Index,
    /// Registrable domains of the hosts that were met.
    domains: HashMap<String, Option<Arc<str>>>,
    links: Vec<Outlink>,
    target: Option<usize>,
    canonical: Option<usize>,
    discarded: Vec<(Rule, u32)>,
    widens: Option<crate::model::Host>,
}

impl<'a> Names<'a> {
    pub(super) fn new(policy: &'a Policy<'a>, leased: &'a LeasedUrl, now: UnixMs, trap: Option<Trap>) -> Self {
        Names {
            policy,
            leased,
            now,
            trap,
            candidates: Vec::new(),
            index: Index::default(),
            domains: HashMap::new(),
            links: Vec::new(),
            target: None,
            canonical: None,
            discarded: Vec::new(),
            widens: None,
        }
    }

    /// Adds the links of a page and of its `Link` headers, until `out_of_time`: whether that left any
    /// out. `nofollow`: the whole page says so.
    pub(super) fn add_page(
        &mut self,
        page: &mut Page,
        header_links: impl Iterator<Item = RawLink>,
        nofollow: bool,
        out_of_time: &mut dyn FnMut() -> bool,
    ) -> bool {
        let links = std::mem::take(&mut page.links);
        let (all, after) = (links.len(), links.last().map_or(0, |link| link.position.saturating_add(1)));
        self.make_room(all);
        let rules = self.policy.scope.url_rules();
        let own = self.leased.url.to_url();
        let base = own.as_ref().zip(page.base.as_deref()).and_then(|(own, href)| base_of(own, href));
        let document = Document::new(base.as_ref().or(own.as_ref()), page.charset.as_deref(), rules);
        let mut late = false;
        for (nth, link) in links.into_iter().enumerate() {
            late = nth % LINKS_BETWEEN_QUESTIONS == LINKS_BETWEEN_QUESTIONS - 1 && out_of_time();
            if late {
                self.discard(Rule::LINKS_CUT, u32::try_from(all - nth).unwrap_or(u32::MAX));
                break;
            }
            self.add_link(link, &document, nofollow);
        }
        let mut header_links = (0..).zip(header_links).peekable();
        if header_links.peek().is_some() {
            let headers = Document::new(own.as_ref(), None, rules);
            for (nth, link) in header_links {
                self.add_link(RawLink { position: after.saturating_add(nth), ..link }, &headers, nofollow);
            }
        }
        if page.links_cut > 0 {
            self.discard(Rule::LINKS_CUT, page.links_cut);
        }
        late
    }

    /// So many links are to come.
    fn make_room(&mut self, links: usize) {
        self.links.reserve_exact(links);
        self.candidates.reserve_exact(links);
        self.index.known.reserve(links);
    }

    fn add_link(&mut self, link: RawLink, document: &Document<'_>, nofollow: bool) {
        let (url, removed) = match document.canonicalize(&link.href) {
            Ok(found) => found,
            Err(why) => return self.discard(rule_of(why), 1),
        };
        if removed.session_id {
            self.discard(Rule::SESSION_IDS, 1);
        }
        if removed.parameter {
            self.discard(Rule::DROP_PARAM, 1);
        }
        let obeyed = !self.policy.settings.ignore_robots;
        let by = NamedBy {
            depth: sitemaps::depth_of(self.leased, &link),
            hops: 0,
            followed: self.policy.settings.follow.contains(&link.kind),
            nofollow: nofollow || (link.nofollow && obeyed),
            seed: false,
            trap: self.trap,
            now: self.now,
        };
        let is_sitemap = link.entry.as_ref().is_some_and(|entry| entry.is_sitemap);
        let target = self.name(url, by, is_sitemap);
        if link.kind == LinkKind::Canonical && self.canonical.is_none() {
            self.canonical = Some(target);
        }
        self.links.push(Outlink {
            target,
            kind: link.kind,
            nofollow: link.nofollow,
            position: link.position,
            anchor: link.anchor,
            entry: link.entry,
        });
    }

    /// Adds the target of a redirect. It keeps the depth of its source; what a seed redirects to
    /// may bring its host into scope.
    /// `comes_back`: should it be the source itself, that is asked again with a new cookie.
    pub(super) fn add_redirect(&mut self, location: &str, comes_back: bool) {
        let url = match self.redirect_target(location, comes_back) {
            Ok(url) => url,
            Err(why) => return self.discard(rule_of(why), 1),
        };
        let mut by = NamedBy {
            depth: self.leased.depth,
            hops: self.leased.hops.saturating_add(1),
            followed: true,
            nofollow: false,
            seed: false,
            trap: None,
            now: self.now,
        };
        if self.brings_into_scope(&url, by) {
            by.seed = true;
            self.widens = Some(url.host());
        }
        self.target = Some(self.name(url, by, self.leased.is_sitemap));
    }

    /// A target that the rules make the source itself is followed as the server wrote it, unless the
    /// source is asked again anyway: what they took away is what the server asks for, a session id
    /// for a client without its cookie.
    fn redirect_target(&self, location: &str, comes_back: bool) -> Result<CrawlUrl, NotCrawlable> {
        let source = &self.leased.url;
        let base = source.to_url();
        let by = |rules: &UrlRules| scope::canonicalize(location, base.as_ref(), None, rules);
        let url = by(self.policy.scope.url_rules())?;
        if url == *source && !comes_back { by(&UrlRules::none()) } else { Ok(url) }
    }

    fn brings_into_scope(&self, url: &CrawlUrl, by: NamedBy) -> bool {
        self.leased.may_widen
            && by.hops <= self.policy.settings.max_redirects
            && self.policy.settings.scope != ScopeKind::Any
            && self.policy.scope.judge(url, by) == Admission::Exclude(Rule::SCOPE)
    }

    fn name(&mut self, url: CrawlUrl, by: NamedBy, is_sitemap: bool) -> usize {
        let admission = match is_sitemap {
            true => sitemaps::judge(self.policy, self.leased, &url, by),
            false => self.policy.scope.judge(&url, by),
        };
        let at = self.candidates.len();
        let known = self.index.find_or_add(url.as_str(), at, |known| self.candidates[known].url == url);
        if let Some(known) = known {
            let candidate = &mut self.candidates[known];
            if admission == Admission::Queue || admission.reached() > candidate.admission.reached() {
                candidate.admission = admission;
            }
            candidate.is_sitemap |= is_sitemap;
            return known;
        }
        let domain = self.domain(&url);
        self.candidates.push(Candidate {
            domain,
            priority: if is_sitemap { frontier::sitemap_priority(&url) } else { frontier::priority(&url, by.depth) },
            depth: by.depth,
            hops: if is_sitemap { sitemaps::steps(self.leased) } else { by.hops },
            is_sitemap,
            admission,
            url,
        });
        at
    }

    fn domain(&mut self, url: &CrawlUrl) -> Option<Arc<str>> {
        if let Some(domain) = self.domains.get(url.host_str()) {
            return domain.clone();
        }
        let host = url.host();
        let domain = scope::registrable_domain(&host);
        self.domains.insert(host.as_str().to_owned(), domain.clone());
        domain
    }

    fn discard(&mut self, rule: Rule, n: u32) {
        match self.discarded.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, count)) => *count = count.saturating_add(n),
            None => self.discarded.push((rule, n)),
        }
    }

    /// What was gathered waits for its commit, so it takes no more room than it needs.
    pub(super) fn write_to(mut self, visit: &mut Visit) {
        self.candidates.shrink_to_fit();
        self.links.shrink_to_fit();
        visit.candidates = self.candidates;
        visit.links = self.links;
        visit.target = self.target;
        visit.canonical = self.canonical;
        visit.discarded = self.discarded;
        visit.widens = self.widens;
    }
}

/// Where each URL stands, found by its keyed hash: a copy of the text would cost more than all else.
#[derive(Default)]
struct Index {
    known: HashMap<u64, usize>,
}

impl Index {
    /// The place of a URL that is known, or else notes that it will stand at `at`. `is_it`: whether it is the
    /// URL at a place.
    fn find_or_add(&mut self, url: &str, at: usize, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mut hash = self.known.hasher().hash_one(url);
        loop {
            match self.known.entry(hash) {
                Entry::Occupied(place) if is_it(*place.get()) => return Some(*place.get()),
                Entry::Occupied(_) => hash = hash.wrapping_add(1),
                Entry::Vacant(place) => {
                    place.insert(at);
                    return None;
                }
            }
        }
    }
}

/// The links of a page and of its `Link` headers as a visit would store them, of one kind to one target the first; what is no
/// crawlable URL is left out.
pub fn outlinks<'a>(
    own: &CrawlUrl,
    page: &'a Page,
    header_links: &'a [RawLink],
    rules: &UrlRules,
) -> Vec<(CrawlUrl, &'a RawLink)> {
    let url = own.to_url();
    let base = url.as_ref().zip(page.base.as_deref()).and_then(|(own, href)| base_of(own, href));
    let document = Document::new(base.as_ref().or(url.as_ref()), page.charset.as_deref(), rules);
    let headers = Document::new(url.as_ref(), None, rules);
    let of = |document: &Document<'_>, link: &'a RawLink| Some((document.canonicalize(&link.href).ok()?.0, link));
    let page_links = page.links.iter().filter_map(|link| of(&document, link));
    let all = page_links.chain(header_links.iter().filter_map(|link| of(&headers, link)));
    let mut seen = std::collections::HashSet::new();
    all.filter(|(url, link)| seen.insert((url.as_str().to_owned(), link.kind))).collect()
}

/// What the references of a page are resolved against; `None` when `href` is no URL, or one that
/// names nothing to resolve against (HTML, "set the frozen base URL").
fn base_of(own: &Url, href: &str) -> Option<Url> {
    own.join(href).ok().filter(|base| !matches!(base.scheme(), "data" | "javascript"))
}

fn rule_of(why: NotCrawlable) -> Rule {
    match why {
        NotCrawlable::Scheme => Rule::SCHEME,
        NotCrawlable::TooLong => Rule::TOO_LONG,
        NotCrawlable::Host | NotCrawlable::Syntax => Rule::SYNTAX,
    }
}
