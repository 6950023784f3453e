//! JSON Feed (jsonfeed.org, versions 1 and 1.1).

use serde::Deserialize;

use super::Findings;
use crate::model::{LinkKind, ParseCut};
use crate::parse::flow::{Flow, Room};
use crate::parse::references::{MAX_ANCHOR_CHARS, References};
use crate::parse::walk::{MAX_DESCRIPTION_CHARS, MAX_TITLE_CHARS};

/// Largest feed that is read: its texts are held while it is.
const MAX_BYTES: usize = 8 << 20;
/// Where the version has to stand in a document of the general JSON type.
const HEAD_BYTES: usize = 1024;

/// Whether a JSON body is a feed: by its media type, or because its beginning names the version.
pub(crate) fn is_json_feed(essence: &str, body: &[u8]) -> bool {
    let head = &body[..body.len().min(HEAD_BYTES)];
    let versioned = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    // A slash may be escaped in JSON.
    essence == "application/feed+json" || versioned(b"jsonfeed.org/version") || versioned(b"jsonfeed.org\\/version")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JsonFeed {
    title: Option<String>,
    description: Option<String>,
    language: Option<String>,
    home_page_url: Option<String>,
    next_url: Option<String>,
    items: Vec<Item>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    title: Option<String>,
    url: Option<String>,
    external_url: Option<String>,
    attachments: Vec<Attachment>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attachment {
    url: Option<String>,
}

/// What a JSON feed says; nothing when it is no JSON, or has another shape.
pub(crate) fn json_feed(text: &str, max_links: usize) -> Findings {
    if text.len() > MAX_BYTES {
        return Findings { cut: Some(ParseCut::Size), ..Findings::default() };
    }
    let Ok(feed) = serde_json::from_str::<JsonFeed>(text) else { return Findings::default() };
    let mut links = References::new(max_links);
    let mut add = |kind, href: &Option<String>, title: &Option<String>| {
        let Some(href) = href.as_deref().filter(|href| !href.trim().is_empty()) else { return };
        if let Some(position) = links.add(kind, &href.replace('\0', ""), false) {
            links.set_anchor(position, folded(title.as_deref(), MAX_ANCHOR_CHARS));
        }
    };
    add(LinkKind::Feed, &feed.home_page_url, &None);
    add(LinkKind::Next, &feed.next_url, &None);
    for item in &feed.items {
        add(LinkKind::Feed, &item.url, &item.title);
        add(LinkKind::Link, &item.external_url, &item.title);
        for attachment in &item.attachments {
            add(LinkKind::Media, &attachment.url, &None);
        }
    }
    Findings {
        title: folded(feed.title.as_deref(), MAX_TITLE_CHARS),
        description: folded(feed.description.as_deref(), MAX_DESCRIPTION_CHARS),
        lang: feed.language,
        base: None,
        links_cut: links.dropped,
        cut: links.cut,
        links: links.finish(),
    }
}

fn folded(text: Option<&str>, max_chars: usize) -> Option<String> {
    Flow::fold(&text?.replace('\0', ""), Room::Chars(max_chars)).finish_some()
}
