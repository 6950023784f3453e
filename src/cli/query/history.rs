//! Where the history of the prompt stands: [`file`] finds the place, [`prepare`] makes its folder. Both are for the
//! user alone: statements can hold what is secret.

use std::io;
use std::path::{Path, PathBuf};

/// `$XDG_STATE_HOME/sqrawl/query_history`, or below `~/.local/state`; `None` where the environment names neither.
/// A relative path there counts as none (XDG Base Directory Specification).
pub(super) fn file<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("sqrawl").join("query_history"))
}

/// Makes the folder of the file, closed to others.
///
/// # Errors
/// What the system says.
pub(super) fn prepare(file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_in_the_state_folder() {
        let cases = [
            (&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")][..], Some("/s/sqrawl/query_history")),
            (&[("HOME", "/h")], Some("/h/.local/state/sqrawl/query_history")),
            (&[("XDG_STATE_HOME", "s"), ("HOME", "/h")], Some("/h/.local/state/sqrawl/query_history")),
            (&[("XDG_STATE_HOME", "")], None),
            (&[], None),
        ];
        for (variables, wanted) in cases {
            let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            assert_eq!(file(variable), wanted.map(PathBuf::from), "{variables:?}");
        }
    }
}
