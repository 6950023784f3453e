//! `blog.localhost`: posts in five encodings, named by the header, by a meta element or by a byte
//! order mark; tags under another base, a feed, pages by month without an end. No robots.txt.

use encoding_rs::{SHIFT_JIS, UTF_8, UTF_16LE, WINDOWS_1251, WINDOWS_1252};

use super::html::{Answer, Html};

/// Language, title and first words of a post.
const POSTS: [(&str, &str, &str); 5] = [
    ("fr", "Le thé à l'été", "Où l'on apprend à préparer le thé glacé, même très vite, après le dîner."),
    ("ja", "お茶の時間", "今日は新しいお茶を飲みました。とてもおいしかったです。明日も飲みたいと思います。"),
    ("ru", "Чай и самовар", "Сегодня мы расскажем о том, как правильно заваривать чёрный чай в самоваре."),
    ("el", "Ελληνικός καφές", "Σήμερα θα μάθουμε πώς φτιάχνεται ο ελληνικός καφές στο μπρίκι με λίγη ζάχαρη."),
    (
        "de",
        "Kaffee für Frühaufsteher",
        "Wer früh aufsteht, mahlt die Bohnen schon am Abend und gießt am Morgen nur auf.",
    ),
];
const TAGS: [&str; 4] = ["tea", "coffee", "travel", "letters"];
const N_POSTS: usize = 12;

pub(super) fn answer(path: &str, port: u16) -> Answer {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        [""] => home(port),
        ["post", number] => post(number).unwrap_or_else(page_not_found),
        ["tag", name] => tag(name).unwrap_or_else(page_not_found),
        ["feed"] => feed(port),
        ["calendar", year, month] => calendar(year, month).unwrap_or_else(page_not_found),
        _ => page_not_found(),
    }
}

fn page_not_found() -> Answer {
    Answer::status(404, "Page not found")
}

fn home(port: u16) -> Answer {
    let mut page = Html::new("en", "The Kettle Blog")
        .describe("Letters from tea gardens and coffee hills")
        .head("<link rel=\"alternate\" type=\"application/rss+xml\" href=\"/feed\">");
    for n in 1..=N_POSTS {
        page = page.link(&format!("/post/{n}"), POSTS[(n - 1) % POSTS.len()].1);
    }
    for name in TAGS {
        page = page.link(&format!("/tag/{name}"), name);
    }
    page.link("/calendar/2026/1", "By month").link(&format!("http://shop.localhost:{port}/"), "Our shop").answer()
}

fn post(number: &str) -> Option<Answer> {
    let n: usize = number.parse().ok().filter(|n| (1..=N_POSTS).contains(n))?;
    let which = (n - 1) % POSTS.len();
    let (lang, title, words) = POSTS[which];
    let part = (n - 1) / POSTS.len() + 1;
    let title = if part == 1 { title.to_owned() } else { format!("{title} ({part})") };
    let mut page = Html::new(lang, &title);
    if which == 1 {
        page = page.head("<meta charset=\"shift_jis\">");
    }
    let page = page.text(words).text(words).link(&format!("/tag/{}", TAGS[n % TAGS.len()]), "#").link("/", "~");
    let (encoding, said) = match which {
        0 => (WINDOWS_1252, true),
        1 => (SHIFT_JIS, false),
        2 => (WINDOWS_1251, true),
        3 => (UTF_16LE, false),
        _ => (UTF_8, true),
    };
    Some(page.answer().encoded(encoding, said))
}

fn tag(name: &str) -> Option<Answer> {
    let index = TAGS.iter().position(|known| *known == name)?;
    // The base is what every link of the page is relative to.
    let page = Html::new("en", &format!("Posts about {name}")).head("<base href=\"/post/\">");
    let posts = (1..=N_POSTS).filter(|n| n % TAGS.len() == index);
    Some(posts.fold(page, |page, n| page.link(&n.to_string(), &format!("Post {n}"))).answer())
}

fn feed(port: u16) -> Answer {
    let link = |n| format!("<item><link>http://blog.localhost:{port}/post/{n}</link></item>\n");
    let items: String = (1..=N_POSTS).map(link).collect();
    let head = "<?xml version=\"1.0\"?>\n<rss version=\"2.0\"><channel><title>Kettle</title>";
    Answer::typed("application/rss+xml", format!("{head}\n{items}</channel></rss>\n"))
}

/// A page for every month that ever will be: only a depth limit ends it.
fn calendar(year: &str, month: &str) -> Option<Answer> {
    let (year, month): (u32, u32) = (year.parse().ok()?, month.parse().ok()?);
    if !(1..=12).contains(&month) || !(2026..=9998).contains(&year) {
        return None;
    }
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let page = Html::new("en", &format!("Posts of {year}-{month:02}")).text("No posts in this month.");
    Some(page.link(&format!("/calendar/{next_year}/{next_month}"), "Next month").link("/", "Home").answer())
}
