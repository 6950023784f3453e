//! [`click_depths`]: how many links it takes from where readers begin, [`Starts`], to each page.

use super::links::Graph;

/// Which pages those are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartsBy {
    /// Those that the operator gave.
    Seeds,
    /// The root page of each host.
    Roots,
    /// Those that no other page links to.
    Unlinked,
}

impl StartsBy {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            StartsBy::Seeds => "seeds",
            StartsBy::Roots => "roots",
            StartsBy::Unlinked => "unlinked",
        }
    }

    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            StartsBy::Seeds => "the seeds",
            StartsBy::Roots => "the root page of each host",
            StartsBy::Unlinked => "those that no other links to",
        }
    }
}

/// The pages from which clicks are counted, by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starts {
    /// Which they are.
    pub by: StartsBy,
    /// In ascending order, each once.
    pub pages: Vec<u32>,
}

impl Starts {
    /// The seeds, where some pages are seeds and others are not. Where none is, as after an import, or all are, as after a
    /// crawl of a list, they say nothing of how people come to a page: then the root pages, and without one of
    /// those the pages that no other links to.
    pub fn choose(graph: &Graph, seeds: Vec<u32>, roots: Vec<u32>) -> Starts {
        let (seeds, roots) = (once(seeds), once(roots));
        if !seeds.is_empty() && seeds.len() < graph.pages() as usize {
            return Starts { by: StartsBy::Seeds, pages: seeds };
        }
        if !roots.is_empty() {
            return Starts { by: StartsBy::Roots, pages: roots };
        }
        let mut linked = vec![false; graph.pages() as usize];
        graph.each(|_, targets| targets.iter().for_each(|target| linked[*target as usize] = true));
        let unlinked = (0..graph.pages()).filter(|page| !linked[*page as usize]);
        Starts { by: StartsBy::Unlinked, pages: unlinked.collect() }
    }
}

fn once(mut pages: Vec<u32>) -> Vec<u32> {
    pages.sort_unstable();
    pages.dedup();
    pages
}

/// The fewest links from a start to each page; `None`: no links lead there. Twenty bytes a page, and as long as one
/// pass over the links.
pub fn click_depths(graph: &Graph, starts: &[u32]) -> Vec<Option<u32>> {
    let offsets = graph.offsets();
    let mut depths = vec![None; graph.pages() as usize];
    for start in starts {
        depths[*start as usize] = Some(0);
    }
    let mut level = starts.to_vec();
    let mut depth = 0;
    while !level.is_empty() {
        depth += 1;
        let mut next = Vec::new();
        for page in level {
            graph.targets(offsets[page as usize], |target| {
                let place = &mut depths[target as usize];
                if place.is_none() {
                    *place = Some(depth);
                    next.push(target);
                }
            });
        }
        level = next;
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::super::links::GraphBuilder;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clicks_are_counted_by_the_shortest_way() {
        let site = Graph::of(7, &[(0, &[1, 2]), (1, &[3]), (2, &[0, 3]), (3, &[4]), (5, &[6, 4])]);
        let from = |starts: &[u32]| click_depths(&site, starts);
        assert_eq!(from(&[0]), [Some(0), Some(1), Some(1), Some(2), Some(3), None, None]);
        assert_eq!(from(&[5, 0]), [Some(0), Some(1), Some(1), Some(2), Some(1), Some(0), Some(1)]);
        assert_eq!(from(&[]), [None; 7]);
        assert_eq!(click_depths(&Graph::of(0, &[]), &[]), []);
    }

    #[test]
    fn clicks_begin_where_people_do() {
        let site = Graph::of(4, &[(0, &[1, 2]), (1, &[2]), (3, &[1])]);
        let choose = |seeds: &[u32], roots: &[u32]| {
            let starts = Starts::choose(&site, seeds.to_vec(), roots.to_vec());
            (starts.by, starts.pages)
        };
        assert_eq!(choose(&[2, 2], &[0]), (StartsBy::Seeds, vec![2]));
        assert_eq!(choose(&[], &[1, 0, 1]), (StartsBy::Roots, vec![0, 1]));
        assert_eq!(
            choose(&[0, 1, 2, 3], &[0]),
            (StartsBy::Roots, vec![0]),
            "a list says nothing of where people begin"
        );
        assert_eq!(choose(&[], &[]), (StartsBy::Unlinked, vec![0, 3]));
    }

    proptest! {
        /// A page is one click further than the nearest of those that link to it.
        #[test]
        fn depths_are_those_of_the_nearest_page(links in proptest::collection::vec(proptest::collection::vec(0u32..20, 0..4), 20)) {
            let mut builder = GraphBuilder::new(20, usize::MAX);
            (0..).zip(&links).for_each(|(page, targets)| builder.add(page, &mut targets.clone()).unwrap());
            let depths = click_depths(&builder.finish(), &[0]);
            for page in 1..20 {
                let before = links.iter().zip(&depths).enumerate()
                    .filter(|(source, (targets, _))| *source != page && targets.contains(&(page as u32)));
                let nearest = before.filter_map(|(_, (_, depth))| *depth).min();
                prop_assert_eq!(depths[page], nearest.map(|depth| depth + 1));
            }
        }
    }
}
