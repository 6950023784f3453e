//! [`pagerank`]: how likely a reader who follows links at random is at a page.
//!
//! L. Page, S. Brin, R. Motwani, T. Winograd: The PageRank Citation Ranking: Bringing Order to the Web (1998), by power
//! iteration. With the damping d, N pages, and out(q) links on page q:
//!
//! ```text
//! rank(p) = (1 - d) / N  +  d * ( sum over q that links to p: rank(q) / out(q)
//!                               + sum over q without links:   rank(q) / N )
//! ```
//!
//! The last sum is what is lost at pages that lead nowhere (dangling), spread over all. Ranks sum to 1. The error in the
//! end is at most d / (1 - d) of the last change.

use super::links::Graph;

/// How it is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// How often a link is followed instead of jumping anywhere, 0 to less than 1.
    pub damping: f64,
    /// Ends when all ranks together change by no more.
    pub tolerance: f64,
    /// Ends after so many passes over the links.
    pub most_iterations: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { damping: 0.85, tolerance: 1e-6, most_iterations: 100 }
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// By page; the sum is 1.
    pub ranks: Vec<f64>,
    /// Passes that were made.
    pub iterations: u32,
    /// The change of all ranks together in the last one.
    pub change: f64,
    /// Pages without a link to another.
    pub dangling: u32,
}

/// Ranks the pages. `go_on` is asked before each pass.
pub fn pagerank(graph: &Graph, terms: Terms, mut go_on: impl FnMut(u32) -> bool) -> Ranking {
    let pages = f64::from(graph.pages().max(1));
    let mut ranks = vec![1.0 / pages; graph.pages() as usize];
    let mut next = vec![0.0; ranks.len()];
    let mut dangling = 0;
    graph.each(|_, targets| dangling += u32::from(targets.is_empty()));
    let (mut iterations, mut change) = (0, if ranks.is_empty() { 0.0 } else { f64::INFINITY });
    while change > terms.tolerance && iterations < terms.most_iterations && go_on(iterations) {
        change = pass(graph, terms.damping, pages, &ranks, &mut next);
        std::mem::swap(&mut ranks, &mut next);
        iterations += 1;
    }
    Ranking { ranks, iterations, change, dangling }
}

/// One pass from `ranks` to `next`; the change.
fn pass(graph: &Graph, damping: f64, pages: f64, ranks: &[f64], next: &mut [f64]) -> f64 {
    next.fill(0.0);
    let mut lost = 0.0;
    graph.each(|page, targets| {
        let rank = ranks[page as usize];
        if targets.is_empty() {
            lost += rank;
            return;
        }
        let share = rank / targets.len() as f64;
        for target in targets {
            next[*target as usize] += share;
        }
    });
    let everywhere = (1.0 - damping + damping * lost) / pages;
    let mut change = 0.0;
    for (rank, next) in ranks.iter().zip(next) {
        *next = everywhere + damping * *next;
        change += (*next - rank).abs();
    }
    change
}

#[cfg(test)]
mod tests {
    use super::super::links::GraphBuilder;
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(graph: &Graph, wanted: &[f64]) {
        let ranking = pagerank(graph, Terms { tolerance: 1e-12, most_iterations: 1000, ..Terms::default() }, |_| true);
        for (page, (found, wanted)) in ranking.ranks.iter().zip(wanted).enumerate() {
            assert!((found - wanted).abs() < 1e-4, "page {page}: {found}, not {wanted}: {:?}", ranking.ranks);
        }
        assert_eq!(ranking.ranks.len(), wanted.len());
    }

    /// By hand: each value solves the equation of the paper.
    #[test]
    fn graphs_whose_ranks_are_known() {
        check(&Graph::of(0, &[]), &[]);
        check(&Graph::of(1, &[]), &[1.0]);
        check(&Graph::of(3, &[]), &[1.0 / 3.0; 3]);
        check(&Graph::of(3, &[(0, &[1]), (1, &[2]), (2, &[0])]), &[1.0 / 3.0; 3]);
        // A star: three pages link to one, which leads nowhere. x = 0.0375 + 0.2125 y, y = x + 2.55 x.
        let x = 0.0375 / (1.0 - 0.2125 * 3.55);
        check(&Graph::of(4, &[(1, &[0]), (2, &[0]), (3, &[0])]), &[3.55 * x, x, x, x]);
        // The same where it links back to one: a = .0375 + .85 (b + c + d), b = .0375 + .85 a, c = d = .0375.
        let a = (0.0375 + 0.85 * (0.0375 + 2.0 * 0.0375)) / (1.0 - 0.85 * 0.85);
        check(&Graph::of(4, &[(0, &[1]), (1, &[0]), (2, &[0]), (3, &[0])]), &[a, 0.0375 + 0.85 * a, 0.0375, 0.0375]);
    }

    /// The graph of eleven pages in the encyclopaedias, whose ranks are published as percentages: A leads nowhere.
    #[test]
    fn the_graph_of_eleven_pages() {
        let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5];
        let links: [(u32, &[u32]); 10] = [
            (b, &[c]),
            (c, &[b]),
            (d, &[a, b]),
            (e, &[b, d, f]),
            (f, &[b, e]),
            (6, &[b, e]),
            (7, &[b, e]),
            (8, &[b, e]),
            (9, &[e]),
            (10, &[e]),
        ];
        let percent = [3.278, 38.44, 34.29, 3.909, 8.089, 3.909, 1.616, 1.616, 1.616, 1.616, 1.616];
        check(&Graph::of(11, &links), &percent.map(|n| n / 100.0));
    }

    #[test]
    fn it_ends_when_it_is_told_to() {
        let graph = Graph::of(2, &[(0, &[1])]);
        let few = pagerank(&graph, Terms { most_iterations: 3, tolerance: 0.0, ..Terms::default() }, |_| true);
        assert_eq!((few.iterations, few.dangling), (3, 1));
        assert_eq!(pagerank(&graph, Terms::default(), |done| done < 2).iterations, 2);
        let converged = pagerank(&graph, Terms::default(), |_| true);
        assert!(converged.change <= 1e-6 && converged.iterations < 100, "{converged:?}");
    }

    proptest! {
        #[test]
        fn ranks_sum_to_one(links in proptest::collection::vec(proptest::collection::vec(0u32..30, 0..6), 30)) {
            let mut builder = GraphBuilder::new(30, usize::MAX);
            (0..).zip(links).for_each(|(page, mut targets)| builder.add(page, &mut targets).unwrap());
            let ranking = pagerank(&builder.finish(), Terms::default(), |_| true);
            let sum: f64 = ranking.ranks.iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-9, "{}", sum);
            prop_assert!(ranking.ranks.iter().all(|rank| *rank >= 0.15 / 30.0 - 1e-12));
        }
    }
}
