//! Links of every kind.

use super::{html, parsed};
use crate::model::LinkKind::{self, *};
use crate::model::ParseCut;
use crate::parse::ParseLimits;

fn check(body: &str, expected: &[(LinkKind, &str)]) {
    let page = html(body);
    let found: Vec<_> = page.links.iter().map(|link| (link.kind, link.href.as_str())).collect();
    assert_eq!(found, expected, "{body}");
}

#[test]
fn links_of_every_kind() {
    check("<a href=a></a><map><area href=b></map><a name=x>", &[(A, "a"), (A, "b")]);
    check("<svg><a href=a /><a xlink:href=b /><a href=c xlink:href=d /></svg>", &[(A, "a"), (A, "b"), (A, "c")]);
    check("<link rel=canonical href=a><link rel=alternate href=b>", &[(Canonical, "a"), (Alternate, "b")]);
    check("<link rel=next href=a><link rel=prev href=b>", &[(Next, "a"), (Prev, "b")]);
    check("<link rel=stylesheet href=a><link rel=icon href=b>", &[(Style, "a"), (Img, "b")]);
    check("<link rel=preload as=image href=a imagesrcset='b 1x, c 2x'>", &[(Img, "a"), (Img, "b"), (Img, "c")]);
    check("<link rel=help href=a><link href=b><link rel=preconnect href=c>", &[(Link, "a")]);
    check("<img src=a srcset='b 1x, c 2x' data-src=d>", &[(Img, "a"), (Img, "b"), (Img, "c")]);
    check("<picture><source srcset='a, b 2x'><img src=c></picture>", &[(Img, "a"), (Img, "b"), (Img, "c")]);
    check("<input type=Image src=a><input src=b>", &[(Img, "a")]);
    check(
        "<video src=a poster=b><source src=c><track src=d></video>",
        &[(Media, "a"), (Img, "b"), (Media, "c"), (Media, "d")],
    );
    check("<audio src=a></audio><embed src=b><object data=c></object>", &[(Media, "a"), (Media, "b"), (Media, "c")]);
    check("<iframe src=a></iframe>", &[(Frame, "a")]);
    check("<frameset><frame src=a><frame src=b></frameset>", &[(Frame, "a"), (Frame, "b")]);
    check("<script src=a></script><script>b</script>", &[(Script, "a")]);
    check(
        "<form action=a></form><form method=GET action=b></form><form method=post action=c></form>",
        &[(Form, "a"), (Form, "b")],
    );
    check("<meta http-equiv=Refresh content='3; url=a'><meta http-equiv=refresh content=5>", &[(Refresh, "a")]);
    check(
        "<svg><image href=a /><use xlink:href=b#c /><use href=#d /><script href=e /></svg>",
        &[(Img, "a"), (Img, "b#c"), (Script, "e")],
    );
    check("<body background=a><table background=b><td background=c>", &[(Img, "a"), (Img, "b"), (Img, "c")]);
    check("<blockquote cite=a></blockquote><q cite=b></q><ins cite=c></ins>", &[]);
}

#[test]
fn references_as_written() {
    check("<a href=' /a?b=1&amp;c=2&copy=3#d '>", &[(A, "/a?b=1&c=2&copy=3#d")]);
    check("<a href='ja\nva\tscript:x'>", &[(A, "javascript:x")]);
    check("<a href=''>x</a><a href>y</a><img src=''><form action=''></form>", &[(A, ""), (A, ""), (Form, "")]);
    check("<a href=#top>x</a><img src='data:image/png;base64,AA'>", &[]);
    check("<a href=\"a'b\"><a href=c/>", &[(A, "a'b"), (A, "c/")]);
    check("<a href='a\0b'>", &[(A, "a\u{fffd}b")]);
}

#[test]
fn links_in_unseen_places() {
    check("<noscript><a href=a>x</a></noscript><p hidden><a href=b>y</a></p>", &[(A, "a"), (A, "b")]);
    check("<head><noscript><meta http-equiv=refresh content='0;url=a'></noscript>", &[(Refresh, "a")]);
    check("<template><a href=no></a><img src=no></template><a href=a></a>", &[(A, "a")]);
    check("<template><template><a href=no></a></template></template><a href=a></a>", &[(A, "a")]);
    check("<div><template shadowrootmode=open><a href=a></a></template></div>", &[(A, "a")]);
    check("<!-- <a href=no> --><script>'<a href=no>'</script><textarea><a href=no></textarea>", &[]);
    check("<video><a href=a>download</a></video>", &[(A, "a")]);
}

#[test]
fn link_texts() {
    for (body, anchor) in [
        ("<a href=x> a <b>b</b>\n c </a>d", Some("a b c")),
        ("<a href=x><div>a</div><div>b</div></a>", Some("a b")),
        ("<a href=x><img src=i alt=' the  alt '></a>", Some("the alt")),
        ("<a href=x><img src=i alt=alt>text</a>", Some("text")),
        ("<a href=x><span hidden>no</span></a>", None),
        ("<a href=x></a>", None),
        ("<map><area href=x alt=area></map>", Some("area")),
        ("<svg><a href=x><text>svg</text></a></svg>", Some("svg")),
        ("<a href=x>outer<object><a href=y>inner</a></object>outer</a>", Some("outerouter")),
    ] {
        let page = html(body);
        let link = page.links.iter().find(|link| link.href == "x").expect("the link");
        assert_eq!(link.anchor.as_deref(), anchor, "{body}");
    }
    let long = html(&format!("<a href=x>{}</a>", "ä".repeat(1000)));
    assert_eq!(long.links[0].anchor.as_deref().map(|text| text.chars().count()), Some(256));
    assert_eq!(long.cut, None);
    let images = html("<img src=x alt=' a  b '><img src=y>");
    assert_eq!((images.links[0].anchor.as_deref(), &images.links[1].anchor), (Some("a b"), &None));
}

#[test]
fn nofollow_comes_from_rel() {
    let page = html("<a rel='external UGC' href=a><a rel=noopener href=b><link rel='next nofollow' href=c>");
    let flags: Vec<bool> = page.links.iter().map(|link| link.nofollow).collect();
    assert_eq!(flags, [true, false, true]);
}

#[test]
fn links_beyond_the_cap_are_counted() {
    let limits = ParseLimits { max_links: 10, ..ParseLimits::default() };
    let body = "<a href=x>y</a>".repeat(25);
    let page = parsed(body.as_bytes(), Some("text/html"), &limits);
    assert_eq!((page.links.len(), page.links_cut, page.cut), (10, 15, Some(ParseCut::Links)));
    assert!(page.links.iter().all(|link| link.anchor.as_deref() == Some("y")));
    let long = format!("<a href={}>x</a><a href=y>z</a>", "x".repeat(20_000));
    let page = html(&long);
    assert_eq!((page.links.len(), page.links_cut, page.cut), (1, 1, Some(ParseCut::Size)));
}
