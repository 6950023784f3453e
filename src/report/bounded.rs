//! [`Bounded`]: hands on the first rows of a result and counts them all.

use std::io;

use crate::store::sqlite::read::{RowSink, Value};

/// A sink before another one.
pub struct Bounded<'a> {
    inner: &'a mut (dyn RowSink + Send),
    most: Option<u64>,
    rows: u64,
}

impl<'a> Bounded<'a> {
    /// Hands on at most `most` rows; `None`: all.
    pub fn new(inner: &'a mut (dyn RowSink + Send), most: Option<u64>) -> Self {
        Bounded { inner, most, rows: 0 }
    }

    /// Rows that came.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl RowSink for Bounded<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.inner.columns(names)
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        self.rows += 1;
        if self.most.is_some_and(|most| self.rows > most) { Ok(()) } else { self.inner.row(values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::read::Rows;

    #[test]
    fn rows_beyond_the_limit_are_counted() {
        for (most, shown) in [(None, 3), (Some(0), 0), (Some(2), 2), (Some(3), 3), (Some(9), 3)] {
            let mut rows = Rows::default();
            let mut bounded = Bounded::new(&mut rows, most);
            (0..3).for_each(|n| bounded.row(vec![Value::Integer(n)]).expect("memory"));
            assert_eq!((bounded.rows(), rows.rows.len()), (3, shown));
        }
    }
}
