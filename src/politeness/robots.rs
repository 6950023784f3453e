//! robots.txt (RFC 9309).

/// A parsed robots.txt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RobotsFile {}

impl RobotsFile {
    /// Parses; never fails.
    pub fn parse(_text: &str) -> Self {
        todo!()
    }

    /// The merged rules of the groups that name `product_token`, else of `*`.
    pub fn rules_for(&self, _product_token: &str) -> RobotsRules {
        todo!()
    }

    /// `Sitemap` lines, in order.
    pub fn sitemaps(&self) -> &[String] {
        todo!()
    }
}

/// The rules for one crawler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RobotsRules {}

/// What the rules say of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotsCheck {
    /// Whether it may be fetched.
    pub allowed: bool,
    /// The deciding line: its number from 1 and its text. `None`: no rule matches.
    pub line: Option<(u32, String)>,
}

impl RobotsRules {
    /// Judges a path with its query. `/robots.txt` is always allowed.
    pub fn check(&self, _path_and_query: &str) -> RobotsCheck {
        todo!()
    }

    /// `Crawl-delay` in ms, bounded.
    pub fn crawl_delay_ms(&self) -> Option<u64> {
        todo!()
    }
}
