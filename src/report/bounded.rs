//! [`Bounded`]: the first rows of a result, and how many there are in all.

use std::io;

use crate::store::sqlite::read::{RowSink, Value};

/// A sink before another one.
pub struct Bounded<'a> {
    inner: &'a mut (dyn RowSink + Send),
    /// Most rows that are handed on, where the last column of each says how many there are.
    most: Option<u64>,
    came: u64,
    told: u64,
}

impl<'a> Bounded<'a> {
    /// Hands on all rows, and counts them.
    pub fn new(inner: &'a mut (dyn RowSink + Send)) -> Self {
        Bounded { inner, most: None, came: 0, told: 0 }
    }

    /// Hands on at most `most` rows without their last column, which says how many there are.
    pub fn told(inner: &'a mut (dyn RowSink + Send), most: u64) -> Self {
        Bounded { inner, most: Some(most), came: 0, told: 0 }
    }

    /// Rows that there are, or came.
    pub fn rows(&self) -> u64 {
        self.came.max(self.told)
    }
}

impl RowSink for Bounded<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        let own = names.len() - usize::from(self.most.is_some() && !names.is_empty());
        self.inner.columns(&names[..own])
    }

    fn row(&mut self, mut values: Vec<Value>) -> io::Result<()> {
        self.came += 1;
        let Some(most) = self.most else { return self.inner.row(values) };
        if let Some(Value::Integer(all)) = values.pop() {
            self.told = u64::try_from(all).unwrap_or(0);
        }
        if self.came > most { Ok(()) } else { self.inner.row(values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::read::Rows;

    #[test]
    fn rows_that_come_are_counted() {
        let mut rows = Rows::default();
        let mut bounded = Bounded::new(&mut rows);
        bounded.columns(&["n".to_owned()]).expect("memory");
        (0..3).for_each(|n| bounded.row(vec![Value::Integer(n)]).expect("memory"));
        assert_eq!((bounded.rows(), rows.columns.len(), rows.rows.len()), (3, 1, 3));
    }

    #[test]
    fn rows_that_do_not_come_are_told() {
        for (most, shown) in [(0, 0), (1, 1), (2, 2)] {
            let mut rows = Rows::default();
            let mut bounded = Bounded::told(&mut rows, most);
            bounded.columns(&["n".to_owned(), "all".to_owned()]).expect("memory");
            (0..2).for_each(|n| bounded.row(vec![Value::Integer(n), Value::Integer(9)]).expect("memory"));
            assert_eq!((bounded.rows(), rows.columns.len(), rows.rows.len()), (9, 1, shown));
            assert!(rows.rows.iter().all(|row| row.len() == 1));
        }
    }
}
