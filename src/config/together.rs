//! Settings that must fit each other.

use super::ConfigError;
use super::units::show_bytes;
use crate::model::CrawlSettings;

/// Checks what no single value can: one authorization, cookies where there is a file for them, and
/// memory for the largest body beside another that begins.
///
/// # Errors
/// [`ConfigError::Together`] names both and a value that would do.
pub fn fits_together(settings: &CrawlSettings) -> Result<(), ConfigError> {
    one_authorization(settings)?;
    let needed = settings.least_memory_bytes();
    if settings.memory_bytes >= needed {
        return Ok(());
    }
    let enough = needed.div_ceil(1 << 20);
    Err(ConfigError::Together(format!(
        "--memory {} cannot hold a body of --max-body {}; for example --memory {enough}MiB",
        show_bytes(settings.memory_bytes),
        show_bytes(settings.max_body_bytes),
    )))
}

/// `Authorization` is said once, and a cookie file is of no use without cookies.
fn one_authorization(settings: &CrawlSettings) -> Result<(), ConfigError> {
    let header = settings.headers.iter().any(|header| header.name() == "authorization");
    if header && settings.basic_auth.is_some() {
        let both =
            "--basic-auth and --header Authorization say the same thing twice; leave one out (--basic-auth none)";
        return Err(ConfigError::Together(both.to_owned()));
    }
    if settings.cookie_jar.is_some() && !settings.cookies {
        let both = "--cookie-jar and --no-cookies do not go together (--cookie-jar none, or --no-cookies=false)";
        return Err(ConfigError::Together(both.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_must_hold_the_largest_body() {
        assert_eq!(fits_together(&CrawlSettings::default()), Ok(()));
        let settings = CrawlSettings { max_body_bytes: 200_000_000, ..CrawlSettings::default() };
        let error = fits_together(&settings).unwrap_err().to_string();
        assert_eq!(error, "--memory 128MiB cannot hold a body of --max-body 200MB; for example --memory 394MiB");
    }
}
