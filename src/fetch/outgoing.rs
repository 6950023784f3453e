//! [`Outgoing`]: what requests carry beside the headers of every crawl, and who may see it:
//! harmless headers everyone, credentials the origins they were confided to, cookies the sites
//! that set them, `Referer` an origin and no more.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, REFERER, SET_COOKIE};
use reqwest::{RequestBuilder, Response};

use super::CookieJar;
use super::head;
use crate::model::{CrawlSettings, CrawlUrl, CustomHeader, FetchRequest, Origin, Scheme, UnixMs};

/// What the settings add to requests. Secrets are in it.
pub(super) struct Outgoing {
    everyone: HeaderMap,
    confided: HeaderMap,
    basic_auth: Option<(String, String)>,
    confidants: RwLock<HashSet<Origin>>,
    cookies: Option<Arc<CookieJar>>,
    referrer: bool,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("cookies", &self.cookies).finish_non_exhaustive()
    }
}

impl Outgoing {
    /// Headers whose value is not known any more, or that are none, are left out: both are refused
    /// where settings are read.
    pub(super) fn of(settings: &CrawlSettings) -> Self {
        let (mut everyone, mut confided) = (HeaderMap::new(), HeaderMap::new());
        for header in &settings.headers {
            let value = header.value().and_then(|value| HeaderValue::from_str(value).ok());
            let name = HeaderName::from_bytes(header.name().as_bytes()).ok();
            match (header, name, value) {
                (CustomHeader::Harmless { .. }, Some(name), Some(value)) => everyone.insert(name, value),
                (CustomHeader::Credential { .. }, Some(name), Some(mut value)) => {
                    value.set_sensitive(true);
                    confided.insert(name, value)
                }
                _ => None,
            };
        }
        let basic_auth = settings.basic_auth.as_ref().and_then(|secret| secret.reveal()?.split_once(':'));
        Outgoing {
            everyone,
            confided,
            basic_auth: basic_auth.map(|(user, password)| (user.to_owned(), password.to_owned())),
            confidants: RwLock::default(),
            cookies: settings.cookies.then(Arc::default),
            referrer: settings.referrer,
        }
    }

    pub(super) fn confide(&self, origin: Origin) {
        self.confidants.write().unwrap_or_else(PoisonError::into_inner).insert(origin);
    }

    pub(super) fn cookies(&self) -> Option<&Arc<CookieJar>> {
        self.cookies.as_ref()
    }

    /// Replaces the jar, unless no cookies are wanted.
    pub(super) fn set_cookies(&mut self, jar: Arc<CookieJar>) {
        if self.cookies.is_some() {
            self.cookies = Some(jar);
        }
    }

    /// Puts on the request what its receiver may see.
    pub(super) fn put_on(&self, get: RequestBuilder, request: &FetchRequest, now: UnixMs) -> RequestBuilder {
        let url = &request.url;
        let mut headers = self.everyone.clone();
        headers.extend(head::conditional(request.validators.as_ref()));
        let confided = self.confidants.read().unwrap_or_else(PoisonError::into_inner).contains(&url.origin());
        if confided {
            headers.extend(self.confided.clone());
        }
        if let Some(from) = request.referrer.as_ref().filter(|_| self.referrer)
            && let Some(referer) = referer(from, url)
        {
            headers.insert(REFERER, referer);
        }
        if let Some(cookies) = self.cookie_header(url, headers.get(COOKIE), now) {
            headers.insert(COOKIE, cookies);
        }
        match self.basic_auth.as_ref().filter(|_| confided) {
            Some((user, password)) => get.basic_auth(user, Some(password)).headers(headers),
            None => get.headers(headers),
        }
    }

    /// Takes in what the response asks to be told again.
    pub(super) fn learn(&self, url: &CrawlUrl, response: &Response, now: UnixMs) {
        if let Some(jar) = &self.cookies {
            let lines = response.headers().get_all(SET_COOKIE).into_iter().map(HeaderValue::as_bytes);
            jar.take_in(url, lines, now);
        }
    }

    /// The jar's cookies after those that the operator wrote; a name of theirs is not sent twice.
    fn cookie_header(&self, url: &CrawlUrl, written: Option<&HeaderValue>, now: UnixMs) -> Option<HeaderValue> {
        let written = written.map(HeaderValue::as_bytes).unwrap_or_default();
        let names: Vec<&[u8]> = written.split(|&byte| byte == b';').map(cookie_name).collect();
        let kept = self.cookies.as_ref()?.header(url, &names, now)?;
        if written.is_empty() {
            return Some(kept);
        }
        let mut both = HeaderValue::from_bytes(&[written, b"; ", kept.as_bytes()].concat()).ok()?;
        both.set_sensitive(true);
        Some(both)
    }
}

/// `strict-origin` (Referrer Policy 8.1): the origin alone, and nothing to whom could be listened to
/// when it was learned where nobody listens.
fn referer(from: &Origin, to: &CrawlUrl) -> Option<HeaderValue> {
    let downgrade = from.scheme == Scheme::Https && to.scheme() == Scheme::Http;
    (!downgrade).then(|| HeaderValue::from_str(&format!("{from}/")).ok())?
}

fn cookie_name(pair: &[u8]) -> &[u8] {
    pair.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii()
}
