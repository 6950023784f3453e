//! What is said in two places stays the same: the commands of the README and of the check script.

use std::fs;
use std::path::Path;

/// Builds and runs the main job, offline.
const DEMO: &str = "cargo run --release -- demo";
/// Runs every test.
const TEST: &str = "cargo test --locked";

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Lines of the fenced code blocks, without a prompt.
fn commands(markdown: &str) -> Vec<&str> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            commands.push(line.trim().trim_start_matches("$ "));
        }
    }
    commands
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = file("README.md");
    for command in [DEMO, TEST] {
        let known = commands(&readme).iter().any(|line| line.split('#').next().unwrap().trim() == command);
        assert!(known, "README.md has no line `{command}` in a code block");
    }
}

#[test]
fn the_check_script_ends_with_the_readmes_test_command() {
    let script = file(".ci/run");
    let ran: Vec<&str> = script.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(ran.last().map(|line| line.split(" 2>").next().unwrap()), Some(TEST));
    assert!(script.lines().any(|line| line == "set -euo pipefail"), "a failing step must fail the script");
    for step in ["cargo fmt --check", "cargo clippy --all-targets --locked -- -D warnings"] {
        assert!(ran.contains(&step), "{step} is not run");
    }
}

#[test]
fn commands_are_read_from_code_blocks_only() {
    let text = "run `a`\n```sh\n$ b c\n  d # why\n```\ne\n```\nf\n```\n";
    assert_eq!(commands(text), ["b c", "d # why", "f"]);
}
