//! From what was said to what applies: [`resolve`] lays the sources over each other, [`Resolved`]
//! keeps the origin of each value, [`rows`] and [`changes`] show them.

use std::collections::BTreeMap;
use std::path::Path;

use super::{ConfigError, Origin, Said, Setting};

/// Values that apply, each with its origin.
#[derive(Clone, Debug)]
pub struct Resolved<T> {
    /// The values.
    pub settings: T,
    origins: BTreeMap<&'static str, Origin>,
}

impl<T> Resolved<T> {
    /// Where the value of this setting came from.
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or(Origin::Default)
    }
}

/// Lays sources over what is stored, or over the defaults. The first source is the strongest.
/// Every value of every source is read, so that a wrong one is refused even where a stronger
/// source hides it.
///
/// # Errors
/// [`ConfigError::Value`] names the source and the value.
pub fn resolve<T: Clone + Default>(
    table: &[Setting<T>],
    sources: &[Said],
    stored: Option<(&T, &Path)>,
) -> Result<Resolved<T>, ConfigError> {
    let mut settings = stored.map_or_else(T::default, |(settings, _)| settings.clone());
    let mut origins = BTreeMap::new();
    for setting in table {
        if let Some((_, path)) = stored {
            origins.insert(setting.name, Origin::Stored(path.to_owned()));
        }
        for spoken in sources.iter().rev().filter_map(|said| said.0.get(setting.name)) {
            setting.apply(&mut settings, spoken)?;
            origins.insert(setting.name, spoken.origin.clone());
        }
    }
    Ok(Resolved { settings, origins })
}

/// One line of `config show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The setting.
    pub name: &'static str,
    /// Its field, for exact values in JSON.
    pub field: &'static str,
    /// Its environment variable.
    pub variable: String,
    /// The value as it could be said.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Every setting with its value and origin, in the order of the table.
pub fn rows<T>(table: &[Setting<T>], resolved: &Resolved<T>) -> Vec<Row> {
    table
        .iter()
        .map(|setting| Row {
            name: setting.name,
            field: setting.field,
            variable: setting.variable(),
            value: setting.shown(&resolved.settings),
            origin: resolved.origin(setting.name),
        })
        .collect()
}

/// A setting that differs from what the database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The setting.
    pub name: &'static str,
    /// Its value in the database.
    pub from: String,
    /// Its value from now on.
    pub to: String,
}

/// The settings that differ.
pub fn changes<T>(table: &[Setting<T>], from: &T, to: &T) -> Vec<Change> {
    table
        .iter()
        .map(|setting| Change { name: setting.name, from: setting.shown(from), to: setting.shown(to) })
        .filter(|change| change.from != change.to)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CRAWL, RUN};
    use crate::model::CrawlSettings;

    fn said(origin: &Origin, values: &[(&'static str, &str)]) -> Said {
        let mut said = Said::default();
        for (name, value) in values {
            said.insert(name, vec![(*value).to_owned()], origin.clone());
        }
        said
    }

    #[test]
    fn the_stronger_source_wins_and_says_so() {
        let profile = Origin::Profile("p.toml".into());
        let stored = CrawlSettings { per_host: 7, max_redirects: 3, concurrency: 9, ..CrawlSettings::default() };
        let sources = [
            said(&Origin::Flag, &[("delay", "2s")]),
            said(&Origin::Environment, &[("delay", "3s"), ("max-depth", "4")]),
            said(&Origin::DotEnv, &[("max-depth", "5"), ("rate", "1/s")]),
            said(&profile, &[("rate", "9/s"), ("concurrency", "8"), ("per-host", "2")]),
        ];
        let got = resolve(CRAWL, &sources, Some((&stored, Path::new("a.db")))).unwrap();
        assert_eq!((got.settings.delay_ms, got.origin("delay")), (Some(2_000), Origin::Flag));
        assert_eq!((got.settings.max_depth, got.origin("max-depth")), (Some(4), Origin::Environment));
        assert_eq!((got.settings.rate_per_second, got.origin("rate")), (Some(1.0), Origin::DotEnv));
        assert_eq!((got.settings.per_host, got.origin("per-host")), (2, profile));
        let from_database = Origin::Stored("a.db".into());
        assert_eq!((got.settings.max_redirects, got.origin("max-redirects")), (3, from_database));
        let fresh = resolve(CRAWL, &[], None).unwrap();
        assert_eq!((fresh.settings, fresh.origins.len()), (CrawlSettings::default(), 0));
    }

    #[test]
    fn a_wrong_value_is_refused_even_where_it_is_hidden() {
        let sources = [said(&Origin::Flag, &[("delay", "2s")]), said(&Origin::Environment, &[("delay", "soon")])];
        let error = resolve(CRAWL, &sources, None).unwrap_err().to_string();
        assert_eq!(error, "SQRAWL_DELAY=soon: not a duration (ms, s, m, h, d); for example SQRAWL_DELAY=1s");
    }

    #[test]
    fn what_a_setting_shows_it_reads_and_its_example_is_right() {
        fn check<T: Clone + Default + PartialEq + std::fmt::Debug>(table: &[Setting<T>]) {
            let default = T::default();
            for setting in table {
                let mut copy = T::default();
                (setting.set)(&mut copy, &(setting.show)(&default)).unwrap_or_else(|e| panic!("{}: {e}", setting.name));
                assert_eq!(copy, default, "{}", setting.name);
                (setting.set)(&mut copy, &[setting.example.to_owned()])
                    .unwrap_or_else(|e| panic!("{}: {e}", setting.name));
                if (setting.hide)(setting.example) == "…" {
                    continue;
                }
                let mut again = T::default();
                (setting.set)(&mut again, &(setting.show)(&copy)).unwrap();
                assert_eq!(again, copy, "{}", setting.name);
            }
        }
        check(CRAWL);
        check(RUN);
    }

    #[test]
    fn every_field_has_its_setting() {
        let fields = serde_json::to_value(CrawlSettings::default()).unwrap();
        let mut fields: Vec<String> = fields.as_object().unwrap().keys().cloned().collect();
        let mut named: Vec<String> = CRAWL.iter().map(|setting| setting.field.to_owned()).collect();
        fields.sort();
        named.sort();
        assert_eq!(fields, named);
    }
}
