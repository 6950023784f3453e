//! [`registrable_domain`]: the part of a host name that somebody registered, by the public suffix
//! list that is compiled in.

use std::net::IpAddr;
use std::sync::Arc;

use url::quirks::domain_to_unicode;

use crate::model::Host;

/// The registrable domain of a host: its public suffix and one label more, in the host's own
/// (punycode) spelling. `None` for addresses, single labels, `*.localhost` (RFC 6761 6.3) and
/// names that are public suffixes themselves, such as `co.uk` or `github.io`. Suffixes that the
/// list does not know count as one label (its rule `*`).
pub fn registrable_domain(host: &Host) -> Option<Arc<str>> {
    registrable(host.as_str()).map(Arc::from)
}

/// [`registrable_domain`] as a part of the name; allocates for punycode names only.
pub(super) fn registrable(host: &str) -> Option<&str> {
    if is_address(host) || host == "localhost" || host.ends_with(".localhost") {
        return None;
    }
    if !host.contains("xn--") {
        return psl::domain_str(host);
    }
    // The list holds names in Unicode. A label stays one label in either spelling.
    let unicode = domain_to_unicode(host);
    let labels = psl::domain_str(&unicode)?.split('.').count();
    let start = host.rmatch_indices('.').nth(labels - 1).map_or(0, |(dot, _)| dot + 1);
    host.get(start..)
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, expected: Option<&str>) {
        assert_eq!(registrable_domain(&Host::new(host)).as_deref(), expected, "{host}");
    }

    #[test]
    fn names_have_a_suffix_and_one_label() {
        check("example.com", Some("example.com"));
        check("www.example.com", Some("example.com"));
        check("a.b.c.example.co.uk", Some("example.co.uk"));
        check("user.github.io", Some("user.github.io"));
        check("deep.user.github.io", Some("user.github.io"));
        check("www.ck", Some("www.ck"));
        check("a.b.ck", Some("a.b.ck"));
        check("x.y.unknowntld", Some("y.unknowntld"));
    }

    #[test]
    fn punycode_names_keep_their_spelling() {
        check("www.xn--bcher-kva.example", Some("xn--bcher-kva.example"));
        // 公司.cn is a public suffix; so is 公司.hk.
        check("a.shop.xn--55qx5d.cn", Some("shop.xn--55qx5d.cn"));
        check("xn--55qx5d.cn", None);
    }

    #[test]
    fn some_hosts_have_none() {
        check("127.0.0.1", None);
        check("[::1]", None);
        check("[2001:db8::1]", None);
        check("localhost", None);
        check("a.localhost", None);
        check("intranet", None);
        check("com", None);
        check("co.uk", None);
        check("github.io", None);
        check("", None);
    }
}
