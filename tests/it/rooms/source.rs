//! [`Source`]: one Rust file as far as the import rule needs it: the [`Path`]s it names, its macros
//! and modules, and its length, without comments, strings and test modules.
//!
//! It reads tokens, not syntax trees: `use` groups, `super::` chains and inline modules are
//! followed, names that a macro builds are not.

/// A path as named in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// Absolute: `crate` first for this crate, else the name it begins with.
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// What a file names.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) paths: Vec<Path>,
    /// Macros called by a bare name: (name, line).
    pub(super) macros: Vec<(String, usize)>,
    /// Modules declared: (name, line).
    pub(super) modules: Vec<(String, usize)>,
    /// Modules declared in a file of their own under `#[cfg(test)]`.
    pub(super) test_files: Vec<String>,
    /// Lines outside test modules.
    pub(super) lines: usize,
}

impl Source {
    /// Reads a file that is the module `module` (the crate root: empty).
    pub(super) fn read(text: &str, module: &[String]) -> Source {
        let mut reader = Reader { tokens: tokens(text), at: 0, source: Source::default(), test_lines: 0 };
        let mut scope = module.to_vec();
        while reader.at < reader.tokens.len() {
            reader.block(&mut scope);
            reader.at += 1;
        }
        reader.source.lines = text.lines().count() - reader.test_lines;
        reader.source
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    source: Source,
    test_lines: usize,
}

impl Reader {
    /// Reads to the closing brace of the block that `at` stands in, or to the end.
    fn block(&mut self, scope: &mut Vec<String>) {
        let mut test_only = false;
        while let Some(token) = self.tokens.get(self.at).cloned() {
            match token.text.as_str() {
                "}" => return,
                "{" => {
                    self.at += 1;
                    self.block(scope);
                    self.at += 1;
                }
                "#" if self.follows(&["#", "[", "cfg", "(", "test", ")", "]"]) => {
                    test_only = true;
                    self.at += 7;
                    continue;
                }
                "#" => self.attribute(scope),
                "mod" if self.is_ident(self.at + 1) => self.module(scope, test_only),
                _ if token.is_ident => {
                    if self.text(self.at + 1) == "!" && self.text(self.at + 2) != "=" {
                        self.source.macros.push((token.text.clone(), token.line));
                    }
                    self.path(&[], scope);
                }
                _ => self.at += 1,
            }
            // `pub` and further attributes stand between the attribute and its module.
            test_only = test_only && matches!(token.text.as_str(), "#" | "pub" | "(" | ")" | "crate" | "super");
        }
    }

    /// An attribute: its paths count, and it does not part `#[cfg(test)]` from its module.
    fn attribute(&mut self, scope: &[String]) {
        self.at += 1;
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.text(self.at) {
                "[" => depth += 1,
                "]" if depth == 1 => break,
                "]" => depth -= 1,
                _ if self.is_ident(self.at) => {
                    self.path(&[], scope);
                    continue;
                }
                _ if depth == 0 && self.text(self.at) != "!" => return,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
    }

    /// `mod NAME;` or `mod NAME { … }`; test modules are stepped over.
    fn module(&mut self, scope: &mut Vec<String>, test_only: bool) {
        let (name, line) = (self.text(self.at + 1).to_owned(), self.tokens[self.at].line);
        self.at += 2;
        if self.text(self.at) != "{" {
            match test_only {
                true => self.source.test_files.push(name),
                false => self.source.modules.push((name, line)),
            }
            return;
        }
        self.at += 1;
        if test_only {
            let mut depth = 1;
            while depth > 0 && self.at < self.tokens.len() {
                depth += match self.text(self.at) {
                    "{" => 1,
                    "}" => -1,
                    _ => 0,
                };
                self.at += 1;
            }
            self.test_lines += self.tokens[self.at - 1].line - line + 1;
            return;
        }
        self.source.modules.push((name.clone(), line));
        scope.push(name);
        self.block(scope);
        scope.pop();
        self.at += 1;
    }

    /// A path that begins at `at`, with the groups of a `use`; `prefix` is what stands before it.
    fn path(&mut self, prefix: &[String], scope: &[String]) {
        let line = self.tokens[self.at].line;
        let mut segments = prefix.to_vec();
        loop {
            match self.text(self.at) {
                "{" => {
                    self.group(&segments, scope);
                    return;
                }
                text if text == "*" || self.is_ident(self.at) => segments.push(text.to_owned()),
                _ => break,
            }
            self.at += 1;
            if self.text(self.at) != "::" {
                break;
            }
            self.at += 1;
        }
        self.source.paths.push(Path { segments: absolute(&segments, scope), line });
    }

    fn group(&mut self, prefix: &[String], scope: &[String]) {
        self.at += 1;
        while self.at < self.tokens.len() && self.text(self.at) != "}" {
            if self.is_ident(self.at) && self.text(self.at) != "as" || matches!(self.text(self.at), "*" | "{") {
                self.path(prefix, scope);
            } else {
                // a comma, or `as NAME`
                self.at += if self.text(self.at) == "as" { 2 } else { 1 };
            }
        }
        self.at += 1;
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn is_ident(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_ident)
    }

    fn follows(&self, texts: &[&str]) -> bool {
        texts.iter().enumerate().all(|(i, text)| self.text(self.at + i) == *text)
    }
}

/// Resolves leading `self` and `super` against the module a path stands in.
fn absolute(segments: &[String], scope: &[String]) -> Vec<String> {
    let relative = segments.iter().take_while(|s| matches!(s.as_str(), "self" | "super")).count();
    if relative == 0 || segments.len() == 1 {
        return segments.to_vec();
    }
    let up = segments[..relative].iter().filter(|s| *s == "super").count();
    let mut path = vec!["crate".to_owned()];
    path.extend_from_slice(&scope[..scope.len().saturating_sub(up)]);
    path.extend_from_slice(&segments[relative..]);
    path
}

#[derive(Clone, Debug)]
struct Token {
    text: String,
    is_ident: bool,
    line: usize,
}

/// Identifiers, `::` and single characters; comments, strings, characters and lifetimes are gone.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let end = token_end(&chars, at);
        let word: String = chars[at..end].iter().collect();
        let first = chars[at];
        let is_ident = (first.is_alphabetic() || first == '_') && !word.contains(['"', '\'']);
        let is_number = first.is_ascii_digit();
        if is_ident || word == "::" || (end == at + 1 && !first.is_whitespace() && !is_number) {
            tokens.push(Token { text: word.trim_start_matches("r#").to_owned(), is_ident, line });
        }
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

fn token_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied().unwrap_or(' ');
    match chars[at] {
        '/' if next == '/' => find(chars, at, |c| c == '\n'),
        '/' if next == '*' => block_comment_end(chars, at),
        '"' => string_end(chars, at),
        '\'' => quote_end(chars, at),
        ':' if next == ':' => at + 2,
        c if c.is_alphanumeric() || c == '_' => word_end(chars, at),
        _ => at + 1,
    }
}

fn find(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    (from..chars.len()).find(|i| stop(chars[*i])).unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0usize, at);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// `'x'`, `'\n'`, or a lifetime.
fn quote_end(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        return (find(chars, at + 3, |c| c == '\'') + 1).min(chars.len());
    }
    if chars.get(at + 2) == Some(&'\'') {
        return at + 3;
    }
    find(chars, at + 1, |c| !(c.is_alphanumeric() || c == '_')).max(at + 1)
}

/// A word, or the string that a prefix (`r`, `b`, `c`) begins.
fn word_end(chars: &[char], at: usize) -> usize {
    let end = find(chars, at, |c| !(c.is_alphanumeric() || c == '_'));
    let word: String = chars[at..end].iter().collect();
    let next = chars.get(end).copied().unwrap_or(' ');
    match word.as_str() {
        "b" | "c" if next == '"' => string_end(chars, end),
        "b" if next == '\'' => quote_end(chars, end),
        "r" | "br" | "cr" if matches!(next, '"' | '#') => {
            let hashes = find(chars, end, |c| c != '#') - end;
            match chars.get(end + hashes) {
                Some('"') => raw_string_end(chars, end + hashes + 1, hashes),
                _ => find(chars, end + hashes, |c| !(c.is_alphanumeric() || c == '_')),
            }
        }
        _ => end,
    }
}

fn raw_string_end(chars: &[char], from: usize, hashes: usize) -> usize {
    (from..chars.len())
        .find(|i| chars[*i] == '"' && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes)
        .map_or(chars.len(), |i| i + 1 + hashes)
}
