//! The crawl loop.
