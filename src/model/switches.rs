//! [`UrlRule`] and [`Trap`]: rules that the operator switches on and off by name, as [`Named`] sets.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Rule;

/// Things with a stable name each, all known.
pub trait Named: Copy + Ord + 'static {
    /// All of them, in the order of the documents.
    const ALL: &'static [Self];

    /// The stable name: lower case, words joined by `_`.
    fn as_str(self) -> &'static str;
}

/// A rule of canonicalisation that can be switched off. The other rules say what is never sent or
/// what names no other host; they have no switch. `docs/urls.md` has the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlRule {
    /// Escapes of path and query in their normal form (RFC 3986 6.2.2).
    Escapes,
    /// An empty query is dropped.
    EmptyQuery,
    /// Session ids are taken out of path and query.
    SessionIds,
    /// Query parameters are ordered by name.
    SortQuery,
}

impl UrlRule {
    /// What is on unless the operator says otherwise.
    pub fn defaults() -> BTreeSet<UrlRule> {
        [UrlRule::Escapes, UrlRule::EmptyQuery, UrlRule::SessionIds].into()
    }
}

impl Named for UrlRule {
    const ALL: &'static [Self] = &[Self::Escapes, Self::EmptyQuery, Self::SessionIds, Self::SortQuery];

    fn as_str(self) -> &'static str {
        match self {
            Self::Escapes => "escapes",
            Self::EmptyQuery => "empty_query",
            Self::SessionIds => "session_ids",
            Self::SortQuery => "sort_query",
        }
    }
}

/// A kind of trap: pages without end that hold nothing new. `docs/traps.md` explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trap {
    /// A path that repeats itself.
    PathRepeats,
    /// A path of very many segments.
    PathDepth,
    /// A query that grows with every link.
    QueryGrowth,
    /// A date far from today.
    Calendar,
    /// A session id under a name that canonicalisation does not know.
    SessionId,
    /// A path that contains its own host or URL again.
    SelfLink,
    /// Named only by pages that say they were not found.
    #[serde(rename = "soft_404")]
    Soft404,
    /// Named only by further copies of a page that many URLs of the host serve.
    SameContent,
}

impl Trap {
    /// All of them.
    pub fn defaults() -> BTreeSet<Trap> {
        Self::ALL.iter().copied().collect()
    }

    /// The rule that excludes what it finds: `trap:` and the name.
    pub fn rule(self) -> Rule {
        Rule(std::borrow::Cow::Borrowed(self.rule_name()))
    }

    /// The trap whose rule this is.
    pub fn of_rule(rule: &Rule) -> Option<Trap> {
        Self::ALL.iter().copied().find(|trap| trap.rule_name() == rule.as_str())
    }

    /// Whether the page that names a URL decides, and not the URL itself.
    pub fn is_of_page(self) -> bool {
        matches!(self, Trap::Soft404 | Trap::SameContent)
    }

    fn rule_name(self) -> &'static str {
        match self {
            Self::PathRepeats => "trap:path_repeats",
            Self::PathDepth => "trap:path_depth",
            Self::QueryGrowth => "trap:query_growth",
            Self::Calendar => "trap:calendar",
            Self::SessionId => "trap:session_id",
            Self::SelfLink => "trap:self_link",
            Self::Soft404 => "trap:soft_404",
            Self::SameContent => "trap:same_content",
        }
    }
}

impl Named for Trap {
    const ALL: &'static [Self] = &[
        Self::PathRepeats,
        Self::PathDepth,
        Self::QueryGrowth,
        Self::Calendar,
        Self::SessionId,
        Self::SelfLink,
        Self::Soft404,
        Self::SameContent,
    ];

    fn as_str(self) -> &'static str {
        self.rule_name().strip_prefix("trap:").unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Named + Serialize + std::fmt::Debug>() {
        for one in T::ALL {
            assert_eq!(serde_json::to_value(one).unwrap(), one.as_str(), "{one:?}");
        }
        assert!(T::ALL.windows(2).all(|pair| pair[0] < pair[1]), "in their own order");
    }

    #[test]
    fn stored_names_are_the_names_of_the_flags() {
        check::<UrlRule>();
        check::<Trap>();
    }

    #[test]
    fn a_trap_is_found_by_its_rule() {
        for trap in Trap::ALL {
            assert_eq!(Trap::of_rule(&trap.rule()), Some(*trap));
        }
        assert_eq!(Trap::of_rule(&Rule::SCOPE), None);
        assert_eq!(Trap::of_rule(&Rule::exclude("trap:calendar")), None);
    }
}
