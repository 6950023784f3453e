//! Files of the largest size: what they take, and how long a check is. Steps are counted, not time.

use super::super::pattern::steps;
use super::*;

/// Would not end if matching were not linear in the path.
#[test]
fn a_hundred_wildcards_are_matched_in_one_pass() {
    let text = format!("User-agent: *\nDisallow: /{}b\n", "*a".repeat(100));
    let rules = RobotsFile::parse(&text).rules_for("x");
    for _ in 0..100 {
        assert!(rules.check(&format!("/{}", "a".repeat(2000))).allowed);
    }
    assert!(!rules.check(&format!("/{}b", "a".repeat(2000))).allowed);
}

/// Would not end if parsing or checking were not linear in the file.
#[test]
fn a_file_of_the_largest_size_is_read_and_asked() {
    let mut text = String::from("User-agent: *\n");
    for n in 0..40_000 {
        text.push_str(&format!("Disallow:*{n}q\n"));
    }
    let rules = RobotsFile::parse(&text).rules_for("x");
    for n in 0..2 {
        assert!(rules.check(&format!("/{}{n}", "a/".repeat(500))).allowed);
        assert!(!rules.check(&format!("/{}{n}q", "a/".repeat(500))).allowed);
    }
    let agents = "User-agent: x\n".repeat(36_000) + "Disallow: /";
    assert!(!RobotsFile::parse(&agents).rules_for("x").check("/y").allowed);
}

/// A file of the largest size, of such lines.
fn file_of(line: impl Fn(usize) -> String) -> String {
    let mut text = String::from("User-agent: *\nDisallow:/x\n");
    for line in (0..).map(line) {
        if text.len() + line.len() > RobotsFile::MAX_BYTES {
            break;
        }
        text.push_str(&line);
    }
    assert!(text.len() > RobotsFile::MAX_BYTES - 20_000);
    text
}

/// The `n`th word of `letters` letters from `first` on.
fn word(n: usize, letters: usize, first: u8, base: usize) -> String {
    let digits = std::iter::successors(Some(n), |rest| Some(rest / base));
    digits.take(letters).map(|rest| char::from(first + (rest % base) as u8)).collect()
}

/// 64,000 rules took 96 bytes each, two texts and the growth of a list: 9 MB of a file, 23 MB while it was
/// read.
#[test]
fn a_file_of_the_largest_size_took_twenty_times_its_size() {
    let files = [
        file_of(|_| "Allow:a\n".to_owned()),
        file_of(|n| format!("Allow:{}\n", word(n, 4, b'a', 16))),
        file_of(|n| format!("Allow:{}*\n", word(n, 3, b'A', 40))),
        file_of(|n| format!("Allow:\"{}%2f?%2f\n", word(n, 3, b'A', 40))),
        file_of(|n| format!("Allow:{}/index.htm\n", word(n, 3, b'A', 40))),
        file_of(|n| format!("Disallow:{}{n}\n", "\"".repeat(16_000))),
    ];
    for text in files {
        let rules = RobotsFile::parse(&text).rules_for("x");
        println!("{} bytes of {:.20}", rules.bytes(), text.lines().nth(2).unwrap());
        assert!(rules.bytes() <= 4_000_000, "{} bytes of {:.20}", rules.bytes(), text.lines().nth(2).unwrap());
        assert_eq!(rules.check("/x").line.map(|(number, _)| number), Some(2));
    }
}

/// Rules of others, and repeated ones, are not kept.
#[test]
fn only_what_decides_is_kept() {
    let ordinary = "User-agent: x\nDisallow: /a\nCrawl-delay: 2\n";
    let least = RobotsFile::parse(ordinary).rules_for("x");
    for more in [
        file_of(|n| format!("Disallow: /{n}\n")),
        "Sitemap: https://a.example/sitemap.xml\n".repeat(9_000),
        format!("User-agent: x\n{}", "Disallow: /a\n".repeat(30_000)),
    ] {
        let text = format!("{ordinary}{more}");
        let rules = RobotsFile::parse(&text).rules_for("x");
        assert_eq!(rules, least, "{}", &more[..50]);
    }
    let both = RobotsFile::parse("User-agent: x\nDisallow: /a\nAllow: /a\nAllow: /a").rules_for("x");
    assert_eq!(both.check("/a"), RobotsCheck { allowed: true, line: Some((3, "Allow: /a".to_owned())) });
}

/// Each of 46,000 rules was looked for in all of a path of 2 kB: 110 ms a path, and a page names
/// thousands of them.
#[test]
fn forty_thousand_wildcards_looked_through_a_path_each() {
    let mixed: String = (0..2000).map(|n| word(n * n * 7919 + n, 1, b'a', 20)).collect();
    let halves = format!("{}{}", &mixed[..1000].replace(|c| c > 'j', "c"), &mixed[..1000].replace(|c| c < 'k', "m"));
    let cases = [
        ("the same", "Allow:*zz*\n".repeat(46_000), format!("/x{}", "za".repeat(1000))),
        ("absent", file_of(|n| format!("Allow:*{}*\n", word(n, 4, b'm', 14))), format!("/x{mixed}")),
        ("nearly there", file_of(|n| format!("Allow:*{}Z\n", word(n, 4, b'a', 20))), format!("/x{mixed}")),
        (
            "in the wrong order",
            file_of(|n| format!("Allow:*{}*{}\n", word(n, 2, b'k', 10), word(n / 100, 3, b'a', 10))),
            format!("/x{halves}"),
        ),
        (
            "of single letters",
            file_of(|n| format!("Allow:*{}*b{}\n", "a*".repeat(n % 60), "a".repeat(1 + n / 60))),
            format!("/x{}{}", "a".repeat(1000), "b".repeat(1000)),
        ),
        ("ever longer", file_of(|n| format!("Allow:*{}Z\n", "a".repeat(n))), format!("/x{}", "a".repeat(2000))),
        ("from the root", file_of(|n| format!("Allow:/{}\n", word(n, 4, b'a', 20))), format!("/x{mixed}")),
    ];
    for (name, rules, path) in cases {
        let rules = RobotsFile::parse(&format!("User-agent: *\nDisallow: /x\n{rules}")).rules_for("x");
        let (check, taken) = steps::of(|| rules.check(&path));
        println!("{name}: {taken} steps");
        assert!(!check.allowed, "{name}: {check:?}");
        // Looking through the path took 90 million.
        assert!(taken <= 2_500_000, "{name}: {taken} steps");
    }
}
