//! How sets of names are read: `a,b` is exactly these, `+a,-b` changes the default, `all` and `none`
//! say themselves.

use std::collections::BTreeSet;

use crate::model::Named;

/// The longest name of a query parameter that may be dropped.
const LONGEST_PARAMETER: usize = 128;

/// Reads a set. Every text may hold several names with commas between them.
///
/// # Errors
/// An unknown name, told with all names there are.
pub(super) fn names<T: Named>(texts: &[String], default: BTreeSet<T>) -> Result<BTreeSet<T>, String> {
    let items: Vec<&str> = texts.iter().flat_map(|text| text.split(',')).map(str::trim).collect();
    let changes_default = items.first().is_some_and(|first| first.starts_with(['+', '-']));
    let mut set = if changes_default { default } else { BTreeSet::new() };
    for item in items {
        match item {
            "all" | "+all" => set.extend(T::ALL),
            "none" | "-all" => set.clear(),
            _ => match item.strip_prefix('-') {
                Some(name) => drop(set.remove(&named(name)?)),
                None => drop(set.insert(named(item.strip_prefix('+').unwrap_or(item))?)),
            },
        }
    }
    Ok(set)
}

fn named<T: Named>(name: &str) -> Result<T, String> {
    T::ALL.iter().copied().find(|known| known.as_str() == name).ok_or_else(|| {
        let all: Vec<&str> = T::ALL.iter().map(|known| known.as_str()).collect();
        format!("none of {}, all, none", all.join(", "))
    })
}

/// The names in the set, as [`names`] reads them.
pub(super) fn names_text<T: Named>(set: &BTreeSet<T>) -> Vec<String> {
    if set.len() == T::ALL.len() {
        return vec!["all".to_owned()];
    }
    set.iter().map(|name| name.as_str().to_owned()).collect()
}

/// Reads the name of a query parameter, as it stands in a URL; a `*` at its end stands for any rest.
///
/// # Errors
/// What cannot be a name.
pub(super) fn parameter(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('*').unwrap_or(text);
    let in_query = |b: u8| b.is_ascii_graphic() && !matches!(b, b'&' | b'=' | b'#' | b'?' | b'*' | b',');
    if text.is_empty() || text.len() > LONGEST_PARAMETER || !name.bytes().all(in_query) {
        return Err("not the name of a query parameter as a URL spells it, with * at its end at most".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UrlRule;

    fn read(texts: &[&str]) -> Result<String, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        names(&texts, UrlRule::defaults()).map(|set| names_text(&set).join(","))
    }

    #[test]
    fn names_are_the_set_or_change_the_default() {
        for (texts, expected) in [
            (&["escapes,sort_query"][..], "escapes,sort_query"),
            (&["sort_query", "escapes"], "escapes,sort_query"),
            (&["-session_ids"], "escapes,empty_query"),
            (&["+sort_query,-session_ids"], "escapes,empty_query,sort_query"),
            (&["+sort_query", " -session_ids "], "escapes,empty_query,sort_query"),
            (&["none"], ""),
            (&[], ""),
            (&["all"], "all"),
            (&["+sort_query"], "all"),
            (&["all,-escapes"], "empty_query,session_ids,sort_query"),
            (&["-all,+escapes"], "escapes"),
        ] {
            assert_eq!(read(texts).as_deref(), Ok(expected), "{texts:?}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_all_there_are() {
        let wanted = "none of escapes, empty_query, session_ids, sort_query, all, none";
        for text in ["sort", "+", "-", "", "escapes,,sort_query", "+-escapes"] {
            assert_eq!(read(&[text]).unwrap_err(), wanted, "{text:?}");
        }
    }

    #[test]
    fn parameters_are_spelled_as_in_a_url() {
        for good in ["utm_*", "gclid", "*", "f%5B%5D", "f[]"] {
            assert_eq!(parameter(good).as_deref(), Ok(good));
        }
        for bad in ["", "a=b", "a&b", "*a", "a**", "a b", "größe", "?a", &"a".repeat(200)] {
            assert!(parameter(bad).is_err(), "{bad}");
        }
    }
}
