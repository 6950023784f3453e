//! [`Page`]: what parsing one body gave. Plain data that can leave the parse thread.

/// How what a page says is taken from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parser {
    /// From the tree that a browser would build of it.
    #[default]
    Scraper,
    /// In one pass without a tree.
    Stream,
}

impl Parser {
    /// Version of the extraction, stored with each content: tells what an older one understood. Those of the
    /// stream begin at 1001.
    pub fn version(self) -> i64 {
        match self {
            Parser::Scraper => 1,
            Parser::Stream => 1001,
        }
    }
}

/// Where on a page a link stood; the value of `links.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// `a`, `area`, SVG `a`.
    A,
    /// `link rel=canonical`, or a `Link: …; rel=canonical` header.
    Canonical,
    /// `link rel=alternate` (feeds, languages).
    Alternate,
    /// `img`, `srcset`, `picture source`, `input type=image`, video posters, icons.
    Img,
    /// `iframe`, `frame`.
    Frame,
    /// `script src`.
    Script,
    /// `link rel=stylesheet`.
    Style,
    /// `audio`, `video`, `source`, `track`, `embed`, `object`.
    Media,
    /// `link rel=next`.
    Next,
    /// `link rel=prev`.
    Prev,
    /// A `form` with method GET.
    Form,
    /// `meta http-equiv=refresh`.
    Refresh,
    /// Another `link` element whose target is a document (`help`, `search`, `license`, `author` …).
    Link,
    /// An entry of a sitemap, or a sitemap that an index names.
    Sitemap,
    /// An entry of a feed (RSS, Atom).
    Feed,
}

impl LinkKind {
    /// All kinds.
    pub const ALL: [LinkKind; 15] = [
        Self::A,
        Self::Canonical,
        Self::Alternate,
        Self::Img,
        Self::Frame,
        Self::Script,
        Self::Style,
        Self::Media,
        Self::Next,
        Self::Prev,
        Self::Form,
        Self::Refresh,
        Self::Link,
        Self::Sitemap,
        Self::Feed,
    ];

    /// The stable name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::Canonical => "canonical",
            Self::Alternate => "alternate",
            Self::Img => "img",
            Self::Frame => "frame",
            Self::Script => "script",
            Self::Style => "style",
            Self::Media => "media",
            Self::Next => "next",
            Self::Prev => "prev",
            Self::Form => "form",
            Self::Refresh => "refresh",
            Self::Link => "link",
            Self::Sitemap => "sitemap",
            Self::Feed => "feed",
        }
    }

    /// The kinds that are followed unless the settings say otherwise: those that lead to documents. The
    /// others are recorded only.
    pub const FOLLOWED: [LinkKind; 10] = [
        Self::A,
        Self::Canonical,
        Self::Alternate,
        Self::Frame,
        Self::Next,
        Self::Prev,
        Self::Refresh,
        Self::Link,
        Self::Sitemap,
        Self::Feed,
    ];
}

/// What a sitemap says of one of its entries (sitemaps.org), as far as it was well formed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SitemapEntry {
    /// `lastmod` as written: a W3C date, at most 64 characters.
    pub lastmod: Option<String>,
    /// `priority`, 0.0 to 1.0.
    pub priority: Option<f64>,
    /// `changefreq`: `always`, `hourly` … `never`.
    pub changefreq: Option<String>,
    /// Whether the entry is a sitemap itself: it stands in an index.
    pub is_sitemap: bool,
}

/// A reference as the page wrote it: character references decoded, white space trimmed, not yet a
/// URL.
#[derive(Clone, Debug, PartialEq)]
pub struct RawLink {
    /// The reference, possibly relative to the page's base.
    pub href: String,
    /// Where it stood.
    pub kind: LinkKind,
    /// `rel` contains `nofollow`, `ugc` or `sponsored`.
    pub nofollow: bool,
    /// Order on the page, from 0.
    pub position: u32,
    /// Link text (or `alt`), white space folded, at most 256 characters.
    pub anchor: Option<String>,
    /// What the sitemap says of it, for [`LinkKind::Sitemap`]; boxed, for hardly a link has one.
    pub entry: Option<Box<SitemapEntry>>,
}

/// Which cap cut a parse short; the value of `contents.parse_cut`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseCut {
    /// Start tags nested deeper than the limit were dropped; what they hold was kept.
    Depth,
    /// More nodes than the limit: the rest of the page was not read.
    Nodes,
    /// More links than the limit: the rest were not recorded.
    Links,
    /// The deadline passed: the rest of the page was not read.
    Time,
    /// Text, title or attributes were longer than their limit.
    Size,
}

impl ParseCut {
    /// The stable name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Nodes => "nodes",
            Self::Links => "links",
            Self::Time => "time",
            Self::Size => "size",
        }
    }
}

/// One body, understood. Strings hold no NUL and no lone surrogate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Essence of the media type, lower case: `text/html`. As sniffed where the header is missing
    /// or known to lie.
    pub mime: String,
    /// WHATWG name of the encoding the text was decoded from, lower case; `None` for bodies that
    /// are not text.
    pub charset: Option<String>,
    /// Bytes of the body.
    pub size_bytes: u64,
    /// blake3-128 of (mime, charset, body): the identity of the content.
    pub hash: [u8; 16],
    /// 64-bit simhash of the plain text; `None` when there is too little text.
    pub simhash: Option<u64>,
    /// `title`, white space folded.
    pub title: Option<String>,
    /// `meta name=description`.
    pub description: Option<String>,
    /// The language: `html lang`, else detected from the text; a BCP 47 tag in lower case.
    pub lang: Option<String>,
    /// (level 1–6, text) in document order.
    pub headings: Vec<(u8, String)>,
    /// Plain text a reader sees, blocks on lines of their own.
    pub text: Option<String>,
    /// Words of the text.
    pub words: Option<u32>,
    /// `base href` of the document, as written (the first one).
    pub base: Option<String>,
    /// Every reference in document order. A canonical or refresh is one of them.
    pub links: Vec<RawLink>,
    /// Links beyond the cap, counted only.
    pub links_cut: u32,
    /// Content of the `meta name=robots` elements (and of those that name this crawler), joined by `, `.
    pub meta_robots: Option<String>,
    /// The page's JSON-LD blocks as one JSON array.
    pub json_ld: Option<String>,
    /// The page's Open Graph properties as one JSON object.
    pub open_graph: Option<String>,
    /// The page says that it was not found, whatever its status says.
    pub soft_404: bool,
    /// The body is longer than a page may be, and no sitemap, which may be longer: nothing of it was read.
    pub too_big: bool,
    /// The first cap that was reached.
    pub cut: Option<ParseCut>,
}
