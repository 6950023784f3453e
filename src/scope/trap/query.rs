//! Queries that grow with every link: a page that adds a parameter to the query it was asked with.

use std::collections::HashMap;

/// Most parameters of a query. Search forms send some dozens.
const MAX_PARAMETERS: usize = 50;

/// Most times that one `name=value` is said. Twice and three times are careless templates.
pub(super) const MAX_SAME: usize = 3;

/// Most values of one name, as `color=red&color=blue` or `color[]=…` collect them.
const MAX_VALUES: usize = 16;

/// An escape that was escaped again and again: `%252525`. A URL within a URL within a URL, each
/// escaped for its place, stays below.
const NESTED_ESCAPE: &str = "%252525";

/// Whether the query is longer, in one of these ways, than any page means it.
pub(super) fn has_grown(query: &str) -> bool {
    query.contains(NESTED_ESCAPE) || query.split('&').nth(MAX_PARAMETERS).is_some() || repeats(query)
}

fn repeats(query: &str) -> bool {
    // The fewer of the two bounds: below it nothing can have been said too often.
    if query.split('&').nth(MAX_SAME).is_none() {
        return false;
    }
    let mut said: HashMap<&str, usize> = HashMap::new();
    let mut named: HashMap<&str, usize> = HashMap::new();
    query.split('&').filter(|parameter| !parameter.is_empty()).any(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        count(&mut said, parameter) > MAX_SAME || count(&mut named, name) > MAX_VALUES
    })
}

fn count<'a>(counts: &mut HashMap<&'a str, usize>, key: &'a str) -> usize {
    let n = counts.entry(key).or_insert(0);
    *n += 1;
    *n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_that_have_grown() {
        let many = |n: usize| (0..n).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
        let values = |n: usize| (0..n).map(|i| format!("f[]={i}")).collect::<Vec<_>>().join("&");
        for (query, expected) in [
            (many(MAX_PARAMETERS), false),
            (many(MAX_PARAMETERS + 1), true),
            (values(MAX_VALUES), false),
            (values(MAX_VALUES + 1), true),
            ("lang=en&".repeat(MAX_SAME), false),
            ("lang=en&".repeat(MAX_SAME + 1), true),
            ("a=1&lang=en&b=2&lang=en&c=3&lang=en&d=4&lang=en".to_owned(), true),
            ("page=2&page=3&page=4&page=5".to_owned(), false),
            ("&&&&&&&&&&".to_owned(), false),
            (String::new(), false),
            ("next=%2Flogin%3Fnext%3D%252Flogin%253Fnext%253D%25252Fa".to_owned(), false),
            (
                "next=%2Flogin%3Fnext%3D%252Flogin%253Fnext%253D%25252Flogin%25253Fnext%25253D%2525252Fa".to_owned(),
                true,
            ),
        ] {
            assert_eq!(has_grown(&query), expected, "{query}");
        }
    }
}
