//! [`RUN`]: settings of a run of the program, which belong to no crawl and are not stored.

use std::path::PathBuf;

use super::reading::{one, switch};
use super::setting::without_password;
use super::{Database, Setting, Shape};

const HEADING: &str = "Everywhere";

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How this run of the program behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOptions {
    /// Where the crawl is.
    pub database: Database,
    /// The profile.
    pub config: Option<PathBuf>,
    /// Errors alone on stderr.
    pub quiet: bool,
    /// 0: warnings; 1: what is done; 2: every step; 3: everything.
    pub verbose: u8,
    /// No bar.
    pub no_progress: bool,
    /// When colours are used.
    pub color: Color,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            database: Database::default(),
            config: None,
            quiet: false,
            verbose: 0,
            no_progress: false,
            color: Color::Auto,
        }
    }
}

const ROW: Setting<RunOptions> = Setting {
    name: "",
    short: None,
    alias: None,
    shape: Shape::One,
    heading: HEADING,
    value: "BOOL",
    example: "",
    help: "",
    field: "",
    set: |_, _| Ok(()),
    show: |_| Vec::new(),
    hide: without_password,
};

/// The settings of a run in the order of `--help`.
pub const RUN: &[Setting<RunOptions>] = &[
    Setting {
        name: "db",
        value: "FILE",
        example: "./site.db",
        help: "The crawl's database: a path, or sqlite:PATH",
        field: "database",
        set: |s, v| {
            s.database = Database::parse(one(v)?)?;
            Ok(())
        },
        show: |s| vec![s.database.path().display().to_string()],
        ..ROW
    },
    Setting {
        name: "config",
        value: "FILE",
        example: "./sqrawl.toml",
        help: "A profile: TOML with the names of the flags as keys",
        field: "config",
        set: |s, v| {
            let text = one(v)?;
            s.config = (text != "none").then(|| PathBuf::from(text));
            Ok(())
        },
        show: |s| vec![s.config.as_ref().map_or_else(|| "none".to_owned(), |path| path.display().to_string())],
        ..ROW
    },
    Setting {
        name: "quiet",
        short: Some('q'),
        shape: Shape::Switch,
        example: "true",
        help: "Nothing on stderr but errors",
        field: "quiet",
        set: |s, v| {
            s.quiet = switch(one(v)?)?;
            Ok(())
        },
        show: |s| vec![s.quiet.to_string()],
        ..ROW
    },
    Setting {
        name: "verbose",
        short: Some('v'),
        shape: Shape::Count,
        value: "N",
        example: "1",
        help: "Log what is done; -vv every step, -vvv everything (RUST_LOG rules where it is set)",
        field: "verbose",
        set: |s, v| {
            s.verbose = one(v)?.parse().map_err(|_| "not a number from 0 to 3".to_owned())?;
            Ok(())
        },
        show: |s| vec![s.verbose.to_string()],
        ..ROW
    },
    Setting {
        name: "no-progress",
        shape: Shape::Switch,
        example: "true",
        help: "No progress bar and no progress lines",
        field: "no_progress",
        set: |s, v| {
            s.no_progress = switch(one(v)?)?;
            Ok(())
        },
        show: |s| vec![s.no_progress.to_string()],
        ..ROW
    },
    Setting {
        name: "color",
        value: "WHEN",
        example: "never",
        help: "Colours: auto (on a terminal, unless NO_COLOR is set), always or never",
        field: "color",
        set: |s, v| {
            s.color = match one(v)? {
                "auto" => Color::Auto,
                "always" => Color::Always,
                "never" => Color::Never,
                _ => return Err("none of auto, always, never".to_owned()),
            };
            Ok(())
        },
        show: |s| {
            let name = match s.color {
                Color::Auto => "auto",
                Color::Always => "always",
                Color::Never => "never",
            };
            vec![name.to_owned()]
        },
        ..ROW
    },
];
