//! [`Graph`]: which page links to which, in two or three bytes a link.
//!
//! Pages are numbered from 0. The links of one page are its targets in ascending order, each as its distance from the one
//! before in as many bytes as it needs, seven bits in each (LEB128); before them stands how many there are. Pages of a site
//! link to the same few and to their neighbours, so most distances take one byte.

/// The links of pages, which are added in ascending order of their numbers.
#[derive(Debug)]
pub struct GraphBuilder {
    packed: Vec<u8>,
    pages: u32,
    added: u32,
    links: u64,
    most_bytes: usize,
}

/// The links between all pages.
#[derive(Debug)]
pub struct Graph {
    packed: Vec<u8>,
    pages: u32,
    links: u64,
}

/// The links take more memory than they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the links of {added} of {pages} pages take more than {most_bytes} bytes")]
pub struct TooLarge {
    /// Pages whose links were taken in.
    pub added: u32,
    /// All pages.
    pub pages: u32,
    /// The limit.
    pub most_bytes: usize,
}

impl GraphBuilder {
    /// A graph of so many pages, whose links may take so many bytes.
    pub fn new(pages: u32, most_bytes: usize) -> Self {
        GraphBuilder { packed: Vec::new(), pages, added: 0, links: 0, most_bytes }
    }

    /// Adds the links of a page, in any order; those to itself and repetitions are left out. Pages that are passed over have
    /// none. A page or target that is not in the graph, and a page that is not after the one before, are a defect of
    /// the caller, and left out.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn add(&mut self, page: u32, targets: &mut Vec<u32>) -> Result<(), TooLarge> {
        if page < self.added || page >= self.pages {
            return Ok(());
        }
        self.pass_over(page);
        targets.retain(|target| *target != page && *target < self.pages);
        targets.sort_unstable();
        targets.dedup();
        put(&mut self.packed, u32::try_from(targets.len()).unwrap_or(u32::MAX));
        let mut before = 0;
        for target in targets.iter() {
            put(&mut self.packed, target - before);
            before = *target;
        }
        self.links += targets.len() as u64;
        self.added = page + 1;
        if self.packed.len() > self.most_bytes {
            return Err(TooLarge { added: self.added, pages: self.pages, most_bytes: self.most_bytes });
        }
        Ok(())
    }

    fn pass_over(&mut self, upto: u32) {
        self.packed.resize(self.packed.len() + (upto - self.added) as usize, 0);
    }

    /// The graph.
    pub fn finish(mut self) -> Graph {
        self.pass_over(self.pages);
        self.packed.shrink_to_fit();
        Graph { packed: self.packed, pages: self.pages, links: self.links }
    }
}

impl Graph {
    /// How many pages.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// How many links.
    pub fn links(&self) -> u64 {
        self.links
    }

    /// Bytes that the links take.
    pub fn bytes(&self) -> usize {
        self.packed.len()
    }

    /// Where the links of each page begin, for [`Graph::targets`]: eight bytes for each page.
    pub(super) fn offsets(&self) -> Vec<usize> {
        let mut at = 0;
        let mut offsets = Vec::with_capacity(self.pages as usize);
        for _ in 0..self.pages {
            offsets.push(at);
            for _ in 0..take(&self.packed, &mut at) {
                take(&self.packed, &mut at);
            }
        }
        offsets
    }

    /// The targets of the page whose links begin there.
    pub(super) fn targets(&self, offset: usize, mut with: impl FnMut(u32)) {
        let (mut at, mut target) = (offset, 0);
        for _ in 0..take(&self.packed, &mut at) {
            target += take(&self.packed, &mut at);
            with(target);
        }
    }

    /// Hands each page over with its targets, which are in ascending order.
    pub fn each(&self, mut with: impl FnMut(u32, &[u32])) {
        let mut at = 0;
        let mut targets = Vec::new();
        for page in 0..self.pages {
            targets.clear();
            let mut before = 0;
            for _ in 0..take(&self.packed, &mut at) {
                before += take(&self.packed, &mut at);
                targets.push(before);
            }
            with(page, &targets);
        }
    }
}

fn put(bytes: &mut Vec<u8>, mut n: u32) {
    while n >= 0x80 {
        bytes.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
}

fn take(bytes: &[u8], at: &mut usize) -> u32 {
    let (mut n, mut shift) = (0, 0);
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        n |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    n
}

#[cfg(test)]
impl Graph {
    /// A graph of these links, by the page on which they stand.
    pub(super) fn of(pages: u32, links: &[(u32, &[u32])]) -> Graph {
        let mut builder = GraphBuilder::new(pages, usize::MAX);
        links.iter().for_each(|(page, targets)| builder.add(*page, &mut targets.to_vec()).unwrap());
        builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn links_of(graph: &Graph) -> Vec<Vec<u32>> {
        let mut all = Vec::new();
        graph.each(|_, targets| all.push(targets.to_vec()));
        all
    }

    #[test]
    fn a_graph_gives_back_what_was_added() {
        let mut builder = GraphBuilder::new(5, 1000);
        builder.add(1, &mut vec![4, 0, 4, 1]).unwrap();
        builder.add(3, &mut vec![9]).unwrap();
        builder.add(0, &mut vec![1]).unwrap();
        let graph = builder.finish();
        assert_eq!(links_of(&graph), [vec![], vec![0, 4], vec![], vec![], vec![]]);
        assert_eq!((graph.pages(), graph.links(), graph.bytes()), (5, 2, 7));
    }

    #[test]
    fn what_takes_too_much_memory_is_refused() {
        let mut builder = GraphBuilder::new(1000, 100);
        let refused = builder.add(0, &mut (1..900).collect()).unwrap_err();
        assert_eq!(refused.to_string(), "the links of 1 of 1000 pages take more than 100 bytes");
    }

    proptest! {
        #[test]
        fn any_links_survive_packing(all in proptest::collection::vec(proptest::collection::vec(any::<u32>(), 0..20), 1..40)) {
            let pages = u32::MAX;
            let mut builder = GraphBuilder::new(pages, usize::MAX);
            let mut wanted = Vec::new();
            for (page, targets) in (0..).zip(&all) {
                builder.add(page, &mut targets.clone()).unwrap();
                let mut sorted: Vec<u32> = targets.iter().copied().filter(|t| *t != page && *t < pages).collect();
                sorted.sort_unstable();
                sorted.dedup();
                wanted.push(sorted);
            }
            // Not finished: four thousand million pages have no links.
            let graph = Graph { packed: builder.packed, pages: all.len() as u32, links: builder.links };
            prop_assert_eq!(links_of(&graph), wanted);
        }
    }
}
