//! Paths that grow without end, because a relative link points one level deeper every time it is
//! followed.

/// Most segments of a path. Hand-made trees rarely pass 20.
pub(super) const MAX_SEGMENTS: usize = 50;

/// Longest sequence of segments whose repetition is looked for.
const MAX_PERIOD: usize = 8;

/// A sequence is a trap when it stands this often in a row …
const MIN_REPEATS: usize = 3;

/// … and covers this many segments: `/a/b/a/b/a/b`, `/a/a/a/a/a/a`.
pub(super) const MIN_REPEATED_SEGMENTS: usize = 6;

/// Whether the path has more segments than any tree of pages.
pub(super) fn is_too_deep(path: &str) -> bool {
    path.split('/').skip(1).nth(MAX_SEGMENTS).is_some()
}

/// Whether the path repeats itself within its first [`MAX_SEGMENTS`]. Numbers may repeat
/// (`/0/0/0/0/0/0/1.png`): files are laid out that way.
pub(super) fn repeats_itself(path: &str) -> bool {
    let mut segments = [""; MAX_SEGMENTS];
    let mut count = 0;
    for (slot, segment) in segments.iter_mut().zip(path.split('/').skip(1)) {
        *slot = segment;
        count += 1;
    }
    let segments = &segments[..count];
    count >= MIN_REPEATED_SEGMENTS && (1..=MAX_PERIOD).any(|period| repeats(segments, period))
}

/// Whether a sequence of `period` segments stands often enough in a row.
fn repeats(segments: &[&str], period: usize) -> bool {
    let needed = (MIN_REPEATS * period).max(MIN_REPEATED_SEGMENTS.next_multiple_of(period)) - period;
    if segments.len() < needed + period {
        return false;
    }
    let mut run = 0;
    let mut is_numbers = true;
    for (earlier, segment) in segments.iter().zip(segments.iter().skip(period)) {
        if earlier == segment {
            run += 1;
            is_numbers &= is_number(segment);
        } else {
            (run, is_numbers) = (0, true);
        }
        if run >= needed && !is_numbers {
            return true;
        }
    }
    false
}

fn is_number(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: bool) {
        assert_eq!(repeats_itself(path), expected, "{path}");
    }

    #[test]
    fn repeated_segments_are_a_trap() {
        check("/a/b/a/b/a/b", true);
        check("/a/b/a/b/a/b/", true);
        check("/start/a/b/a/b/a/b/end.html", true);
        check("/a/a/a/a/a/a", true);
        check("/a/b/c/a/b/c/a/b/c/x", true);
        check("/a/1/a/1/a/1", true);
        check("/x///////y", true);
        check(&"/1/2/3/4/5/6/7/b".repeat(3), true);
    }

    #[test]
    fn pages_of_real_sites_are_not() {
        check("/", false);
        check("/a/a/a/a/a", false);
        check("/a/b/a/b/a", false);
        check("/a/b/c/a/b/c", false);
        check("/a/a/b/b/a/a/b/b", false);
        check("/tiles/0/0/0/0/0/0/0.png", false);
        check("/2024/01/01/2024/01/01/2024/01/01/", false);
        check("/web/20240101000000/https://example.com/x", false);
        check(&"/1/2/3/4/5/6/7/8/b".repeat(3), false);
    }

    #[test]
    fn depth_is_bounded() {
        let path = |segments: usize| (0..segments).map(|n| format!("/{n}")).collect::<String>();
        assert!(!is_too_deep(&path(MAX_SEGMENTS)));
        assert!(is_too_deep(&path(MAX_SEGMENTS + 1)));
        assert!(is_too_deep(&"/".repeat(2000)));
        assert!(!is_too_deep("/"));
        // What repeats far down is too deep anyway.
        assert!(!repeats_itself(&format!("{}/a/a/a/a/a/a", path(MAX_SEGMENTS))));
    }
}
