//! [`canonicalize`]: from a reference as the web wrote it to the one spelling under which the
//! crawl knows a URL. [`UrlRules`] are those of its rules that have a switch; the rules and their reasons are the table in `docs/urls.md`.

mod plain;

use std::borrow::Cow;

use encoding_rs::{EncoderResult, Encoding};
use url::{ParseError, Position, Url};

use self::plain::PlainBase;
use super::url_rules::{Removed, UrlRules};
use crate::model::escape::{escaped_octet, is_unreserved};
use crate::model::{CrawlUrl, NotCrawlable};

/// References longer than this, fragment aside, are not even parsed. Tabs, line breaks and dot
/// segments can make a reference shrink, but nobody writes 64 KiB of them in earnest.
const MAX_REFERENCE_BYTES: usize = 64 * 1024;

/// A URL that is longer before the rules are applied, scheme and credentials aside, is too long whatever
/// they do: decoded escapes leave a third of it, so this has room for a whole URL of escapes and as much
/// again of parameters that are dropped. A document can name its base 20,000 times with a byte each, so the
/// rules would read the base as often.
const MAX_PARSED_BYTES: usize = 4 * CrawlUrl::MAX_BYTES;

/// Turns a reference into a canonical URL.
///
/// `base` is what relative references are resolved against; `charset` is the label of the
/// document's encoding, in which its queries are encoded as browsers do (WHATWG URL, "query
/// state"). `None` and unknown labels mean UTF-8.
///
/// The result is a fixed point: canonicalising it again by the same rules, with any base and
/// charset, gives the same.
///
/// # Errors
/// [`NotCrawlable`] when it is none.
pub fn canonicalize(
    raw: &str,
    base: Option<&Url>,
    charset: Option<&str>,
    rules: &UrlRules,
) -> Result<CrawlUrl, NotCrawlable> {
    Document { base, encoding: query_encoding(charset), rules, plain: None }.canonicalize(raw).map(|(url, _)| url)
}

/// What the references of one document are read by: its base, its encoding and the rules of the crawl, as
/// [`canonicalize`] describes them.
#[derive(Debug)]
pub struct Document<'a> {
    base: Option<&'a Url>,
    encoding: Option<&'static Encoding>,
    rules: &'a UrlRules,
    plain: Option<PlainBase>,
}

impl<'a> Document<'a> {
    /// Of a document with this base and in this encoding.
    pub fn new(base: Option<&'a Url>, charset: Option<&str>, rules: &'a UrlRules) -> Self {
        Document { base, encoding: query_encoding(charset), rules, plain: base.and_then(PlainBase::new) }
    }

    /// [`canonicalize`], with what the rules took out.
    ///
    /// # Errors
    /// [`NotCrawlable`] when it is none.
    pub fn canonicalize(&self, raw: &str) -> Result<(CrawlUrl, Removed), NotCrawlable> {
        match self.plain.as_ref().and_then(|base| base.resolve(raw, self.rules)) {
            Some(url) => Ok((url, Removed::default())),
            None => canonicalize_closely(raw, self.base, self.encoding, self.rules),
        }
    }
}

fn canonicalize_closely(
    raw: &str,
    base: Option<&Url>,
    encoding: Option<&'static Encoding>,
    rules: &UrlRules,
) -> Result<(CrawlUrl, Removed), NotCrawlable> {
    // The first `#` starts the fragment in every state of the parser: what follows is never read. It
    // stays itself, for it keeps a space before it from being trimmed (WHATWG URL 4.4).
    let reference = raw.find('#').map_or(raw, |hash| &raw[..=hash]);
    if has_foreign_scheme(reference) {
        return Err(NotCrawlable::Scheme);
    }
    if reference.len() > MAX_REFERENCE_BYTES {
        return Err(NotCrawlable::TooLong);
    }
    let mut url = parse(reference, base, encoding)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NotCrawlable::Scheme);
    }
    if url[Position::BeforeHost..].len() > MAX_PARSED_BYTES {
        return Err(NotCrawlable::TooLong);
    }
    normalize_host(&mut url)?;
    drop_unsent_parts(&mut url);
    let (url, removed) = apply(rules, url)?;
    Ok((CrawlUrl::from_canonical(url)?, removed))
}

/// Whether the text starts with a scheme that is not crawled. It spares the parser the `data:`
/// URLs, which are long, and gives `javascript:` code that is no URL its proper reason.
fn has_foreign_scheme(reference: &str) -> bool {
    let text = reference.trim_start_matches(|c: char| c <= ' ');
    let Some(end) = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.')) else {
        return false;
    };
    let scheme = &text[..end];
    text[end..].starts_with(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && !scheme.eq_ignore_ascii_case("http")
        && !scheme.eq_ignore_ascii_case("https")
}

/// The encoding of a document's queries, unless it is UTF-8.
fn query_encoding(charset: Option<&str>) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label(charset?.as_bytes())?.output_encoding();
    (encoding != encoding_rs::UTF_8).then_some(encoding)
}

fn parse(reference: &str, base: Option<&Url>, encoding: Option<&'static Encoding>) -> Result<Url, NotCrawlable> {
    let options = Url::options().base_url(base);
    let parsed = match encoding {
        Some(encoding) => options.encoding_override(Some(&|text: &str| query_bytes(text, encoding))).parse(reference),
        None => options.parse(reference),
    };
    parsed.map_err(|error| match error {
        ParseError::EmptyHost => NotCrawlable::Host,
        _ => NotCrawlable::Syntax,
    })
}

/// Encodes a piece of a query. What the encoding lacks becomes `%26%23N%3B`, an escaped character
/// reference (WHATWG URL, "percent-encode after encoding"); the bare `&#N;` that the encoder would
/// write reads as another parameter.
fn query_bytes<'a>(text: &'a str, encoding: &'static Encoding) -> Cow<'a, [u8]> {
    let (bytes, _, lacking) = encoding.encode(text);
    if !lacking {
        return bytes;
    }
    let mut encoder = encoding.new_encoder();
    let mut out = Vec::with_capacity(2 * text.len() + 32);
    let mut rest = text;
    loop {
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut out, true);
        rest = &rest[read..];
        match result {
            EncoderResult::InputEmpty => return Cow::Owned(out),
            EncoderResult::OutputFull => out.reserve(2 * rest.len() + 32),
            EncoderResult::Unmappable(c) => out.extend_from_slice(format!("%26%23{}%3B", u32::from(c)).as_bytes()),
        }
    }
}

/// Strips the root dot of a DNS name. A name with an empty label cannot be resolved (RFC 1035
/// 3.1), so it names no host.
fn normalize_host(url: &mut Url) -> Result<(), NotCrawlable> {
    let Some(host) = url.host_str() else { return Err(NotCrawlable::Host) };
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.split('.').any(str::is_empty) {
        return Err(NotCrawlable::Host);
    }
    if name.len() < host.len() {
        let name = name.to_owned();
        url.set_host(Some(&name)).map_err(|_| NotCrawlable::Host)?;
    }
    Ok(())
}

/// Drops fragment and credentials, which are not part of the request's target.
fn drop_unsent_parts(url: &mut Url) {
    url.set_fragment(None);
    if !url.username().is_empty() || url.password().is_some() {
        // Both fail for URLs without a host only, and this one has one.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
}

/// Applies the rules to path and query.
fn apply(rules: &UrlRules, url: Url) -> Result<(Url, Removed), NotCrawlable> {
    let mut removed = Removed::default();
    let path = settled(url.path(), |path| Some(rules.path(path, &mut removed)));
    let query = url.query().and_then(|query| settled(query, |query| rules.query(query, &mut removed)));
    let query = query.filter(|query| !(query.is_empty() && rules.empty_query));
    let path = path.unwrap_or(Cow::Borrowed("/"));
    if path == url.path() && query.as_deref() == url.query() {
        return Ok((url, removed));
    }
    let mut text = String::with_capacity(url.as_str().len());
    text.push_str(&url[..Position::BeforePath]);
    text.push_str(&path);
    if let Some(query) = query {
        text.push('?');
        text.push_str(&query);
    }
    // The parser took `%2e` for the dot it is when it removed dot segments, so a decoded dot makes
    // no new ones; reading the text again makes sure that the parts agree with it.
    let url = Url::parse(&text).map_err(|_| NotCrawlable::Syntax)?;
    Ok((url, removed))
}

/// The text once `rule` finds nothing more in it; `None` when it takes all of it. A rule may take away
/// the broken escape that kept the others from being read, and so uncover more: twice at most.
fn settled<'a>(text: &'a str, mut rule: impl FnMut(&str) -> Option<Cow<'_, str>>) -> Option<Cow<'a, str>> {
    let mut text = Cow::Borrowed(text);
    loop {
        match rule(&text)? {
            same if same == text => return Some(text),
            shorter => text = Cow::Owned(shorter.into_owned()),
        }
    }
}

/// Escapes in upper case, those of unreserved characters decoded. Text with a `%` that starts no
/// escape is left alone: servers read `%u0041` or `%%34` in ways of their own, and what is
/// decoded next to them could become part of them.
pub(super) fn normal_escapes(text: &str) -> Cow<'_, str> {
    match needs_normalizing(text.as_bytes()) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(normalized(text)),
    }
}

/// Whether every `%` starts an escape, and one of them is not in its normal form.
fn needs_normalizing(text: &[u8]) -> bool {
    let mut found = false;
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|&b| b == b'%') {
        let digits = &text[at + next + 1..];
        let Some(octet) = escaped_octet(digits) else { return false };
        found |= is_unreserved(octet) || digits[..2].iter().any(u8::is_ascii_lowercase);
        at += next + 3;
    }
    found
}

/// `text` with its escapes, all well formed, in normal form.
fn normalized(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('%');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        match escaped_octet(piece.as_bytes()) {
            Some(octet) if is_unreserved(octet) => out.push(char::from(octet)),
            _ => {
                out.push('%');
                out.push_str(&piece[..2].to_ascii_uppercase());
            }
        }
        out.push_str(&piece[2..]);
    }
    out
}

#[cfg(test)]
mod tests;
