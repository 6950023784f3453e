//! What a page says of itself is data: it is stored as it is, and no command of sqrawl hands it to
//! the terminal as it is.

use super::behaviour::{At, Behaviour, page, raw};
use super::facts::Reader;
use super::place::Place;
use super::run::Run;
use super::{EVERY, MOST_TIME, arguments, seeds};

/// Clears the screen, renames the window, turns direction; C0 and C1.
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{2066}\u{8}\u{7f}";

fn shelf(at: &At) -> Vec<Behaviour> {
    let text = format!("a{ESCAPES}b");
    let html = format!(
        "<html lang=\"{text}\"><title>{text}</title><meta name=description content=\"{text}\"><meta name=robots content=\"{text}\">
         <h1>{text}</h1><p>{text}<a href=/y title=x>{text}</a><a href=\"/{text}\">.</a>"
    );
    let location = format!("HTTP/1.1 302 Found\nLocation: gopher:{text}\nX-Said: {text}\nContent-Length: 0");
    let location = location.replace(['\u{1b}', '\u{8}', '\u{7}', '\u{7f}'], "\t");
    vec![
        Behaviour::new(at, "terminal", "", "")
            .answers("/robots.txt", page(format!("User-agent: *\nDisallow: /z{ESCAPES}\nDisallow: /y\n")))
            .answers("/x", page(html))
            .home_links(["/x", "/w"])
            .answers("/w", raw(&location, "")),
    ]
}

#[test]
fn nothing_that_a_page_says_steers_the_terminal() {
    let place = Place::open(&[shelf]);
    let behaviour = &place.behaviours[0];
    let mut crawl = Run::start("terminal", MOST_TIME, &arguments(&[&EVERY, &["-vvv"]], seeds(behaviour)));
    crawl.finish(0, |_| Err("it must end by itself".to_owned()));
    let facts = Reader::new().facts(&crawl.db()).unwrap();
    assert_eq!(facts.urls[&behaviour.url("/x")]["title"], format!("a{ESCAPES}b"), "stored as it is");
    assert_eq!(facts.urls[&behaviour.url("/y")]["ends"], "excluded robots");

    let (x, y, w) = (behaviour.url("/x"), behaviour.url("/y"), behaviour.url("/w"));
    let tables = "SELECT * FROM pages JOIN contents c ON c.id = content_id";
    let commands: [&[&str]; 8] = [
        &["status"],
        &["show", &x],
        &["show", &y],
        &["show", &w],
        &["query", "-f", "table", tables],
        &["query", "-f", "table", "SELECT * FROM fetches"],
        &["query", "-f", "table", "SELECT * FROM page_links"],
        &["doctor"],
    ];
    let mut said = vec![("crawl -vvv".to_owned(), crawl.said())];
    said.extend(commands.iter().map(|args| (args.join(" "), crawl.ask(args))));
    for (command, text) in said {
        let steers = |c: &char| {
            (c.is_control() && !matches!(c, '\n' | '\t'))
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let found: Vec<char> = text.chars().filter(steers).collect();
        assert!(found.is_empty(), "{command}: {found:?} in {text:?}");
        assert!(!text.is_empty(), "{command} says nothing");
    }
}
