//! [`ChangesTable`]: the differences between two rounds in three columns, for people.

use std::io;

use super::words::number;
use crate::store::sqlite::read::{RowSink, Value};

/// Makes `change`, `url` and `detail` of the columns that a comparison has (`Reader::diff`).
pub struct ChangesTable<'a>(pub &'a mut (dyn RowSink + Send));

impl RowSink for ChangesTable<'_> {
    fn columns(&mut self, _names: &[String]) -> io::Result<()> {
        self.0.columns(&["change", "url", "detail"].map(str::to_owned))
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        let detail = detail(&values);
        let mut row: Vec<Value> = values.into_iter().take(2).collect();
        row.push(Value::Text(detail));
        self.0.row(row)
    }
}

/// What stands at a place of the row.
fn text(values: &[Value], at: usize) -> Option<String> {
    match values.get(at)? {
        Value::Text(text) => Some(text.clone()),
        Value::Integer(n) => Some(n.to_string()),
        _ => None,
    }
}

fn detail(values: &[Value]) -> String {
    let at = |place: usize| text(values, place);
    let [change, what, to] = [at(0), at(2), at(3)].map(Option::unwrap_or_default);
    // How an answer is named: by its status, or by its outcome where nobody answered.
    let answer =
        |status: usize, outcome: usize| at(status).or_else(|| at(outcome)).unwrap_or_else(|| "not visited".to_owned());
    let (was, is) = (answer(6, 4), answer(7, 5));
    match change.as_str() {
        "new" => at(9).unwrap_or_default(),
        "moved" => format!("to {to}"),
        "gone" if to.is_empty() => format!("{was} became {is}"),
        "gone" => format!("{was} became {is}, to {to}"),
        _ => {
            let part = |name: &str| match name {
                "title" => format!("title {:?} became {:?}", at(8).unwrap_or_default(), at(9).unwrap_or_default()),
                "links" => format!("links {} became {}", count(values.get(10)), count(values.get(11))),
                "status" => format!("{was} became {is}"),
                "outcome" if at(6) != at(7) => String::new(),
                "outcome" => format!(
                    "{} became {}",
                    at(4).unwrap_or_default().replace('_', " "),
                    at(5).unwrap_or_default().replace('_', " ")
                ),
                "target" if !to.is_empty() => format!("redirects to {to}"),
                other => other.to_owned(),
            };
            let parts: Vec<String> = what.split(',').map(part).filter(|part| !part.is_empty()).collect();
            parts.join("; ")
        }
    }
}

fn count(value: Option<&Value>) -> String {
    match value {
        Some(Value::Integer(n)) => number(n.unsigned_abs()),
        _ => "unknown".to_owned(),
    }
}
