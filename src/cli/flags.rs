//! Flags from the tables of settings: [`CrawlFlags`] and [`RunFlags`] are what the command line
//! [`Said`]. Each flag states its default in `--help`, taken from where the default is set.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::config::{CRAWL, Origin, RUN, Said, Setting, Shape};

/// What the flags of a crawl said.
#[derive(Clone, Debug, Default)]
pub(super) struct CrawlFlags(pub Said);

/// What the flags that every verb has said.
#[derive(Clone, Debug, Default)]
pub(super) struct RunFlags(pub Said);

impl Args for CrawlFlags {
    fn augment_args(command: Command) -> Command {
        augment(command, CRAWL, false)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for CrawlFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(CrawlFlags(read(matches, CRAWL)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.merge(read(matches, CRAWL));
        Ok(())
    }
}

impl Args for RunFlags {
    fn augment_args(command: Command) -> Command {
        augment(command, RUN, true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RunFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(RunFlags(read(matches, RUN)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.merge(read(matches, RUN));
        Ok(())
    }
}

fn augment<T: Default>(command: Command, table: &'static [Setting<T>], global: bool) -> Command {
    let default = T::default();
    table.iter().fold(command, |command, setting| match setting.shape {
        Shape::Patterns => command.args(pattern_flags(setting)),
        _ => command.arg(flag(setting, &default).global(global)),
    })
}

fn flag<T>(setting: &'static Setting<T>, default: &T) -> Arg {
    let help = match setting.shape {
        Shape::Switch | Shape::Count => format!("{} [default: off]", setting.help),
        Shape::One | Shape::List | Shape::Lines | Shape::Names | Shape::Patterns => {
            format!("{} [default: {}]", setting.help, setting.shown(default))
        }
    };
    let arg = Arg::new(setting.name).long(setting.name).value_name(setting.value).help(help);
    let arg = arg.help_heading(setting.heading);
    let arg = setting.short.into_iter().fold(arg, |arg, short| arg.short(short));
    let arg = setting.alias.into_iter().fold(arg, |arg, alias| arg.visible_alias(alias));
    let arg = if setting.name == "quiet" { arg.conflicts_with("verbose") } else { arg };
    // `--follow -alternate` takes a kind away.
    let arg = if setting.name == "follow" { arg.allow_hyphen_values(true) } else { arg };
    match setting.shape {
        Shape::One => arg.action(ArgAction::Set).overrides_with(setting.name),
        // `--durable=false` takes back what a profile or the database says.
        Shape::Switch => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true)
            .overrides_with(setting.name),
        // `-calendar` is a name with its sign.
        Shape::Names => arg.action(ArgAction::Set).overrides_with(setting.name).allow_hyphen_values(true),
        Shape::Count => arg.action(ArgAction::Count),
        Shape::List | Shape::Lines | Shape::Patterns => arg.action(ArgAction::Append),
    }
}

fn pattern_flags<T>(setting: &'static Setting<T>) -> [Arg; 2] {
    let flag = |name: &'static str, help: String| {
        let arg = Arg::new(name).long(name).value_name(setting.value).help(help);
        arg.help_heading(setting.heading).action(ArgAction::Append).allow_hyphen_values(true)
    };
    [
        flag("include", format!("{} [default: every URL of the scope]", setting.help)),
        flag("exclude", "Not the URLs that match; see --include [default: none]".to_owned()),
    ]
}

fn read<T>(matches: &ArgMatches, table: &'static [Setting<T>]) -> Said {
    let mut said = Said::default();
    for setting in table {
        let values: Vec<String> = match setting.shape {
            Shape::Patterns => ordered_patterns(matches),
            Shape::Count => {
                Some(matches.get_count(setting.name)).filter(|n| *n > 0).map(|n| n.to_string()).into_iter().collect()
            }
            _ => matches.get_many::<String>(setting.name).into_iter().flatten().cloned().collect(),
        };
        if !values.is_empty() {
            said.insert(setting.name, values, Origin::Flag);
        }
    }
    said
}

/// `--include` and `--exclude` as they stood among each other.
fn ordered_patterns(matches: &ArgMatches) -> Vec<String> {
    let mut all: Vec<(usize, String)> = Vec::new();
    for (name, sign) in [("include", '+'), ("exclude", '-')] {
        let indices = matches.indices_of(name).into_iter().flatten();
        let regexes = matches.get_many::<String>(name).into_iter().flatten();
        all.extend(indices.zip(regexes.map(|regex| format!("{sign}{regex}"))));
    }
    all.sort();
    all.into_iter().map(|(_, pattern)| pattern).collect()
}
