//! Asks the robots.txt matcher in bulk, for `scripts/robots-peers`.
//!
//! One JSON object a line on standard input, `{"robots": TEXT, "agents": [TOKEN], "paths": [PATH]}`;
//! one a line on standard output, an array with an object for each agent:
//! `{"allowed": "1011…", "lines": [NUMBER or null], "crawl_delay_ms": NUMBER or null}`, one digit
//! and one line number for each path.

use std::io::{BufRead, Write};

use serde_json::{Value, json};
use sqrawl::politeness::RobotsFile;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Written line by line: who asks waits for the answer.
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let file = RobotsFile::parse(asked["robots"].as_str().unwrap_or_default());
        let answers: Vec<Value> =
            strings(&asked["agents"]).map(|agent| answer(&file, agent, &asked["paths"])).collect();
        writeln!(out, "{}", Value::Array(answers))?;
    }
    Ok(())
}

fn answer(file: &RobotsFile, agent: &str, paths: &Value) -> Value {
    let rules = file.rules_for(agent);
    let (allowed, lines): (String, Vec<_>) = strings(paths)
        .map(|path| rules.check(path))
        .map(|check| (if check.allowed { '1' } else { '0' }, check.line.map(|(number, _)| number)))
        .unzip();
    json!({ "allowed": allowed, "lines": lines, "crawl_delay_ms": rules.crawl_delay_ms() })
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
