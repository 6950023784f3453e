//! [`lines`] of a robots.txt that say something: [`Line`], with its [`Field`] and value.

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    UserAgent,
    Allow,
    Disallow,
    Sitemap,
    CrawlDelay,
}

/// A line with a known field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u32,
    /// Without comment and surrounding white space.
    pub(super) text: &'a str,
    pub(super) field: Field,
    /// Without surrounding white space.
    pub(super) value: &'a str,
}

/// Most bytes of a line that are read; the rest of it is ignored. As Google's parser has it: eight
/// times the longest URL, less the terminator.
const MAX_LINE_BYTES: usize = 2083 * 8 - 1;

/// How a field may begin, in any case; what follows up to the separator is ignored. The spellings
/// beyond the RFC are those that Google's parser takes, and the like of them for `Crawl-delay`.
const NAMES: [(&str, Field); 15] = [
    ("user-agent", Field::UserAgent),
    ("useragent", Field::UserAgent),
    ("user agent", Field::UserAgent),
    ("disallow", Field::Disallow),
    ("dissallow", Field::Disallow),
    ("dissalow", Field::Disallow),
    ("disalow", Field::Disallow),
    ("diasllow", Field::Disallow),
    ("disallaw", Field::Disallow),
    ("allow", Field::Allow),
    ("sitemap", Field::Sitemap),
    ("site-map", Field::Sitemap),
    ("crawl-delay", Field::CrawlDelay),
    ("crawldelay", Field::CrawlDelay),
    ("crawl delay", Field::CrawlDelay),
];

/// The lines that say something. CR, LF and CRLF end a line.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    raw_lines(without_mark(text)).zip(1..).filter_map(|(line, number)| read(line, number))
}

/// A byte order mark is skipped, and the U+FFFD that half a mark decodes to.
fn without_mark(text: &str) -> &str {
    text.strip_prefix(['\u{feff}', '\u{fffd}']).unwrap_or(text)
}

fn raw_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.bytes().position(|b| matches!(b, b'\n' | b'\r')) else {
            rest = None;
            return Some(text);
        };
        let next = end + if text[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[next..]);
        Some(&text[..end])
    })
}

fn read(line: &str, number: u32) -> Option<Line<'_>> {
    let line = &line[..line.floor_char_boundary(MAX_LINE_BYTES)];
    let text = line.split('#').next().unwrap_or_default().trim_ascii();
    let (name, value) = text.split_once(':').or_else(|| two_words(text))?;
    let field = field_named(name.trim_ascii())?;
    Some(Line { number, text, field, value: value.trim_ascii() })
}

/// A forgotten colon: white space separates when the line is exactly two words.
fn two_words(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once([' ', '\t'])?;
    let value = value.trim_ascii_start();
    (!value.contains([' ', '\t'])).then_some((name, value))
}

fn field_named(name: &str) -> Option<Field> {
    let begins =
        |with: &str| name.as_bytes().get(..with.len()).is_some_and(|b| b.eq_ignore_ascii_case(with.as_bytes()));
    NAMES.iter().find(|(with, _)| begins(with)).map(|(_, field)| *field)
}
