//! What the store's read side found, written for people and programs.
//!
//! - [`RowWriter`] writes the rows of a query in a [`Format`]; [`write_rows`] those in memory.
//! - [`status`], [`page`] and [`diagnosis`] write the structs of the same names for people;
//!   [`json`] writes any of them for programs.
//! - [`neutralise`] makes text from the web safe for a terminal. Everything here uses it.

mod neutral;
mod rows;
mod table;

pub use neutral::{is_harmful, neutralise, neutralise_lines};
pub use rows::{Format, Look, RowWriter, write_rows};
