//! The `sqrawl` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    sqrawl::cli::main(std::env::args_os()).into()
}
