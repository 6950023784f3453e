//! The migrations are embedded: a changed one must be compiled in again.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
