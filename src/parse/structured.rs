//! Structured data of a page as JSON text: [`Blocks`] gathers JSON-LD scripts into one array,
//! [`Properties`] the `meta` properties of Open Graph and its kin into one object.

use serde_json::{Map, Value};

/// JSON-LD scripts of one page that are kept.
pub(crate) const MAX_BLOCKS: usize = 64;
/// Bytes of all of them.
pub(crate) const MAX_BLOCK_BYTES: usize = 512 * 1024;
/// Properties of one page that are kept.
pub(crate) const MAX_PROPERTIES: usize = 256;
/// Longest name of a property, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// Longest value of a property; longer ones are cut.
pub(crate) const MAX_VALUE_CHARS: usize = 4096;

/// Vocabularies of `meta property` (ogp.me), and Twitter's cards, which fall back on them and are
/// written beside them.
const VOCABULARIES: [&str; 11] =
    ["og", "article", "book", "profile", "music", "video", "product", "place", "business", "fb", "twitter"];

/// Whether a `script type` is JSON-LD.
pub(crate) fn is_json_ld(script_type: &str) -> bool {
    let essence = script_type.split(';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case("application/ld+json")
}

/// The JSON-LD of a page.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    blocks: Vec<Value>,
    bytes: usize,
    /// Text of the script that is open.
    open: Option<String>,
    /// Whether something did not fit.
    pub(crate) full: bool,
}

impl Blocks {
    /// A JSON-LD script begins.
    pub(crate) fn begin(&mut self) {
        self.open = Some(String::new());
    }

    /// Its text, or a part of it.
    pub(crate) fn push(&mut self, text: &str) {
        let Some(open) = &mut self.open else { return };
        if open.len() + text.len() <= MAX_BLOCK_BYTES {
            open.push_str(text);
        } else {
            self.full = true;
            self.open = None;
        }
    }

    /// It ends.
    pub(crate) fn end(&mut self) {
        let Some(text) = self.open.take() else { return };
        let text = bare(&text);
        if text.is_empty() {
            return;
        }
        if self.blocks.len() == MAX_BLOCKS || self.bytes + text.len() > MAX_BLOCK_BYTES {
            self.full = true;
            return;
        }
        self.bytes += text.len();
        self.blocks.push(block(text));
    }

    /// The array; `None` for a page without any.
    pub(crate) fn finish(self) -> Option<String> {
        (!self.blocks.is_empty()).then(|| Value::Array(self.blocks).to_string())
    }
}

/// The script without the comment or CDATA section that templates put around it.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let text = text.trim_start_matches("//").trim_start();
    for (open, close) in [("<!--", "-->"), ("<![CDATA[", "]]>")] {
        if let Some(inside) = text.strip_prefix(open) {
            let inside = inside.trim_end().trim_end_matches("//").trim_end();
            let inside = inside.strip_suffix(close).unwrap_or(inside);
            return inside.trim_end().trim_end_matches("//").trim();
        }
    }
    text
}

/// What is no JSON is kept as a string: it may be repaired later, and is told by its type.
fn block(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value) => without_nul(value),
        Err(_) => Value::String(text.replace('\0', "")),
    }
}

/// SQLite ends a text at a NUL, which JSON can spell. The parser has bounded the nesting.
fn without_nul(value: Value) -> Value {
    let clean = |text: String| if text.contains('\0') { text.replace('\0', "") } else { text };
    match value {
        Value::String(text) => Value::String(clean(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nul).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (clean(name), without_nul(value))).collect())
        }
        other => other,
    }
}

/// The properties of a page.
#[derive(Debug, Default)]
pub(crate) struct Properties {
    fields: Map<String, Value>,
    count: usize,
    /// Whether something did not fit.
    pub(crate) full: bool,
}

impl Properties {
    /// Adds the `content` of a `meta` with this `property` (or `name`, which many write instead). A second
    /// value makes the field an array.
    pub(crate) fn add(&mut self, name: &str, content: &str) {
        let name = name.trim();
        let Some((vocabulary, rest)) = name.split_once(':') else { return };
        if rest.is_empty() || !VOCABULARIES.iter().any(|known| vocabulary.eq_ignore_ascii_case(known)) {
            return;
        }
        if self.count == MAX_PROPERTIES || name.len() > MAX_NAME_BYTES {
            self.full = true;
            return;
        }
        self.count += 1;
        let content = content.trim();
        let kept = content.char_indices().nth(MAX_VALUE_CHARS).map_or(content.len(), |(at, _)| at);
        self.full |= kept < content.len();
        let value = Value::String(content[..kept].replace('\0', ""));
        match self.fields.entry(name.to_ascii_lowercase().replace('\0', "")) {
            serde_json::map::Entry::Vacant(place) => {
                place.insert(value);
            }
            serde_json::map::Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::Array(vec![first.take(), value]),
            },
        }
    }

    /// The object; `None` for a page without any.
    pub(crate) fn finish(self) -> Option<String> {
        (!self.fields.is_empty()).then(|| Value::Object(self.fields).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Blocks, MAX_BLOCK_BYTES, MAX_BLOCKS, Properties, is_json_ld};

    #[track_caller]
    fn check(scripts: &[&str], expected: Option<&str>) {
        let mut blocks = Blocks::default();
        for script in scripts {
            blocks.begin();
            script.split_inclusive(' ').for_each(|piece| blocks.push(piece));
            blocks.end();
        }
        assert!(!blocks.full);
        assert_eq!(blocks.finish().as_deref(), expected, "{scripts:?}");
    }

    #[test]
    fn json_ld_blocks() {
        check(&[], None);
        check(&["", " \n"], None);
        check(
            &["{\"@type\": \"A\", \"z\": 1, \"a\": [ ] }", " [1.5,null] "],
            Some("[{\"@type\":\"A\",\"z\":1,\"a\":[]},[1.5,null]]"),
        );
        check(
            &["<!-- {} -->", "//<![CDATA[\n{}\n//]]>", "<![CDATA[{}]]>", "<!--\n{}\n// -->", "<!-- {}"],
            Some("[{},{},{},{},{}]"),
        );
        check(&["{\"a\": }", "{} {}"], Some("[\"{\\\"a\\\": }\",\"{} {}\"]"));
        check(
            &["{\"a\\u0000b\": \"\\u0000c\"}", "{\"a\": \"\\ud800\"}"],
            Some("[{\"ab\":\"c\"},\"{\\\"a\\\": \\\"\\\\ud800\\\"}\"]"),
        );
        let deep = "[".repeat(10_000);
        check(&[&deep], Some(&format!("[\"{deep}\"]")));
    }

    #[test]
    fn json_ld_has_its_caps() {
        let mut many = Blocks::default();
        let mut long = Blocks::default();
        for _ in 0..MAX_BLOCKS + 1 {
            many.begin();
            many.push("1");
            many.end();
        }
        for _ in 0..3 {
            long.begin();
            long.push("2");
            long.push(&" ".repeat(MAX_BLOCK_BYTES / 2));
            long.push("2");
            long.end();
        }
        assert!(many.full && long.full);
        assert_eq!(many.finish().map(|json| json.matches('1').count()), Some(MAX_BLOCKS));
        assert_eq!(long.finish().map(|json| json.matches('2').count()), Some(2));
        let mut huge = Blocks::default();
        huge.begin();
        huge.push(&"3".repeat(MAX_BLOCK_BYTES + 1));
        huge.push("3");
        huge.end();
        assert_eq!((huge.full, huge.finish()), (true, None));
    }

    #[test]
    fn properties_keep_their_order_and_repeats() {
        let mut found = Properties::default();
        for (name, content) in [
            ("og:title", " T\0 "),
            ("OG:Image", "/a.png"),
            ("og:image:width", "1"),
            ("og:image", "/b.png"),
            ("article:tag", "x"),
            ("og:image", "/c.png"),
            ("twitter:card", "summary"),
            ("fb:app_id", "1"),
            ("description", "no"),
            ("og:", "no"),
            ("ogg:title", "no"),
            (":x", "no"),
        ] {
            found.add(name, content);
        }
        assert!(!found.full);
        let expected = "{\"og:title\":\"T\",\"og:image\":[\"/a.png\",\"/b.png\",\"/c.png\"],\"og:image:width\":\"1\",\
                        \"article:tag\":\"x\",\"twitter:card\":\"summary\",\"fb:app_id\":\"1\"}";
        assert_eq!(found.finish().as_deref(), Some(expected));
        assert_eq!(Properties::default().finish(), None);
    }

    #[test]
    fn properties_have_their_caps() {
        let long = "ä".repeat(5000);
        for (name, content, times, kept) in [
            ("og:x", "y", 300, 256),
            ("og:x", long.as_str(), 1, 4096),
            (&*format!("og:{}", "x".repeat(200)), "y", 1, 0),
        ] {
            let mut found = Properties::default();
            (0..times).for_each(|_| found.add(name, content));
            assert!(found.full);
            assert_eq!(found.finish().map_or(0, |json| json.matches(['y', 'ä']).count()), kept);
        }
    }

    #[test]
    fn script_types() {
        for (script_type, expected) in [
            ("application/ld+json", true),
            (" Application/LD+JSON; charset=utf-8", true),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_json_ld(script_type), expected, "{script_type}");
        }
    }
}
