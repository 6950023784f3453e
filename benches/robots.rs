//! CPU time of robots.txt: read for one crawler, and asked about one path. An ordinary file, the largest one,
//! and files of the largest size made to be slow.
//!
//! `cargo bench --bench robots`

use std::hint::black_box;

use sqrawl::politeness::{RobotsCheck, RobotsFile, RobotsRules};

fn main() {
    divan::main();
}

fn read(text: &str) -> RobotsRules {
    RobotsFile::parse(black_box(text)).rules_for("sqrawl")
}

fn ordinary() -> String {
    let rules: String = (0..60).map(|n| format!("Disallow: /section/{n}/\n")).collect();
    format!("User-agent: *\n{rules}Disallow: /*?sort=\nDisallow: /*.pdf$\nSitemap: https://example.com/sitemap.xml\n")
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
    text
}

/// Rules that begin like others, and none of which is the path's.
fn largest() -> String {
    file_of(|n| format!("Allow:/{n:x}\n"))
}

/// 22,000 wildcards that look like the path.
fn wildcards() -> String {
    let word = |n: usize| (0..15).map(|at| ['z', 'a'][n >> at & 1]).collect::<String>();
    file_of(|n| format!("Allow:*{}z*\n", word(n).replacen("za", "zz", 1)))
}

/// As many letters between stars as fit in.
fn single_letters() -> String {
    file_of(|n| format!("Allow:*{}*b{}\n", "a*".repeat(n % 60), "a".repeat(1 + n / 60)))
}

#[divan::bench]
fn read_ordinary(bencher: divan::Bencher<'_, '_>) {
    let text = ordinary();
    bencher.bench_local(|| read(&text));
}

#[divan::bench]
fn read_largest(bencher: divan::Bencher<'_, '_>) {
    let text = largest();
    bencher.bench_local(|| read(&text));
}

fn ask(bencher: divan::Bencher<'_, '_>, text: &str, path: &str) {
    let rules = read(text);
    bencher.bench_local(|| -> RobotsCheck { rules.check(black_box(path)) });
}

#[divan::bench]
fn ask_ordinary(bencher: divan::Bencher<'_, '_>) {
    ask(bencher, &ordinary(), "/articles/2024/05/an-ordinary-page?id=7");
}

#[divan::bench]
fn ask_largest(bencher: divan::Bencher<'_, '_>) {
    ask(bencher, &largest(), &format!("/x{}", "za".repeat(1000)));
}

#[divan::bench]
fn ask_the_same_wildcard(bencher: divan::Bencher<'_, '_>) {
    ask(bencher, &file_of(|_| "Allow:*zz*\n".to_owned()), &format!("/x{}", "za".repeat(1000)));
}

#[divan::bench]
fn ask_wildcards(bencher: divan::Bencher<'_, '_>) {
    ask(bencher, &wildcards(), &format!("/x{}", "za".repeat(1000)));
}

#[divan::bench]
fn ask_single_letters(bencher: divan::Bencher<'_, '_>) {
    ask(bencher, &single_letters(), &format!("/x{}{}", "a".repeat(1000), "b".repeat(1000)));
}
