//! What people type into a search, and what they get to see. Pure.
//!
//! - [`expression`] makes an expression of FTS5 of words; [`Mistake`] says what is wrong with one that is none.
//! - [`marked`] parts a snippet into what was found and what stands around it.

mod expression;
mod snippet;

pub use expression::{COLUMNS, Mistake, expression};
pub use snippet::{FOUND, FOUND_END, marked};
