//! `shop.localhost`: categories, products, duplicates, a canonical, dead links, a redirect chain, a
//! redirect loop, and parts that robots.txt keeps to itself.

use super::html::{Answer, Html};

const ROBOTS: &str = "User-agent: *\nDisallow: /cart/\nDisallow: /*?sort=\n";

const CATEGORIES: [(&str, [&str; 8]); 5] = [
    ("tea", ["Assam", "Ceylon", "Darjeeling", "Earl Grey", "Genmaicha", "Gunpowder", "Oolong", "Sencha"]),
    ("coffee", ["Antigua", "Harrar", "Huila", "Java", "Kona", "Mocha", "Sidamo", "Yirgacheffe"]),
    ("spices", ["Allspice", "Cardamom", "Cinnamon", "Clove", "Cumin", "Nutmeg", "Saffron", "Sumac"]),
    ("honey", ["Acacia", "Buckwheat", "Chestnut", "Clover", "Heather", "Lavender", "Linden", "Thyme"]),
    ("salt", ["Black", "Celtic", "Flake", "Grey", "Hawaiian", "Maldon", "Persian", "Smoked"]),
];
/// Products of a category.
const KINDS: usize = 8;
/// Products on one page of a category.
const A_PAGE: usize = 4;

pub(super) fn answer(path: &str, query: Option<&str>, port: u16) -> Answer {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        [""] => home(port),
        ["robots.txt"] => Answer::typed("text/plain", ROBOTS),
        ["category", name] => category(name, page_of(query)),
        ["product", number] => product(number, query.is_some()).unwrap_or_else(nothing_here),
        // The same bytes under another address, and no canonical to say so.
        ["print", number] => product(number, false).unwrap_or_else(nothing_here),
        ["sale"] => Answer::redirect(301, "/sale/winter"),
        ["sale", "winter"] => Answer::redirect(302, "/sale/winter/2026"),
        ["sale", "winter", "2026"] => Answer::redirect(301, "/category/tea"),
        ["round"] => Answer::redirect(302, "/round/and/round"),
        ["round", "and", "round"] => Answer::redirect(302, "/round"),
        ["discontinued"] => Answer::status(410, "No longer made"),
        ["stock"] => Answer::status(500, "The stock list is broken"),
        ["cart", ..] => Html::new("en", "The cart").text("Nobody's business: robots.txt says so.").answer(),
        ["logo.svg"] => Answer::typed("image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        ["prices.json"] => Answer::typed("application/json", "{\"currency\":\"EUR\"}\n"),
        _ => nothing_here(),
    }
}

fn nothing_here() -> Answer {
    Answer::status(404, "Nothing here")
}

fn home(port: u16) -> Answer {
    let mut page = Html::new("en", "The Corner Shop")
        .describe("Tea, coffee, spices, honey and salt")
        .raw("<img src=\"/logo.svg\" alt=\"A corner\">")
        .text("Everything a kitchen shelf can hold.");
    for (name, _) in CATEGORIES {
        page = page.link(&format!("/category/{name}"), name);
    }
    page.link("/product/7?from=home", "Today's tea")
        .link("/sale", "The sale")
        .link("/round", "Round and round")
        .link("/discontinued", "Sugar")
        .link("/stock", "Stock")
        .link("/cart/", "Your cart")
        .link("/prices.json", "Prices")
        .link("/no-such-page", "A promise")
        .raw("<a rel=\"nofollow\" href=\"/login\">Log in</a>")
        .link(&format!("http://docs.localhost:{port}/"), "How to brew")
        .link(&format!("http://blog.localhost:{port}/"), "News")
        .link("https://example.com/", "Our suppliers")
        .link("mailto:shop@example.com", "Write to us")
        .answer()
}

fn page_of(query: Option<&str>) -> usize {
    query.and_then(|query| query.strip_prefix("page=")).and_then(|n| n.parse().ok()).unwrap_or(1)
}

fn category(name: &str, page: usize) -> Answer {
    let Some(index) = CATEGORIES.iter().position(|(known, _)| *known == name) else { return nothing_here() };
    let first = page.saturating_sub(1).saturating_mul(A_PAGE);
    if page == 0 || first >= KINDS {
        return nothing_here();
    }
    let mut html = Html::new("en", &format!("All our {name}, page {page}"))
        .describe(&format!("{name} from the corner shop"))
        .text(&format!("Good {name} keeps for a year in a dark and dry place, and is better fresh."));
    for (at, product) in CATEGORIES[index].1.iter().enumerate().skip(first).take(A_PAGE) {
        html = html.link(&format!("/product/{}", index * KINDS + at + 1), product);
    }
    if first + A_PAGE < KINDS {
        html = html.raw(&format!("<a rel=\"next\" href=\"/category/{name}?page={}\">More</a>", page + 1));
    }
    html.link(&format!("/category/{name}?sort=price"), "By price").link("/", "Home").answer()
}

/// With a query it says which address is the right one.
fn product(number: &str, canonical: bool) -> Option<Answer> {
    let n: usize = number.parse().ok().filter(|n| (1..=CATEGORIES.len() * KINDS).contains(n))?;
    let (category, names) = CATEGORIES[(n - 1) / KINDS];
    let name = names[(n - 1) % KINDS];
    let next = n % (CATEGORIES.len() * KINDS) + 1;
    let mut page = Html::new("en", &format!("{name} {category}"))
        .describe(&format!("{name}: one of our eight kinds of {category}"))
        .text(&format!("{name} is number {n} on our shelf. It comes in bags of 100 g and 250 g."))
        .heading("Goes well with")
        .link(&format!("/product/{next}"), "The next on the shelf")
        .link(&format!("/category/{category}"), category);
    if canonical {
        page = page.head(&format!("<link rel=\"canonical\" href=\"/product/{n}\">"));
    }
    if n.is_multiple_of(5) {
        page = page.link(&format!("/print/{n}"), "For printing");
    }
    if n.is_multiple_of(13) {
        page = page.link(&format!("/product/{n}/large"), "The large bag");
    }
    Some(page.answer())
}
