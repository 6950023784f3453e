//! [`UrlRules`]: the rules of canonicalisation that can be switched, compiled from the settings. Each
//! works on the text of a path or a query.

use std::borrow::Cow;

use super::canonical::normal_escapes;
use super::session_id::{has_cold_fusion_pair, is_cookieless_segment, is_of_cold_fusion_pair, is_session_id};
use crate::model::{CrawlSettings, UrlRule};

/// Which rules are applied to every reference that is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlRules {
    escapes: bool,
    pub(super) empty_query: bool,
    session_ids: bool,
    sort_query: bool,
    drop_params: Vec<DropParam>,
}

/// The name of a parameter that is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DropParam {
    name: String,
    /// Any rest may follow.
    is_stem: bool,
}

/// What was taken out of a reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// A session id.
    pub session_id: bool,
    /// A parameter of `--drop-param`.
    pub parameter: bool,
}

impl Default for UrlRules {
    /// The rules of the default settings.
    fn default() -> Self {
        UrlRules::new(&CrawlSettings::default())
    }
}

impl UrlRules {
    /// The rules that the settings switch on.
    pub fn new(settings: &CrawlSettings) -> Self {
        let on = |rule: UrlRule| settings.url_rules.contains(&rule);
        let escapes = on(UrlRule::Escapes);
        let drop_params = settings.drop_params.iter().map(|given| DropParam::new(given, escapes)).collect();
        UrlRules {
            escapes,
            empty_query: on(UrlRule::EmptyQuery),
            session_ids: on(UrlRule::SessionIds),
            sort_query: on(UrlRule::SortQuery),
            drop_params,
        }
    }

    /// None of them: a URL stays as the standard's parser writes it, but for what is never sent.
    pub fn none() -> Self {
        UrlRules { escapes: false, empty_query: false, session_ids: false, sort_query: false, drop_params: Vec::new() }
    }

    /// The path with normal escapes and without session ids.
    pub(super) fn path<'a>(&self, path: &'a str, removed: &mut Removed) -> Cow<'a, str> {
        match self.escapes_of(path) {
            Cow::Borrowed(path) => self.path_without_sessions(path, removed),
            Cow::Owned(path) => Cow::Owned(self.path_without_sessions(&path, removed).into_owned()),
        }
    }

    /// Escapes come first, so that names can be compared.
    fn escapes_of<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.escapes { normal_escapes(text) } else { Cow::Borrowed(text) }
    }

    fn path_without_sessions<'a>(&self, path: &'a str, removed: &mut Removed) -> Cow<'a, str> {
        if !self.session_ids || !path.bytes().any(|b| matches!(b, b';' | b'(')) {
            return Cow::Borrowed(path);
        }
        let mut segments: Vec<Cow<'_, str>> = Vec::new();
        let mut found = false;
        for segment in path.split('/').skip(1) {
            if is_cookieless_segment(segment) {
                found = true;
                continue;
            }
            let kept = without_session_parameters(segment);
            found |= kept.len() < segment.len();
            segments.push(kept);
        }
        removed.session_id |= found;
        if found { Cow::Owned(format!("/{}", segments.join("/"))) } else { Cow::Borrowed(path) }
    }

    /// The query with normal escapes, without session ids and dropped parameters, in the order that
    /// the rules ask for; `None` when nothing of it is left.
    pub(super) fn query<'a>(&self, query: &'a str, removed: &mut Removed) -> Option<Cow<'a, str>> {
        match self.escapes_of(query) {
            Cow::Borrowed(query) => self.kept_parameters(query, removed),
            Cow::Owned(query) => self.kept_parameters(&query, removed).map(|kept| Cow::Owned(kept.into_owned())),
        }
    }

    fn kept_parameters<'a>(&self, query: &'a str, removed: &mut Removed) -> Option<Cow<'a, str>> {
        let parameters = || query.split('&');
        let pair = self.session_ids && has_cold_fusion_pair(parameters());
        let is_session = |p: &str| self.session_ids && (is_session_id(p) || (pair && is_of_cold_fusion_pair(p)));
        let stays = |p: &str| !is_session(p) && !self.drops(p);
        if !self.sort_query && parameters().all(stays) {
            return Some(Cow::Borrowed(query));
        }
        let mut kept: Vec<&str> = Vec::new();
        let mut found = false;
        for parameter in parameters() {
            let session = is_session(parameter);
            let dropped = !session && self.drops(parameter);
            removed.session_id |= session;
            removed.parameter |= dropped;
            found |= session || dropped;
            if !session && !dropped {
                kept.push(parameter);
            }
        }
        // What stands between two `&` can be nothing, so one empty parameter is no query either.
        if found && kept.iter().all(|parameter| parameter.is_empty()) {
            return None;
        }
        if self.sort_query && !kept.is_sorted_by(|a, b| name_of(a) <= name_of(b)) {
            // Stable: of several values under one name the first stays the first.
            kept.sort_by(|a, b| name_of(a).cmp(name_of(b)));
            found = true;
        }
        Some(if found { Cow::Owned(kept.join("&")) } else { Cow::Borrowed(query) })
    }

    fn drops(&self, parameter: &str) -> bool {
        let name = name_of(parameter);
        self.drop_params.iter().any(|drop| drop.names(name))
    }
}

impl DropParam {
    fn new(given: &str, escapes: bool) -> Self {
        let stem = given.strip_suffix('*');
        let name = stem.unwrap_or(given);
        // Names are compared as the URL has them when its escapes were normalised.
        let name = if escapes { normal_escapes(name).into_owned() } else { name.to_owned() };
        DropParam { name, is_stem: stem.is_some() }
    }

    fn names(&self, name: &str) -> bool {
        if name.is_empty() {
            return false;
        }
        if self.is_stem { name.starts_with(&self.name) } else { name == self.name }
    }
}

fn name_of(parameter: &str) -> &str {
    parameter.split('=').next().unwrap_or_default()
}

/// The segment without parameters (RFC 3986 3.3) that are session ids. One that would be a dot
/// segment without them stays: it would lead somewhere else.
fn without_session_parameters(segment: &str) -> Cow<'_, str> {
    if !segment.split(';').skip(1).any(is_session_id) {
        return Cow::Borrowed(segment);
    }
    let mut parts = segment.split(';');
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for parameter in parts.filter(|parameter| !is_session_id(parameter)) {
        kept.push(';');
        kept.push_str(parameter);
    }
    if is_dot_segment(&kept) { Cow::Borrowed(segment) } else { Cow::Owned(kept) }
}

/// One or two dots, escaped or not (WHATWG URL, "single-dot" and "double-dot URL path segment").
fn is_dot_segment(segment: &str) -> bool {
    let dots = segment.to_ascii_lowercase().replace("%2e", ".");
    dots == "." || dots == ".."
}
