//! The link graph in memory. Pure.
//!
//! - [`Graph`] holds the links between pages, packed; [`GraphBuilder`] takes them in page by page.
//! - [`Places`] gives pages their numbers in it, redirects followed.
//! - [`pagerank`] ranks the pages of a graph: [`Ranking`].
//! - [`Starts`] are the pages from which [`click_depths`] counts clicks.

mod depth;
mod links;
mod pagerank;
mod places;

pub use depth::{Starts, StartsBy, click_depths};
pub use links::{Graph, GraphBuilder, TooLarge};
pub use pagerank::{Ranking, Terms, pagerank};
pub use places::Places;
