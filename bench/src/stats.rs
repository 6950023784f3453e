//! [`Stats`]: what was asked for since the start or the last reset.

use std::cell::{Cell, RefCell};

/// Counters of the server, which is one thread.
pub struct Stats {
    /// How often each page was served.
    served: RefCell<Vec<u32>>,
    pub robots: Cell<u64>,
    pub assets: Cell<u64>,
    /// Asked for though there is no such page.
    pub unknown: Cell<u64>,
    /// Connections with at least one request that is counted here.
    pub connections: Cell<u64>,
    /// Bytes written, heads included.
    pub bytes: Cell<u64>,
    unknown_example: RefCell<String>,
}

pub fn add(counter: &Cell<u64>, n: u64) {
    counter.set(counter.get() + n);
}

impl Stats {
    pub fn new(pages: usize) -> Self {
        Stats {
            served: RefCell::new(vec![0; pages]),
            robots: Cell::default(),
            assets: Cell::default(),
            unknown: Cell::default(),
            connections: Cell::default(),
            bytes: Cell::default(),
            unknown_example: RefCell::default(),
        }
    }

    pub fn reset(&self) {
        self.served.borrow_mut().fill(0);
        for counter in [&self.robots, &self.assets, &self.unknown, &self.connections, &self.bytes] {
            counter.set(0);
        }
        self.unknown_example.borrow_mut().clear();
    }

    pub fn page(&self, page: usize) {
        self.served.borrow_mut()[page] += 1;
    }

    pub fn unknown(&self, path: &[u8]) {
        add(&self.unknown, 1);
        let mut example = self.unknown_example.borrow_mut();
        if example.is_empty() {
            *example = path.iter().take(200).map(|byte| char::from(*byte)).collect();
        }
    }

    /// One JSON object.
    pub fn json(&self) -> String {
        let served = self.served.borrow();
        let page_requests: u64 = served.iter().map(|n| u64::from(*n)).sum();
        let distinct = served.iter().filter(|n| **n > 0).count() as u64;
        let (robots, assets, unknown) = (self.robots.get(), self.assets.get(), self.unknown.get());
        let example = self.unknown_example.borrow().replace(['"', '\\'], "?").replace(char::is_control, "?");
        format!(
            "{{\"requests\":{},\"pages\":{},\"distinct_pages\":{distinct},\"repeated\":{},\"robots\":{robots},\
             \"assets\":{assets},\"unknown\":{unknown},\"unknown_example\":\"{example}\",\"connections\":{},\"bytes\":{}}}\n",
            page_requests + robots + assets + unknown,
            served.len(),
            page_requests - distinct,
            self.connections.get(),
            self.bytes.get(),
        )
    }
}
