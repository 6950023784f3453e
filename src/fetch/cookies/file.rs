//! Cookie files in the format that Netscape began and curl, wget and browser extensions write: one
//! cookie a line, seven fields parted by tabs. [`CookieJar::open`] reads one, [`CookieJar::save`]
//! writes it back.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Cookie, CookieJar, Jar, is_address, is_public_suffix};
use crate::model::UnixMs;

/// Longest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// Before the domain of a cookie that scripts may not read.
const HTTP_ONLY: &[u8] = b"#HttpOnly_";
const HEADING: &str = "# Netscape HTTP Cookie File\n# Written by sqrawl. Who has these cookies can act as you.\n\n";

/// Why a cookie file cannot be used. Values of cookies are never part of it.
#[derive(Debug, thiserror::Error)]
pub enum CookieFileError {
    /// It cannot be read or written.
    #[error("the cookie file {path} cannot be {done}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        done: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Larger than 8 MiB.
    #[error("the cookie file {path} is larger than 8 MiB", path = .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A line that is no cookie.
    #[error(
        "{path}, line {line}: {detail}; a cookie is a line of seven fields parted by tabs: \
         domain, TRUE or FALSE, path, TRUE or FALSE, expiry in seconds, name, value",
        path = .path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
}

impl CookieJar {
    /// Reads a cookie file. Cookies that have expired at `now` are left out.
    ///
    /// # Errors
    /// [`CookieFileError`] names the file and the line, never a value.
    pub fn open(path: &Path, now: UnixMs) -> Result<CookieJar, CookieFileError> {
        let failed = |source| CookieFileError::Io { path: path.to_owned(), done: "read", source };
        let mut text = Vec::new();
        let file = fs::File::open(path).map_err(failed)?;
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(CookieFileError::TooLarge { path: path.to_owned() });
        }
        let mut jar = Jar::default();
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let wrong = |detail| CookieFileError::Line { path: path.to_owned(), line: at + 1, detail };
            if let Some((domain, cookie)) = cookie(line.strip_suffix(b"\r").unwrap_or(line)).map_err(wrong)? {
                jar.put(domain, cookie, now);
            }
        }
        Ok(CookieJar { jar: jar.into() })
    }

    /// Writes the jar to a file that its owner alone may read, in one step: whoever looks sees the
    /// old file or the new one. Cookies without an expiry are written too, as curl does.
    ///
    /// # Errors
    /// [`CookieFileError::Io`]; the file is as it was.
    pub fn save(&self, path: &Path) -> Result<(), CookieFileError> {
        let failed = |source| CookieFileError::Io { path: path.to_owned(), done: "written", source };
        // A link stays a link: what it names is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut new = target.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        write_private(&new, &self.to_text()).and_then(|()| fs::rename(&new, &target)).map_err(|error| {
            let _ = fs::remove_file(&new);
            failed(error)
        })
    }

    fn to_text(&self) -> Vec<u8> {
        let jar = self.lock();
        let mut lines: Vec<(&String, &Cookie)> =
            jar.domains.iter().flat_map(|(domain, kept)| kept.iter().map(move |cookie| (domain, cookie))).collect();
        lines.sort_by_key(|(domain, cookie)| (domain.as_str(), cookie.created));
        let mut text = HEADING.as_bytes().to_vec();
        for (domain, cookie) in lines {
            text.extend(line(domain, cookie));
        }
        text
    }
}

#[cfg(unix)]
fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = fs::remove_file(path);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn line(domain: &str, cookie: &Cookie) -> Vec<u8> {
    let truth = |said: bool| if said { "TRUE" } else { "FALSE" };
    let mut front = String::new();
    if cookie.http_only {
        front.push_str("#HttpOnly_");
    }
    let dot = if cookie.host_only { "" } else { "." };
    let _ = write!(front, "{dot}{domain}\t{}\t", truth(!cookie.host_only));
    let expires = cookie.expires_ms.map_or(0, |ms| ms.div_euclid(1000).max(1));
    let middle = format!("\t{}\t{expires}\t", truth(cookie.secure));
    [front.as_bytes(), &cookie.path, middle.as_bytes(), &cookie.name, b"\t", &cookie.value, b"\n"].concat()
}

/// Reads one line; `None` for an empty one or a comment.
fn cookie(line: &[u8]) -> Result<Option<(String, Cookie)>, String> {
    let http_only = line.starts_with(HTTP_ONLY);
    let line = line.strip_prefix(HTTP_ONLY).unwrap_or(line);
    if !http_only && (line.is_empty() || line.starts_with(b"#")) {
        return Ok(None);
    }
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
    // Writers that trim leave an empty value out.
    let [domain, _, path, secure, expires, name, value] = match fields[..] {
        [a, b, c, d, e, f] => [a, b, c, d, e, f, b""],
        [a, b, c, d, e, f, g] => [a, b, c, d, e, f, g],
        _ => return Err(format!("{} fields", fields.len())),
    };
    if fields.iter().any(|field| field.iter().any(u8::is_ascii_control)) {
        return Err("a control character".to_owned());
    }
    let domain = std::str::from_utf8(domain).ok().filter(|text| text.is_ascii()).ok_or("the domain is not ASCII")?;
    let host_only = !truth(fields[1], "the second field")?;
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    if domain.is_empty() || domain.contains([' ', '/', ':']) && !is_address(&domain) {
        return Err("the first field is no domain".to_owned());
    }
    if !host_only && !is_address(&domain) && is_public_suffix(&domain) {
        return Err(format!("{domain} is a public suffix: such a cookie would reach strangers"));
    }
    if !path.starts_with(b"/") {
        return Err("the path does not begin with /".to_owned());
    }
    let cookie = Cookie {
        name: name.to_vec(),
        value: value.to_vec(),
        path: path.to_vec(),
        host_only,
        secure: truth(secure, "the fourth field")?,
        http_only,
        expires_ms: expiry(expires)?,
        created: 0,
        used: 0,
    };
    if !cookie.keeps_its_prefix(true) {
        return Err("a name with __Secure- or __Host- that breaks the rules of it".to_owned());
    }
    Ok(Some((domain, cookie)))
}

fn truth(field: &[u8], what: &str) -> Result<bool, String> {
    match field.to_ascii_uppercase().as_slice() {
        b"TRUE" => Ok(true),
        b"FALSE" => Ok(false),
        _ => Err(format!("{what} is neither TRUE nor FALSE")),
    }
}

/// Seconds to a moment; 0 and -1 are cookies of a session. Some writers add a fraction.
fn expiry(field: &[u8]) -> Result<Option<UnixMs>, String> {
    let text = std::str::from_utf8(field).unwrap_or_default();
    let whole = text.split('.').next().unwrap_or_default();
    match whole.parse::<i64>() {
        Ok(seconds) if seconds <= 0 => Ok(None),
        Ok(seconds) => Ok(Some(seconds.saturating_mul(1000))),
        Err(_) => Err("the expiry is no number".to_owned()),
    }
}
