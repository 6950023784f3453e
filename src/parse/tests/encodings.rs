//! Every label of the Encoding standard in every place that may name an encoding, and what happens when they
//! disagree.

use super::parsed;
use crate::parse::ParseLimits;
use crate::parse::charset::encoding_of;
use crate::parse::mime::BodyKind;

/// An encoding as `labels.txt` has it.
struct Known {
    name: &'static str,
    title: &'static str,
    bytes: Vec<u8>,
    labels: Vec<&'static str>,
}

/// The encodings; `labels.txt` says where they come from.
fn known() -> Vec<Known> {
    let lines = include_str!("labels.txt").lines().filter(|line| !line.starts_with('#'));
    let known: Vec<Known> = lines
        .map(|line| {
            let mut cells = line.split('\t');
            let mut next = || cells.next().expect("four cells");
            let (name, title, hex) = (next(), next(), next());
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
            let bytes = (0..hex.len()).step_by(2).map(byte).collect();
            Known { name, title, bytes, labels: next().split(' ').collect() }
        })
        .collect();
    assert_eq!((known.len(), known.iter().map(|known| known.labels.len()).sum::<usize>()), (40, 228));
    known
}

impl Known {
    fn is_wide(&self) -> bool {
        self.name.starts_with("UTF-16")
    }

    /// A page in this encoding: what stands before the title is ASCII.
    fn page(&self, before: &str) -> Vec<u8> {
        let (before, after) = (format!("<!doctype html>{before}<title>"), "</title><p>x");
        if !self.is_wide() {
            return [before.as_bytes(), &self.bytes, after.as_bytes()].concat();
        }
        let widen = |text: &str| {
            let unit = if self.name == "UTF-16BE" { u16::to_be_bytes } else { u16::to_le_bytes };
            text.encode_utf16().flat_map(unit).collect::<Vec<u8>>()
        };
        [&*widen(&before), &self.bytes, &*widen(after)].concat()
    }
}

#[track_caller]
fn check(body: &[u8], header: Option<&str>, expected: &Known) {
    let content_type = header.map_or("text/html".to_owned(), |label| format!("text/html; charset={label}"));
    let page = parsed(body, Some(&content_type), &ParseLimits::default());
    let found = (page.charset.as_deref(), page.title.as_deref());
    let (charset, title) = (expected.name.to_ascii_lowercase(), Some(expected.title));
    // Nothing is left of a page in an encoding that the standard gave up.
    let title = title.filter(|_| expected.name != "replacement");
    assert_eq!(found, (Some(&*charset), title), "{content_type} {:?}", String::from_utf8_lossy(body));
}

fn named<'a>(known: &'a [Known], name: &str) -> &'a Known {
    known.iter().find(|known| known.name == name).expect("a name of the standard")
}

#[test]
fn every_label_in_the_header() {
    for encoding in known() {
        for label in &encoding.labels {
            for label in [(*label).to_owned(), label.to_ascii_uppercase(), format!("\" {label} \"")] {
                check(&encoding.page(""), Some(&label), &encoding);
            }
        }
    }
}

#[test]
fn every_label_in_a_meta_element_and_an_xml_declaration() {
    let known = known();
    let western = Known { title: "aä€", bytes: b"a\xe4\x80".to_vec(), ..named_copy(&known, "windows-1252") };
    for encoding in &known {
        // Read as ASCII, it cannot be UTF-16; and nobody means x-user-defined.
        let meant = match encoding.name {
            "UTF-16BE" | "UTF-16LE" => named(&known, "UTF-8"),
            "x-user-defined" => &western,
            _ => encoding,
        };
        for label in &encoding.labels {
            for meta in [
                format!("<meta charset={label}>"),
                format!("<META CHARSET=' {} '/>", label.to_ascii_uppercase()),
                format!("<meta http-equiv=Content-Type content='text/html; charset={label}'>"),
                format!("<!-- <meta charset=gbk> --><meta content=\"charset = '{label}'\" http-equiv='content-type'>"),
            ] {
                check(&meant.page(&meta), None, meant);
            }
            let declared = format!("<?xml version='1.0' encoding='{label}'?>");
            check(&[declared.as_bytes(), &meant.page("")].concat(), None, meant);
        }
    }
}

fn named_copy(known: &[Known], name: &str) -> Known {
    let Known { name, title, bytes, labels } = named(known, name);
    Known { name, title, bytes: bytes.clone(), labels: labels.clone() }
}

#[test]
fn a_byte_order_mark_outweighs_every_label() {
    let known = known();
    for (name, mark) in [("UTF-8", &b"\xef\xbb\xbf"[..]), ("UTF-16LE", b"\xff\xfe"), ("UTF-16BE", b"\xfe\xff")] {
        let marked = named(&known, name);
        for other in &known {
            let label = other.labels[0];
            let body = [mark, &marked.page(&format!("<meta charset={label}>"))].concat();
            check(&body, Some(label), marked);
            check(&body, None, marked);
        }
    }
}

#[test]
fn of_two_declarations_the_first_in_the_documented_order_counts() {
    let known = known();
    let declarable = || known.iter().filter(|known| !known.is_wide() && known.name != "x-user-defined");
    for first in declarable() {
        for (nth, second) in declarable().enumerate() {
            let (one, two) = (first.labels[0], second.labels[0]);
            let meta = |label: &str| format!("<meta charset={label}>");
            let pragma = |label: &str| format!("<meta http-equiv=content-type content='text/html;charset={label}'>");
            let declared = format!("<?xml version='1.0' encoding='{two}'?>");
            for (header, body) in [
                (Some(one), first.page(&meta(two))),
                (None, first.page(&(meta(one) + &meta(two)))),
                (None, first.page(&(pragma(one) + &meta(two)))),
                (None, first.page(&(meta(one) + &pragma(two)))),
                (None, [declared.as_bytes(), &*first.page(&meta(one))].concat()),
            ] {
                let found = encoding_of(BodyKind::Html, header, &body, "example.com");
                assert_eq!(found.name(), first.name, "{one} before {two}: {:?}", String::from_utf8_lossy(&body));
                // A whole parse of each would take minutes.
                if nth % 12 == 0 {
                    check(&body, header, first);
                }
            }
        }
    }
}

#[test]
fn labels_that_name_nothing_are_passed_over() {
    let known = known();
    for encoding in known.iter().filter(|known| !known.is_wide() && known.name != "x-user-defined") {
        let label = encoding.labels[0];
        for unknown in ["no-such-charset", "none", "utf8mb4", "iso", "\"\""] {
            check(&encoding.page(&format!("<meta charset={label}>")), Some(unknown), encoding);
            check(&encoding.page(&format!("<meta charset={unknown}><meta charset={label}>")), None, encoding);
        }
        let far = format!("{}<meta charset={label}>", " ".repeat(1024));
        check(&named(&known, "UTF-8").page(&far), None, named(&known, "UTF-8"));
    }
}
