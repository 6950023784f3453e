//! [`Field`]: what of a page stands in JSON lines and CSV, by the names of the schema.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::parse;
use crate::store::sqlite::read::{Parts, StoredFetch};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
    /// JSON text.
    Json(&'a str),
}

type Read = for<'a> fn(&'a StoredFetch) -> Cell<'a>;

/// One field. Two are the same when they have the same name.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    read: Read,
    /// Whether it is written unless `--fields` says otherwise.
    is_default: bool,
    parts: Parts,
}

impl PartialEq for Field {
    fn eq(&self, other: &Field) -> bool {
        self.name == other.name
    }
}

const NONE: Parts = Parts { text: false, body: false };
const TEXT: Parts = Parts { text: true, body: false };
const BODY: Parts = Parts { text: false, body: true };

const fn field(name: &'static str, read: Read, is_default: bool) -> Field {
    Field { name, read, is_default, parts: NONE }
}

const FIELDS: [Field; 32] = [
    field("url", |p| text(&p.url), true),
    field("status", |p| integer(p.status), true),
    field("title", |p| maybe(&p.title), true),
    field("description", |p| maybe(&p.description), true),
    field("lang", |p| maybe(&p.lang), true),
    field("mime", |p| maybe(&p.mime), true),
    field("charset", |p| maybe(&p.charset), false),
    field("size_bytes", |p| integer(p.size_bytes), true),
    field("words", |p| integer(p.words), true),
    field("depth", |p| Cell::Integer(p.depth), true),
    field("canonical", |p| maybe(&p.canonical), true),
    field("noindex", |p| Cell::Integer(p.noindex), true),
    field("nofollow", |p| Cell::Integer(p.nofollow), false),
    field("fetched_at", |p| text(&p.fetched_at), true),
    field("elapsed_ms", |p| Cell::Integer(p.elapsed_ms), false),
    field("stale", |p| Cell::Integer(p.stale), true),
    field("last_outcome", |p| maybe(&p.last_outcome), true),
    field("last_modified", |p| maybe(&p.last_modified), false),
    field("address", |p| maybe(&p.address), false),
    field("host", |p| text(&p.host), false),
    field("via", |p| maybe(&p.via), false),
    field("hash", |p| maybe(&p.hash), true),
    field("simhash", |p| integer(p.simhash), false),
    field("soft_404", |p| integer(p.soft_404), false),
    field("headings", |p| json(&p.headings), false),
    field("open_graph", |p| json(&p.open_graph), false),
    field("json_ld", |p| json(&p.json_ld), false),
    field("headers", |p| json(&p.headers), false),
    field("fetch_id", |p| Cell::Integer(p.fetch_id), true),
    Field { name: "text", read: |p| maybe(&p.text), is_default: false, parts: TEXT },
    Field { name: "body", read: body, is_default: false, parts: BODY },
    Field { name: "body_base64", read: body_base64, is_default: false, parts: BODY },
];

/// The names of all fields.
pub fn field_names() -> Vec<&'static str> {
    FIELDS.iter().map(|field| field.name).collect()
}

impl Field {
    /// The field of that name.
    pub fn named(name: &str) -> Option<Field> {
        FIELDS.iter().find(|field| field.name == name).copied()
    }

    /// Those that are written unless others are named.
    pub fn defaults() -> Vec<Field> {
        FIELDS.iter().filter(|field| field.is_default).copied().collect()
    }

    pub(crate) fn of<'a>(&self, row: &'a StoredFetch) -> Cell<'a> {
        (self.read)(row)
    }

    pub(crate) fn parts(&self) -> Parts {
        self.parts
    }
}

fn text(text: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(text))
}

fn maybe(value: &Option<String>) -> Cell<'_> {
    value.as_deref().map_or(Cell::Null, text)
}

fn json(value: &Option<String>) -> Cell<'_> {
    value.as_deref().map_or(Cell::Null, Cell::Json)
}

fn integer(value: Option<i64>) -> Cell<'static> {
    value.map_or(Cell::Null, Cell::Integer)
}

/// The body as text; null when it is none.
fn body(page: &StoredFetch) -> Cell<'_> {
    let decoded = page.body.as_deref().and_then(|body| parse::decoded(body, page.charset.as_deref()?));
    decoded.map_or(Cell::Null, Cell::Text)
}

fn body_base64(page: &StoredFetch) -> Cell<'_> {
    page.body.as_ref().map_or(Cell::Null, |body| Cell::Text(Cow::Owned(STANDARD.encode(body))))
}
