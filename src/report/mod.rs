//! What the store's read side found, written for people and programs.
//!
//! - [`RowWriter`] writes the rows of a query in a [`Format`]; [`write_rows`] those in memory.
//! - [`status`], [`page`], [`diagnosis`] and [`explanation`] write the structs of the same names for people;
//!   [`json`] writes any of them for programs.
//! - [`REPORTS`] lists the reports of a crawl, a view each; a [`Gate`] is a condition on one. [`html`] writes all of
//!   them as one page.
//! - [`ChangesTable`] puts the differences between two rounds into three columns.
//! - [`Bounded`] hands on the first rows of a result and counts the others.
//! - [`neutralise`] makes text from the web safe for a terminal. Everything here uses it.

mod bounded;
mod catalogue;
mod changes;
mod explanation;
mod gate;
mod hints;
pub mod html;
mod neutral;
mod prose;
mod rows;
mod table;
mod words;

pub use bounded::Bounded;
pub use catalogue::{REPORTS, Report, Topic};
pub use changes::ChangesTable;
pub use explanation::explanation;
pub use gate::{Gate, unknown};
pub use hints::with_database;
pub use neutral::{is_harmful, neutralise, neutralise_lines};
pub use prose::{diagnosis, page, status};
pub use rows::{Format, Look, RowWriter, write_rows};

/// A struct of the read side as indented JSON with a line feed at its end. Numbers are exact, and
/// no character in it can act on a terminal.
///
/// # Errors
/// Never for the structs of the read side.
pub fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let mut text = rows::escape_harmful(&serde_json::to_string_pretty(value)?);
    text.push('\n');
    Ok(text)
}
