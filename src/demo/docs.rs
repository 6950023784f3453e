//! `docs.localhost`: chapters in order, every page packed with gzip, one that asks not to be
//! indexed, drafts that robots.txt keeps away, and a file that is no page.

use super::html::{Answer, Html};

const ROBOTS: &str = "User-agent: *\nDisallow: /drafts/\n\nUser-agent: badbot\nDisallow: /\n";

const CHAPTERS: [&str; 6] = ["Water", "Leaves", "Beans", "Grinding", "Brewing", "Cleaning"];
const SECTIONS: [&str; 5] = ["What you need", "How to do it", "How long it takes", "What goes wrong", "Why it works"];

pub(super) fn answer(path: &str) -> Answer {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        ["robots.txt"] => Answer::typed("text/plain", ROBOTS),
        [""] => contents().gzip(),
        ["latest"] => Answer::redirect(302, "/"),
        ["glossary"] => glossary().with("x-robots-tag", "noindex").gzip(),
        ["poster.pdf"] => Answer::typed("application/pdf", "%PDF-1.4\n% a poster\n%%EOF\n"),
        ["drafts", ..] => Html::new("en", "A draft").text("Not yet for the public.").answer(),
        [chapter, section] => page(chapter, section).map_or_else(no_such_page, Answer::gzip),
        _ => no_such_page(),
    }
}

fn no_such_page() -> Answer {
    Answer::status(404, "No such page")
}

fn contents() -> Answer {
    let mut page = Html::new("en", "How to brew").describe("Six chapters about tea and coffee");
    for (n, chapter) in CHAPTERS.iter().enumerate() {
        page = page.heading(chapter).link(&format!("/{}/1", n + 1), chapter);
    }
    page.link("/latest", "The latest edition")
        .link("/glossary", "Glossary")
        .link("/poster.pdf", "A poster")
        .link("/drafts/sugar", "A draft")
        .answer()
}

fn glossary() -> Answer {
    let words = CHAPTERS.map(|chapter| format!("{chapter}: see the chapter of that name."));
    words.iter().fold(Html::new("en", "Glossary"), |page, word| page.text(word)).link("/", "Contents").answer()
}

fn page(chapter: &str, section: &str) -> Option<Answer> {
    let number = |text: &str, most: usize| text.parse::<usize>().ok().filter(|n| (1..=most).contains(n));
    let (c, s) = (number(chapter, CHAPTERS.len())?, number(section, SECTIONS.len())?);
    let name = CHAPTERS[c - 1];
    let mut page = Html::new("en", &format!("{name}: {}", SECTIONS[s - 1]))
        .text(&format!("Chapter {c} of the manual is about {}. This is section {s} of it.", name.to_lowercase()))
        .text("Measure twice and pour once. Warm the pot first, keep the lid on, and write down what you did.");
    if s < SECTIONS.len() {
        page = page.raw(&format!("<a rel=\"next\" href=\"/{c}/{}\">Next section</a>", s + 1));
    } else if c == 3 {
        page = page.link("/3/6", "A section that was never written");
    }
    Some(page.link("/", "Contents").link("/glossary", "Glossary").answer())
}
