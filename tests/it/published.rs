//! What others published as right, asked of this crawler: test suites of robots.txt parsers.

mod concurrent;
mod fuzzed;
mod robots;
