//! What a crawl sends in its operator's name: [`CustomHeader`], [`Proxy`] and the [`Secret`]s in
//! them. A secret is neither stored nor shown: where it was given, only that is known after a
//! resume.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that nobody may read but whom it is sent to. Stored and shown as the fact that it was
/// given.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Option<String>);

impl Secret {
    /// A secret as it was given.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Some(text.into()))
    }

    /// The text; `None` when it was given to an earlier session and is not known any more.
    pub fn reveal(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("given, not stored")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Secret(None))
    }
}

/// Headers that say nothing of who asks: they are sent to everyone, and stored. Every other custom
/// header is taken for a credential.
pub const HARMLESS_HEADERS: [&str; 12] = [
    "accept",
    "accept-language",
    "cache-control",
    "dnt",
    "from",
    "pragma",
    "priority",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-gpc",
    "upgrade-insecure-requests",
];

/// A header that the operator adds to requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomHeader {
    /// One of [`HARMLESS_HEADERS`].
    Harmless {
        /// Lower-case name.
        name: String,
        /// The value.
        value: String,
    },
    /// Any other: sent to the origins of the seeds alone.
    Credential {
        /// Lower-case name.
        name: String,
        /// The value.
        value: Secret,
    },
}

impl CustomHeader {
    /// A header by its name.
    pub fn new(name: &str, value: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if HARMLESS_HEADERS.contains(&name.as_str()) {
            return CustomHeader::Harmless { name, value: value.to_owned() };
        }
        CustomHeader::Credential { name, value: Secret::new(value) }
    }

    /// The lower-case name.
    pub fn name(&self) -> &str {
        match self {
            CustomHeader::Harmless { name, .. } | CustomHeader::Credential { name, .. } => name,
        }
    }

    /// The value, when it is known.
    pub fn value(&self) -> Option<&str> {
        match self {
            CustomHeader::Harmless { value, .. } => Some(value),
            CustomHeader::Credential { value, .. } => value.reveal(),
        }
    }
}

/// How a header is stored: without `value` when that is a secret.
#[derive(Serialize, Deserialize)]
struct StoredHeader {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl Serialize for CustomHeader {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match self {
            CustomHeader::Harmless { value, .. } => Some(value.clone()),
            CustomHeader::Credential { .. } => None,
        };
        StoredHeader { name: self.name().to_owned(), value }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CustomHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredHeader { name, value } = StoredHeader::deserialize(deserializer)?;
        Ok(match value {
            Some(value) => CustomHeader::new(&name, &value),
            None => CustomHeader::Credential { name, value: Secret(None) },
        })
    }
}

/// Who connects in place of this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// `http://`, `https://`, `socks5://` or `socks5h://` with host and port, without credentials.
    pub url: String,
    /// `USER:PASSWORD`, percent-decoded.
    pub credentials: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_headers_are_the_real_ones() {
        let page = include_str!("../../docs/fetching.md");
        let page = page.split("## Credentials").nth(1).and_then(|rest| rest.split("## Cookies").next()).unwrap();
        for name in HARMLESS_HEADERS {
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/fetching.md");
        }
    }

    #[test]
    fn a_secret_is_neither_stored_nor_shown() {
        let given = (
            CustomHeader::new("X-Api-Key", "s3cret"),
            CustomHeader::new("Accept-Language", "de"),
            Proxy { url: "http://proxy:3128".to_owned(), credentials: Some(Secret::new("me:s3cret")) },
        );
        let stored = serde_json::to_string(&given).unwrap();
        assert!(!stored.contains("s3cret") && !format!("{given:?}").contains("s3cret"), "{stored} {given:?}");
        let read: (CustomHeader, CustomHeader, Proxy) = serde_json::from_str(&stored).unwrap();
        assert_eq!((read.0.name(), read.0.value()), ("x-api-key", None));
        assert_eq!((read.1.name(), read.1.value()), ("accept-language", Some("de")));
        assert_eq!(read.2.url, "http://proxy:3128");
        assert_eq!(read.2.credentials.unwrap().reveal(), None, "that there was one is known, what it was is not");
    }
}
