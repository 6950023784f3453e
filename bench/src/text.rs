//! [`Text`]: the stock of prose, script and style that every page is copied together from.

use std::io::Write;

use crate::draw::Draw;

/// Frequent words first, as in English prose: a word's rank decides how often it is drawn.
const FREQUENT: &str = "the of and to a in is that it for was on as with be by at this have from or had not are but \
    which one you were all their there been if more when will would who so no out up into than them can only other \
    time new some could these two may first then do any like my now over such our man me even most made after also \
    did many off before must well back through years much where your way down should because long each just state \
    those people too little good world make year still see men work life between being another know since great last \
    use used house water small part place again high found give group number always look point next without system \
    under against half course public early night eyes home name book room side light city power fact better social \
    large means present order second rather several program form question given money open national possible early \
    local history study field paper level method result change table story letter garden river bridge market school \
    harbour train window season winter record measure engine copper timber grain weather village island museum";
/// What rare words are made of.
const SYLLABLES: [&str; 40] = [
    "al", "an", "ar", "ber", "bo", "ca", "cen", "chi", "da", "del", "den", "dro", "el", "en", "fa", "for", "gal",
    "gen", "ha", "in", "ka", "la", "len", "lo", "ma", "men", "mi", "mor", "na", "ner", "o", "pa", "per", "ra", "ro",
    "sal", "ta", "ter", "ti", "ver",
];
const RARE_WORDS: usize = 2500;
/// A page is about one of them.
const TOPICS: usize = 16;
const SENTENCES_PER_TOPIC: usize = 1024;
/// Words that a topic comes back to.
const TOPIC_WORDS: usize = 60;
const SCRIPT_LINES: usize = 4096;
const STYLE_LINES: usize = 1024;

/// Pieces one behind the other, so that several in a row are one copy.
pub struct Pieces {
    bytes: Vec<u8>,
    /// Where each piece ends.
    ends: Vec<usize>,
}

impl Pieces {
    fn new(count: usize, mut piece: impl FnMut(usize, &mut Vec<u8>)) -> Self {
        let mut pieces = Pieces { bytes: Vec::new(), ends: Vec::with_capacity(count) };
        for n in 0..count {
            piece(n, &mut pieces.bytes);
            pieces.ends.push(pieces.bytes.len());
        }
        pieces
    }

    fn one(&self, n: usize) -> &[u8] {
        let start = if n == 0 { 0 } else { self.ends[n - 1] };
        &self.bytes[start..self.ends[n]]
    }

    /// Neighbours from anywhere, about `bytes` long.
    pub fn run(&self, draw: &mut Draw, bytes: usize) -> &[u8] {
        let first = draw.below(self.ends.len());
        let start = if first == 0 { 0 } else { self.ends[first - 1] };
        let last = self.ends.partition_point(|end| *end < start + bytes).min(self.ends.len() - 1);
        &self.bytes[start..self.ends[last]]
    }
}

/// What pages are made of. About 2 MB, whatever the number of pages.
pub struct Text {
    words: Vec<String>,
    /// Topic after topic. Each ends with a blank; some have entities, letters beyond ASCII, and inline elements.
    sentences: Pieces,
    /// Lines of JavaScript, some of which hold what looks like a link.
    pub script: Pieces,
    /// Rules of CSS.
    pub style: Pieces,
}

impl Text {
    /// The stock of a seed.
    pub fn new(seed: u64) -> Self {
        let mut draw = Draw::of(seed, 1);
        let mut words: Vec<String> = FREQUENT.split_whitespace().map(str::to_owned).collect();
        words.extend((0..RARE_WORDS).map(|_| {
            let syllables = 2 + draw.below(3);
            (0..syllables).map(|_| *draw.pick(&SYLLABLES)).collect()
        }));
        let sentences = Pieces::new(TOPICS * SENTENCES_PER_TOPIC, |n, out| {
            let first = 200 + n / SENTENCES_PER_TOPIC * TOPIC_WORDS;
            sentence(&words, &words[first..first + TOPIC_WORDS], &mut draw, out);
        });
        let script = Pieces::new(SCRIPT_LINES, |n, out| script_line(n, &words, &mut draw, out));
        let style = Pieces::new(STYLE_LINES, |n, out| style_rule(n, &words, &mut draw, out));
        Text { words, sentences, script, style }
    }

    /// A sentence of the topic of that number, whatever the number.
    pub fn sentence(&self, topic: usize, draw: &mut Draw) -> &[u8] {
        self.sentences.one(topic % TOPICS * SENTENCES_PER_TOPIC + draw.below(SENTENCES_PER_TOPIC))
    }

    /// A word as frequent as it is in prose.
    pub fn word(&self, draw: &mut Draw) -> &str {
        zipf(&self.words, draw)
    }

    /// A word of a name: not one of the most frequent, letters of a to z alone.
    pub fn name(&self, draw: &mut Draw) -> &str {
        &self.words[100 + draw.below(1500)]
    }
}

/// Rank r about as often as 1/r.
fn zipf<'a>(words: &'a [String], draw: &mut Draw) -> &'a str {
    let rank = (words.len() as f64).powf(draw.unit()) - 1.0;
    &words[(rank as usize).min(words.len() - 1)]
}

fn sentence(words: &[String], topic: &[String], draw: &mut Draw, out: &mut Vec<u8>) {
    let count = 4 + draw.below(14);
    for n in 0..count {
        let word = if draw.chance(30) { zipf(topic, draw) } else { zipf(&words[..1500], draw) };
        let (before, after) = match draw.below(160) {
            0 => ("<em>", "</em>"),
            1 => ("<strong>", "</strong>"),
            2 => ("<code>", "</code>"),
            3 => ("“", "”"),
            4 => ("", "&nbsp;&mdash;"),
            5 => ("", "&#8217;s"),
            6 => ("R&amp;D ", ""),
            7 => ("", "é"),
            8 => ("<span class=\"term\">", "</span>"),
            9..20 => ("", ","),
            _ => ("", ""),
        };
        out.extend_from_slice(before.as_bytes());
        let at = out.len();
        out.extend_from_slice(word.as_bytes());
        if n == 0 {
            out[at].make_ascii_uppercase();
        }
        out.extend_from_slice(after.as_bytes());
        // Set phrases, as every subject has them.
        if draw.chance(12) {
            let at = draw.below(topic.len() - 1);
            write!(out, " and the {} of the {}", topic[at], topic[at + 1]).expect("memory takes it");
        }
        out.push(if n + 1 == count { b'.' } else { b' ' });
    }
    out.push(b' ');
}

fn script_line(n: usize, words: &[String], draw: &mut Draw, out: &mut Vec<u8>) {
    let (a, b, c) = (zipf(&words[..300], draw), zipf(&words[..300], draw), draw.below(100));
    let line = match draw.below(6) {
        0 => format!("  var {a}_{n} = document.querySelector('.{b}-{c}');\n"),
        1 => format!("  window.dataLayer.push({{event: '{a}', category: '{b}', value: {c}}});\n"),
        2 => format!("  if (!{a}_{n}) {{ return; }} else {{ {a}_{n}.classList.add('is-{b}'); }}\n"),
        3 => format!("  function {a}{n}(e) {{ e.preventDefault(); return {b}({c}, e.target.value); }}\n"),
        4 => format!("  settings['{a}'] = {{ \"{b}\": {c}, \"enabled\": true, \"delay\": {n} }};\n"),
        _ => format!("  menu += '<li><a href=\"/made-by-script/{a}-{c}.html\">{b}<\\/a><\\/li>';\n"),
    };
    out.extend_from_slice(line.as_bytes());
}

fn style_rule(n: usize, words: &[String], draw: &mut Draw, out: &mut Vec<u8>) {
    let (a, b) = (zipf(&words[..300], draw), draw.below(40));
    let colour = draw.pick(&["1a1a1a", "fff", "c8102e", "0b5394", "eeeeee", "666"]);
    let rule = format!(
        ".{a}-{n} > li, .{a}:hover {{ color: #{colour}; margin: {b}px 0 {}px; display: block; }}\n",
        draw.below(30)
    );
    out.extend_from_slice(rule.as_bytes());
}
