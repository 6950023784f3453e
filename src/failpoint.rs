//! Moments at which the process can be made to die, for tests of what a death leaves behind.
//!
//! [`arm`] takes the value of the environment variable [`VARIABLE`], once, in `cli`; [`reach`] stands
//! where a death is worth testing, and costs a look at an empty cell while nothing is armed. They are
//! in every build, so that what is killed in the tests is what users run.
//!
//! ```text
//! SQRAWL_FAILPOINT=WHAT/MOMENT[@N][=TEXT]     settling/commit@7     parsing/page=https://a.example/bad
//! ```
//!
//! The process aborts when the moment is reached for the N-th time (1), counting only times whose detail
//! holds TEXT. `docs/durability.md` lists the moments.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names the moment.
pub const VARIABLE: &str = "SQRAWL_FAILPOINT";

static ARMED: OnceLock<Failpoint> = OnceLock::new();

/// A moment, as it was asked for.
#[derive(Debug)]
struct Failpoint {
    what: String,
    moment: String,
    nth: u64,
    text: String,
    seen: AtomicU64,
}

/// Has the process die at a moment.
///
/// # Errors
/// What is wrong with the text.
pub fn arm(text: &str) -> Result<(), String> {
    let failpoint = parse(text)?;
    ARMED.set(failpoint).map_err(|_| "a moment was given before".to_owned())
}

fn parse(text: &str) -> Result<Failpoint, String> {
    let form = || format!("`{text}` is not WHAT/MOMENT[@N][=TEXT], such as settling/commit@7");
    let (point, wanted) = text.split_once('=').unwrap_or((text, ""));
    let (name, nth) = match point.rsplit_once('@') {
        Some((name, nth)) => (name, nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(form)?),
        None => (point, 1),
    };
    let (what, moment) = name.split_once('/').ok_or_else(form)?;
    if what.is_empty() || moment.is_empty() {
        return Err(form());
    }
    Ok(Failpoint {
        what: what.to_owned(),
        moment: moment.to_owned(),
        nth,
        text: wanted.to_owned(),
        seen: AtomicU64::new(0),
    })
}

/// Dies when this is the moment.
pub fn reach(what: &str, moment: &str, detail: &str) {
    if ARMED.get().is_some_and(|armed| armed.is_met(what, moment, detail)) {
        eprintln!("failpoint {what}/{moment} reached {detail}");
        std::process::abort();
    }
}

impl Failpoint {
    fn is_met(&self, what: &str, moment: &str, detail: &str) -> bool {
        self.what == what
            && self.moment == moment
            && detail.contains(&self.text)
            && self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.nth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What, moment, detail.
    type Moment = (&'static str, &'static str, &'static str);

    #[test]
    fn a_moment_is_met_once() {
        let cases: &[(&str, &[Moment], Option<usize>)] = &[
            ("settling/commit", &[("settling", "begin", ""), ("settling", "commit", "")], Some(1)),
            (
                "settling/commit@2",
                &[("settling", "commit", ""), ("leasing", "commit", ""), ("settling", "commit", "")],
                Some(2),
            ),
            ("parsing/page=/b=1", &[("parsing", "page", "http://h/a"), ("parsing", "page", "http://h/b=1")], Some(1)),
            ("ending the session/after", &[("ending the session", "after", "")], Some(0)),
            ("settling/commit@3", &[("settling", "commit", ""), ("settling", "commit", "")], None),
        ];
        for (text, reached, met) in cases {
            let failpoint = parse(text).expect(text);
            let at = reached.iter().position(|(what, moment, detail)| failpoint.is_met(what, moment, detail));
            assert_eq!(at, *met, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["", "settling", "/commit", "settling/", "settling/commit@0", "settling/commit@x", "=a/b"] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("WHAT/MOMENT"), "{error}");
        }
    }
}
