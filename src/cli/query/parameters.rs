//! [`Given`]: the values that `-p NAME[:TYPE]=VALUE` gives to the parameters of a statement.

use super::super::exit::UsageError;
use crate::store::sqlite::read::Value;

/// How a value is written, for messages.
const SHAPE: &str = "-p NAME=VALUE, or NAME:TYPE=VALUE with text, integer, real, blob or null";

/// Values by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Given(Vec<(String, Value)>);

impl Given {
    /// Reads what the flags say.
    ///
    /// # Errors
    /// One that cannot be read, or that gives a name its second value.
    pub(super) fn read(said: &[String]) -> Result<Self, UsageError> {
        let mut given = Given::default();
        for text in said {
            let (name, value) = parameter(text).map_err(|why| UsageError(format!("-p {text}: {why}; {SHAPE}")))?;
            if given.0.iter().any(|(known, _)| *known == name) {
                return Err(UsageError(format!("-p {text}: {name} was given a value before; give it one")));
            }
            given.0.push((name, value));
        }
        Ok(given)
    }

    /// Gives one more value, or another one to a name that has one.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub(super) fn set(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = parameter(text).map_err(|why| format!("{why}; {SHAPE}"))?;
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value));
        Ok(())
    }

    /// What is given, in the order given.
    pub(super) fn pairs(&self) -> &[(String, Value)] {
        &self.0
    }

    /// The values for the parameters of a statement, in its order. `all`: every value has to be of use.
    ///
    /// # Errors
    /// The names that have no value, or the value that has no use.
    pub(super) fn values(&self, wanted: &[String], all: bool) -> Result<Vec<Value>, UsageError> {
        if let Some((name, _)) = self.0.iter().find(|(name, _)| all && !wanted.contains(name)) {
            let has = if wanted.is_empty() { "none".to_owned() } else { wanted.join(", ") };
            return Err(UsageError(format!("-p {name}: the statement has no parameter of this name; it has {has}")));
        }
        let value = |name: &String| self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let missing: Vec<&str> = wanted.iter().filter(|name| value(name).is_none()).map(String::as_str).collect();
        if let Some(first) = missing.first() {
            let names = missing.join(", ");
            return Err(UsageError(format!(
                "the statement's parameter {names} has no value; for example -p {first}=VALUE"
            )));
        }
        Ok(wanted.iter().filter_map(value).collect())
    }
}

/// Reads `NAME=VALUE` and `NAME:TYPE=VALUE`; the name may be written as in the statement, `:NAME`.
fn parameter(text: &str) -> Result<(String, Value), String> {
    let (left, value) = text.split_once('=').ok_or("has no =")?;
    let left = left.strip_prefix([':', '@', '$', '?']).unwrap_or(left);
    let (name, kind) = left.split_once(':').map_or((left, None), |(name, kind)| (name, Some(kind)));
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Err("has no name of letters, digits and _ before the =".to_owned());
    }
    Ok((name.to_owned(), typed(kind, value)?))
}

fn typed(kind: Option<&str>, text: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("the value is no {what}");
    match kind {
        None => Ok(guessed(text)),
        Some("text") => Ok(Value::Text(text.to_owned())),
        Some("integer") => text.parse().map(Value::Integer).map_err(|_| wrong("integer of 64 bits")),
        Some("real") => match text.parse::<f64>() {
            Ok(number) if !number.is_nan() => Ok(Value::Real(number)),
            _ => Err(wrong("number")),
        },
        Some("blob") => unhex(text).map(Value::Blob).ok_or_else(|| wrong("run of hexadecimal digits, two for a byte")),
        Some("null") if text.is_empty() => Ok(Value::Null),
        Some("null") => Err("null has no value; write NAME:null=".to_owned()),
        Some(other) => Err(format!("there is no type {other:?}")),
    }
}

/// A number where the text is how that number is written, so that nothing is lost: `007`, `+1` and `1e5`
/// stay text.
fn guessed(text: &str) -> Value {
    if let Some(number) = text.parse::<i64>().ok().filter(|number| number.to_string() == text) {
        return Value::Integer(number);
    }
    let (whole, fraction) = text.strip_prefix('-').unwrap_or(text).split_once('.').unwrap_or_default();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let plain = digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'));
    match text.parse::<f64>() {
        Ok(number) if plain => Value::Real(number),
        _ => Value::Text(text.to_owned()),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn values_have_the_type_they_look_like_or_are_given() {
        let cases = [
            ("a=1", "a", Value::Integer(1)),
            (":a=-9223372036854775808", "a", Value::Integer(i64::MIN)),
            ("a=9223372036854775808", "a", text("9223372036854775808")),
            ("a=007", "a", text("007")),
            ("a=+1", "a", text("+1")),
            ("a=-0.50", "a", Value::Real(-0.5)),
            ("a=1.", "a", text("1.")),
            ("a=1e5", "a", text("1e5")),
            ("a=inf", "a", text("inf")),
            ("a=1.2.3", "a", text("1.2.3")),
            ("a=", "a", text("")),
            ("a=NULL", "a", text("NULL")),
            ("url=https://a.test/?x=y", "url", text("https://a.test/?x=y")),
            ("?1=x", "1", text("x")),
            ("a:text=1", "a", text("1")),
            ("a:integer=007", "a", Value::Integer(7)),
            ("a:real=1e5", "a", Value::Real(1e5)),
            ("a:blob=00fF", "a", Value::Blob(vec![0, 255])),
            ("a:null=", "a", Value::Null),
        ];
        for (given, name, value) in cases {
            assert_eq!(parameter(given), Ok((name.to_owned(), value)), "{given}");
        }
    }

    #[test]
    fn what_is_no_parameter_is_said() {
        for (given, words) in [
            ("a", "has no ="),
            ("=1", "has no name"),
            ("a b=1", "has no name"),
            ("a:int=1", "no type \"int\""),
            ("a:integer=1.5", "no integer"),
            ("a:real=x", "no number"),
            ("a:real=nan", "no number"),
            ("a:blob=0", "no run of hexadecimal"),
            ("a:blob=éé", "no run of hexadecimal"),
            ("a:null=x", "null has no value"),
        ] {
            let why = parameter(given).expect_err(given);
            assert!(why.contains(words), "{given}: {why}");
        }
        let twice = Given::read(&["a=1".to_owned(), ":a=2".to_owned()]).expect_err("twice");
        assert!(twice.0.contains("a was given a value before"), "{twice}");
    }

    #[test]
    fn values_stand_in_the_order_of_the_statement() {
        let given = Given::read(&["a=1".to_owned(), "b=x".to_owned()]).expect("two");
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(given.values(&names(&["b", "a"]), true).expect("both"), [text("x"), Value::Integer(1)]);
        let unused = given.values(&names(&["a", "c"]), true).expect_err("one too many").0;
        assert!(unused.contains("-p b: the statement has no parameter of this name; it has a, c"), "{unused}");
        let missing = given.values(&names(&["a", "c", "d"]), false).expect_err("too few").0;
        assert!(missing.contains("parameter c, d has no value; for example -p c=VALUE"), "{missing}");
    }
}
