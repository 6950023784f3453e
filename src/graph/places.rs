//! [`Places`]: the number in the graph of each URL, redirects followed.

use std::collections::HashMap;

/// Most redirects in a row that are followed.
const MOST_HOPS: u32 = 20;
const NONE: u32 = u32::MAX;

/// Pages get their numbers in the ascending order of their ids. Four bytes for each id that there is, and four for each page.
#[derive(Debug, Default)]
pub struct Places {
    by_id: Vec<u32>,
    ids: Vec<u32>,
    redirects: HashMap<u32, u32>,
}

impl Places {
    /// Takes a page in; ids come in ascending order.
    pub fn page(&mut self, id: u32) {
        self.by_id.resize(id as usize, NONE);
        self.by_id.push(self.ids.len() as u32);
        self.ids.push(id);
    }

    /// Takes a redirect in.
    pub fn redirect(&mut self, id: u32, target: u32) {
        self.redirects.insert(id, target);
    }

    /// The number of the page that a link to this URL leads to; `None`: to none.
    pub fn of(&self, id: u32) -> Option<u32> {
        let mut at = id;
        for _ in 0..=MOST_HOPS {
            if let Some(place) = self.by_id.get(at as usize).filter(|place| **place != NONE) {
                return Some(*place);
            }
            at = *self.redirects.get(&at)?;
        }
        None
    }

    /// The ids of the pages by their numbers.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_redirects_lead_to_their_targets() {
        let mut places = Places::default();
        [2, 3, 9].into_iter().for_each(|id| places.page(id));
        for (id, target) in [(4, 3), (5, 4), (6, 7), (7, 6), (8, 100)] {
            places.redirect(id, target);
        }
        let found: Vec<_> = [0, 2, 3, 4, 5, 6, 8, 9, 10, 1_000_000].map(|id| places.of(id)).to_vec();
        let wanted = [None, Some(0), Some(1), Some(1), Some(1), None, None, Some(2), None, None];
        assert_eq!(found, wanted);
        assert_eq!(places.ids(), [2, 3, 9]);
    }
}
