//! [`directives`]: what `meta robots` and `X-Robots-Tag` tell this crawler. There is no standard;
//! this follows Google's and Bing's descriptions, where of two that disagree the stricter holds.

/// Effective directives for this crawler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Not to be indexed.
    pub noindex: bool,
    /// Links not to be followed.
    pub nofollow: bool,
}

/// Directives that take a value after a colon, so that the colon makes no user agent of them.
const WITH_VALUE: [&str; 4] = ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];

impl Directives {
    /// Obeys a list of directives without user agents, separated by commas or white space. What follows a
    /// colon is the value of a directive (`max-image-preview: none`), up to the next comma.
    fn obey(&mut self, list: &str) {
        let plain = list.split([',', ';']).map(|part| part.split(':').next().unwrap_or_default());
        for word in plain.flat_map(str::split_whitespace) {
            let is = |name: &str| word.eq_ignore_ascii_case(name);
            self.noindex |= is("noindex") || is("none");
            self.nofollow |= is("nofollow") || is("none");
        }
    }

    /// Obeys one `X-Robots-Tag`. `name:` before a directive addresses it, and those after it, to
    /// one user agent.
    fn obey_header(&mut self, value: &str, agent: &str) {
        let mut for_us = true;
        for part in value.split(',') {
            let mut rest = part.trim();
            while let Some((name, after)) = rest.split_once(':') {
                let name = name.trim();
                if WITH_VALUE.iter().any(|directive| name.eq_ignore_ascii_case(directive)) || !is_agent(name) {
                    // A value, or the rest of a date: no directive stands in it.
                    rest = "";
                    break;
                }
                for_us = name == "*" || (!agent.is_empty() && name.eq_ignore_ascii_case(agent));
                rest = after;
            }
            if for_us {
                self.obey(rest);
            }
        }
    }
}

/// One word that begins like a name; the hour of a date does not.
fn is_agent(name: &str) -> bool {
    name == "*" || (name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(char::is_whitespace))
}

/// Joins what `meta robots` and `X-Robots-Tag` values say to `agent`, this crawler's product token.
/// `meta` holds only elements that address it ([`super::parse`] sees to that).
pub fn directives<'a>(meta: Option<&str>, x_robots_tag: impl Iterator<Item = &'a str>, agent: &str) -> Directives {
    let mut directives = Directives::default();
    directives.obey(meta.unwrap_or_default());
    for value in x_robots_tag {
        directives.obey_header(value, agent);
    }
    directives
}

#[cfg(test)]
mod tests {
    use super::directives;

    fn check(meta: Option<&str>, headers: &[&str], expected: &str) {
        let found = directives(meta, headers.iter().copied(), "sqrawl");
        let shown = match (found.noindex, found.nofollow) {
            (true, true) => "both",
            (true, false) => "noindex",
            (false, true) => "nofollow",
            (false, false) => "",
        };
        assert_eq!(shown, expected, "{meta:?} {headers:?}");
    }

    #[test]
    fn meta_lists() {
        check(None, &[], "");
        check(Some("all"), &[], "");
        check(Some("index, follow"), &[], "");
        check(Some("NoIndex,Follow"), &[], "noindex");
        check(Some("noindex nofollow"), &[], "both");
        check(Some("none"), &[], "both");
        check(Some("noindexing, max-snippet:-1"), &[], "");
        check(Some("all, noindex"), &[], "noindex");
        check(Some("max-image-preview: none, max-snippet:-1"), &[], "");
        check(Some("max-image-preview:none; nofollow"), &[], "nofollow");
        check(Some("noindex max-snippet: 0, nofollow"), &[], "both");
        check(Some("unavailable_after: 2020-01-01 00:00:00 none"), &[], "");
    }

    #[test]
    fn header_values() {
        check(None, &["noindex"], "noindex");
        check(None, &["index", "NOFOLLOW"], "nofollow");
        check(Some("noindex"), &["nofollow"], "both");
        check(None, &["googlebot: noindex"], "");
        check(None, &["googlebot: noindex, nofollow"], "");
        check(None, &["Sqrawl: noindex"], "noindex");
        check(None, &["sqrawl:none"], "both");
        check(None, &["*: noindex"], "noindex");
        check(None, &["googlebot: nofollow, sqrawl: noindex"], "noindex");
        check(None, &["noindex, googlebot: nofollow"], "noindex");
    }

    #[test]
    fn dates_are_no_user_agents() {
        check(None, &["unavailable_after: 25 Jun 2010 15:00:00 PST"], "");
        check(None, &["unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, noindex"], "noindex");
        check(None, &["googlebot: unavailable_after: 25 Jun 2010 15:00:00 PST, noindex"], "");
        check(None, &["sqrawl: unavailable_after: 25 Jun 2010 15:00:00 PST, nofollow"], "nofollow");
        check(None, &["max-snippet: 20, max-image-preview: none"], "");
    }
}
