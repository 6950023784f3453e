//! How glibc's allocator shares its memory out among threads.
//!
//! By default nearly every thread has an arena of its own, and what is free in one is of no use to another. Here pages are
//! read by some threads, parsed by others and written by one more. With two arenas a crawl of 5,000 pages of 42 kB
//! peaked at 136 MB instead of 178, in the same time (docs/benchmarks.md). Other allocators took more.

/// Arenas of the process.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: libc::c_int = 2;

/// Bounds the number of arenas. To be called before other threads are started; whoever sets `MALLOC_ARENA_MAX` knows better.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "glibc has no other way, but an environment variable that is read before main")]
#[allow(clippy::disallowed_methods, reason = "no setting of the crawl: a variable that glibc itself reads")]
pub(super) fn share() {
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        // SAFETY: mallopt takes two integers by value, keeps no pointer, and locks what it changes (mallopt(3): MT-Safe
        // but for what it initialises, and no other thread runs yet). M_ARENA_MAX only bounds arenas that are made later. A refusal
        // (0) changes nothing, and nothing depends on it.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) };
    }
}

/// Other allocators share by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn share() {}
