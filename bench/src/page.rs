//! [`Page`]: a page's HTML, put together from the stock by copying.
//!
//! It has what pages of the web have: metadata for several readers, style and script, a menu, headings,
//! prose with links in it, tables, figures, comments, entities, and things that only look like links.

use std::io::Write;

use crate::draw::Draw;
use crate::text::Text;
use crate::web::{FOOTER, Form, Link, MENU, Web};

/// Bytes of a section with its heading, about.
const SECTION_BYTES: usize = 2_600;
/// What a link takes beside its text, about.
const LINK_BYTES: usize = 130;

/// Writes pages of one web, one at a time, into memory that is used again.
pub struct Page<'w> {
    web: &'w Web,
    links: Vec<Link>,
    /// A path on its way into the page.
    path: Vec<u8>,
}

impl<'w> Page<'w> {
    /// Of that web.
    pub fn new(web: &'w Web) -> Self {
        Page { web, links: Vec::new(), path: Vec::new() }
    }

    /// Replaces what is in `out` by the page.
    pub fn write(&mut self, page: usize, out: &mut Vec<u8>) {
        out.clear();
        let web = self.web;
        let mut links = std::mem::take(&mut self.links);
        web.links(page, &mut links);
        let mut draw = Draw::of(web.plan.seed, 3 << 40 | page as u64);
        self.head(page, &mut draw, out);
        let (menu, rest) = links.split_at(MENU);
        let (content, footer) = rest.split_at(rest.len() - FOOTER);
        self.menu(page, menu, &mut draw, out);
        self.main(page, content, &mut draw, out);
        self.foot(page, footer, &mut draw, out);
        self.links = links;
    }

    fn text(&self) -> &'w Text {
        &self.web.text
    }

    fn head(&mut self, page: usize, draw: &mut Draw, out: &mut Vec<u8>) {
        let text = self.text();
        let (host, place) = (self.web.host(page), page / self.web.plan.hosts);
        let mut title = Vec::new();
        words(text, draw, 3, 7, &mut title);
        put(out, if draw.chance(75) { "<!DOCTYPE html>\n<html lang=\"en\">" } else { "<!DOCTYPE html>\n<html>" });
        put(out, "\n<head>\n<meta charset=\"utf-8\">\n");
        put(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
        out.extend_from_slice(&title);
        format(out, format_args!(" &mdash; page {place} &middot; Site {}</title>\n", host + 1));
        put(out, "<meta name=\"description\" content=\"");
        words(text, draw, 10, 22, out);
        put(out, "\">\n<link rel=\"canonical\" href=\"");
        self.href(page, Link { target: page, form: Form::Absolute }, draw, out);
        put(out, "\">\n<meta property=\"og:type\" content=\"article\">\n<meta property=\"og:title\" content=\"");
        out.extend_from_slice(&title);
        put(out, "\">\n<meta property=\"og:url\" content=\"");
        self.href(page, Link { target: page, form: Form::Absolute }, draw, out);
        format(out, format_args!("\">\n<meta property=\"og:image\" content=\"/img/cover-{}.jpg\">\n", draw.below(500)));
        put(out, "<meta name=\"twitter:card\" content=\"summary_large_image\">\n");
        put(
            out,
            "<link rel=\"icon\" href=\"/assets/icon.svg\">\n<link rel=\"stylesheet\" href=\"/assets/main.css?v=31\">\n",
        );
        put(out, "<link rel=\"preload\" as=\"font\" href=\"/assets/serif.woff2\" crossorigin>\n");
        put(out, "<script src=\"/assets/app.js?v=31\" defer></script>\n<style>\n");
        out.extend_from_slice(text.style.run(draw, (self.web.bytes(page) / 14).min(20_000)));
        put(out, "</style>\n");
        if draw.chance(30) {
            put(
                out,
                "<script type=\"application/ld+json\">{\"@context\":\"https://schema.org\",\"@type\":\"Article\",\"headline\":\"",
            );
            out.extend_from_slice(&title);
            format(out, format_args!("\",\"datePublished\":\"2019-03-0{}\",\"author\":[", 1 + draw.below(9)));
            format(out, format_args!("{{\"@type\":\"Person\",\"name\":\"{}\"}}", text.name(draw)));
            put(out, "],\"description\":\"");
            words(text, draw, 10, 20, out);
            put(out, "\"}</script>\n");
        }
        put(out, "</head>\n");
    }

    fn menu(&mut self, page: usize, menu: &[Link], draw: &mut Draw, out: &mut Vec<u8>) {
        put(
            out,
            "<body class=\"page page--article\">\n<!-- menu of the old site: <a href=\"/made-by-comment/index.html\">Home</a> -->\n",
        );
        put(out, "<header class=\"site-header\"><nav class=\"menu\" aria-label=\"Main\">\n<ul>\n");
        for (n, link) in menu.iter().enumerate() {
            format(out, format_args!("  <li class=\"menu__item menu__item--{n}\"><a class=\"menu__link\" href=\""));
            self.href(page, *link, draw, out);
            format(out, format_args!("\">Section {n}</a></li>\n"));
        }
        put(out, "</ul></nav></header>\n");
    }

    /// The link to the page above, then sections until the page has its size, with the other links spread over them.
    fn main(&mut self, page: usize, links: &[Link], draw: &mut Draw, out: &mut Vec<u8>) {
        let text = self.text();
        let bytes = self.web.bytes(page);
        put(out, "<main id=\"content\">\n<p class=\"breadcrumb\">");
        let (above, mut links) = links.split_first().expect("the page above");
        self.anchor(page, *above, "breadcrumb__link", draw, out);
        put(out, "</p>\n<h1>");
        words(text, draw, 3, 7, out);
        put(out, "</h1>\n");
        // The script at the end and the footer take their share.
        let end = bytes.saturating_sub(bytes / 3 + 900);
        let sections = 1 + end.saturating_sub(out.len()) / SECTION_BYTES;
        for section in 0..sections {
            let left = sections - section;
            let (here, later) = links.split_at(links.len() / left);
            let until = out.len() + end.saturating_sub(out.len()) / left;
            self.section(page, section, here, until, draw, out);
            links = later;
        }
        put(out, "</main>\n");
    }

    fn section(&mut self, page: usize, n: usize, links: &[Link], until: usize, draw: &mut Draw, out: &mut Vec<u8>) {
        let text = self.text();
        format(
            out,
            format_args!(
                "<section class=\"section section--{}\" id=\"part-{n}\" data-component=\"article-section\">\n<h2 class=\"section__title\">",
                draw.below(6)
            ),
        );
        words(text, draw, 2, 6, out);
        put(out, "</h2>\n");
        match draw.below(12) {
            0 => self.table(draw, out),
            1..5 => self.figure(page, draw, out),
            5 => {
                put(out, "<!-- ");
                out.extend_from_slice(text.sentence(page, draw));
                put(out, "-->\n");
            }
            _ => {}
        }
        let (listed, inline) = if draw.chance(35) { links.split_at(links.len() / 2) } else { links.split_at(0) };
        let mut inline = inline.iter();
        loop {
            put(
                out,
                "<div class=\"block block--text\" data-block=\"paragraph\"><div class=\"block__inner grid grid--narrow\">\n",
            );
            put(out, "<p class=\"text text--body\">");
            for _ in 0..3 + draw.below(4) {
                out.extend_from_slice(text.sentence(page, draw));
                if let Some(link) = inline.next() {
                    self.anchor(page, *link, "text__link", draw, out);
                    put(out, " ");
                }
            }
            put(out, "</p>\n</div></div>\n");
            if inline.len() == 0 && out.len() + listed.len() * LINK_BYTES + 150 >= until {
                break;
            }
        }
        if !listed.is_empty() {
            put(out, "<ul class=\"list list--related\">\n");
            for link in listed {
                put(out, "  <li class=\"list__item\">");
                self.anchor(page, *link, "list__link", draw, out);
                put(out, "</li>\n");
            }
            put(out, "</ul>\n");
        }
        put(out, "</section>\n");
    }

    fn table(&self, draw: &mut Draw, out: &mut Vec<u8>) {
        put(
            out,
            "<table class=\"table\">\n<thead><tr><th scope=\"col\">Name<th scope=\"col\">Year<th scope=\"col\">Share</tr></thead>\n<tbody>\n",
        );
        for _ in 0..4 + draw.below(8) {
            let (name, year, share) = (self.text().name(draw), 1900 + draw.below(120), draw.below(100));
            format(out, format_args!("<tr><td>{name}</td><td>{year}</td><td>{share}&#160;%</td></tr>\n"));
        }
        put(out, "</tbody>\n</table>\n");
    }

    fn figure(&self, page: usize, draw: &mut Draw, out: &mut Vec<u8>) {
        let (n, name) = (draw.below(5000), self.text().name(draw));
        format(
            out,
            format_args!(
                "<figure class=\"figure\"><img src=\"/img/{name}-{n}.jpg\" srcset=\"/img/{name}-{n}-800.jpg 800w, \
                 /img/{name}-{n}-1600.jpg 1600w\" sizes=\"(min-width: 60em) 50vw, 100vw\" width=\"800\" height=\"600\" \
                 loading=\"lazy\" alt=\"A {name} &amp; its surroundings\"><figcaption>"
            ),
        );
        out.extend_from_slice(self.text().sentence(page, draw));
        put(out, "</figcaption></figure>\n");
    }

    fn foot(&mut self, page: usize, footer: &[Link], draw: &mut Draw, out: &mut Vec<u8>) {
        put(out, "<footer class=\"site-footer\"><p>&copy; The Site. ");
        for link in footer {
            self.anchor(page, *link, "site-footer__link", draw, out);
            put(out, " | ");
        }
        put(
            out,
            "</p><p><a href=\"mailto:editor@site.example\">Write to us</a> or <a href=\"javascript:print()\">print</a></p>\n",
        );
        put(out, "</footer>\n<script>\n(function () {\n  var settings = {}, menu = '';\n");
        let bytes = self.web.bytes(page).saturating_sub(out.len() + 60);
        out.extend_from_slice(self.text().script.run(draw, bytes));
        put(out, "}());\n</script>\n</body>\n</html>\n");
    }

    fn anchor(&mut self, page: usize, link: Link, class: &str, draw: &mut Draw, out: &mut Vec<u8>) {
        format(out, format_args!("<a class=\"link {class}\" data-track=\"{class}\" href=\""));
        self.href(page, link, draw, out);
        if draw.chance(10) {
            put(out, "\" title=\"");
            words(self.text(), draw, 2, 5, out);
        }
        put(out, "\">");
        words(self.text(), draw, 1, 5, out);
        put(out, "</a>");
    }

    /// The value of `href`, escaped: `&` as `&amp;` or, as some programs write it, `&#038;`.
    fn href(&mut self, page: usize, link: Link, draw: &mut Draw, out: &mut Vec<u8>) {
        self.path.clear();
        self.web.path(link.target, &mut self.path);
        let mut path = &self.path[..];
        match link.form {
            Form::Absolute => self.web.origin(self.web.host(link.target), out),
            Form::SchemeRelative => {
                let start = out.len();
                self.web.origin(self.web.host(link.target), out);
                out.drain(start..start + "http:".len());
            }
            Form::Relative if path.len() > 1 => {
                let start = out.len();
                self.web.path(page, out);
                let query = out[start..].iter().position(|byte| *byte == b'?').unwrap_or(out.len() - start);
                let folders = out[start..start + query].iter().filter(|byte| **byte == b'/').count() - 1;
                out.truncate(start);
                (0..folders).for_each(|_| put(out, "../"));
                path = &path[1..];
            }
            Form::RootRelative | Form::Relative | Form::Fragment => {}
        }
        let entity = if draw.chance(20) { "&#038;" } else { "&amp;" };
        let mut pieces = path.split(|byte| *byte == b'&');
        out.extend_from_slice(pieces.next().unwrap_or_default());
        for piece in pieces {
            put(out, entity);
            out.extend_from_slice(piece);
        }
        if link.form == Form::Fragment {
            format(out, format_args!("#part-{}", draw.below(5)));
        }
    }
}

/// From `least` to `most - 1` words, the first with a capital.
fn words(text: &Text, draw: &mut Draw, least: usize, most: usize, out: &mut Vec<u8>) {
    let start = out.len();
    for n in 0..least + draw.below(most - least) {
        put(out, if n == 0 { "" } else { " " });
        put(out, text.word(draw));
    }
    out[start].make_ascii_uppercase();
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn format(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::Plan;

    fn web(seed: u64) -> Web {
        Web::new(Plan { pages: 2000, hosts: 5, seed, links: 53, mean_bytes: 40_000 }, 8080)
    }

    /// Paths of the `a` elements that a naive reader finds, decoded, on the host of the page alone.
    fn targets(web: &Web, page: usize, html: &str) -> Vec<Option<usize>> {
        let base = {
            let mut path = Vec::new();
            web.path(page, &mut path);
            String::from_utf8(path).unwrap()
        };
        let markup = html.split("<header").nth(1).unwrap().split("<script>").next().unwrap();
        let hrefs =
            markup.split("<a ").skip(1).map(|rest| rest.split("href=\"").nth(1).unwrap().split('"').next().unwrap());
        hrefs
            .filter(|href| !href.contains("mailto:") && !href.contains("javascript:"))
            .map(|href| {
                let href = href.replace("&amp;", "&").replace("&#038;", "&");
                let href = href.split('#').next().unwrap();
                let (host, path) = match href.split_once("//127.0.0.") {
                    Some((_, rest)) => {
                        (rest[..1].parse::<usize>().unwrap() - 1, rest.split_once("8080").unwrap().1.to_owned())
                    }
                    None if href.starts_with('/') => (web.host(page), href.to_owned()),
                    None => {
                        let up = href.matches("../").count();
                        let folder = base.split('?').next().unwrap().rsplit_once('/').unwrap().0;
                        assert_eq!(folder.matches('/').count(), up, "{base} {href}");
                        (web.host(page), format!("/{}", href.replace("../", "")))
                    }
                };
                web.find(host, path.as_bytes(), &mut Vec::new())
            })
            .collect()
    }

    #[test]
    fn pages_are_as_large_as_planned_and_link_as_planned() {
        let web = web(1);
        let (mut writer, mut html, mut links) = (Page::new(&web), Vec::new(), Vec::new());
        let mut sum = 0;
        for page in 0..2000 {
            writer.write(page, &mut html);
            sum += html.len();
            web.links(page, &mut links);
            // Lists come after the prose of their section.
            let mut expected: Vec<_> = links.iter().map(|link| Some(link.target)).collect();
            let mut found = targets(&web, page, std::str::from_utf8(&html).unwrap());
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "page {page}");
        }
        let mean = sum / 2000;
        assert!((38_000..42_000).contains(&mean), "{mean} bytes a page");
    }

    #[test]
    fn a_web_is_the_same_twice_and_another_by_another_seed() {
        let page_of = |seed| {
            let mut html = Vec::new();
            Page::new(&web(seed)).write(77, &mut html);
            html
        };
        assert_eq!(page_of(1), page_of(1));
        assert_ne!(page_of(1), page_of(2));
    }

    #[test]
    fn bytes_compress_as_they_do_on_the_web() {
        let web = web(1);
        let (mut writer, mut html, mut plain, mut packed) = (Page::new(&web), Vec::new(), 0, 0);
        for page in 0..200 {
            writer.write(page, &mut html);
            plain += html.len();
            packed += crate::server::gzip(&html).len();
        }
        let ratio = plain as f64 / packed as f64;
        assert!((3.7..4.9).contains(&ratio), "{ratio}");
    }
}
