//! sqrawl: a persistent web crawler whose database is its interface.
//!
//! Rooms, from the pure core outwards; `ARCHITECTURE.md` has the whole picture and
//! `tests/it/rooms.rs` checks who imports whom.
//!
//! - core: [`model`], [`scope`], [`politeness`], [`frontier`], [`parse`], [`verdict`], [`search`], [`graph`]
//! - adapters: [`fetch`] (HTTP and DNS), [`store`] (the database)
//! - shell: [`engine`] (the crawl loop), `config` and `cli`
//! - [`failpoint`]: where tests let the process die

pub mod cli;
pub mod config;
pub mod demo;
pub mod engine;
pub mod explain;
pub mod export;
pub mod failpoint;
pub mod fetch;
pub mod frontier;
pub mod graph;
pub mod import;
pub mod model;
pub mod parse;
pub mod politeness;
pub mod report;
pub mod scope;
pub mod search;
pub mod store;
pub mod verdict;
