//! Content codings: never more bytes than allowed, and less allowance gives a beginning of more.
//!
//! Input: the first line is the value of `Content-Encoding`, the rest the body.

#![no_main]

use libfuzzer_sys::fuzz_target;

// The room `fetch` shows nobody its insides; this file of it needs no other.
#[allow(dead_code)]
#[path = "../../src/fetch/coding.rs"]
mod coding;

use coding::{UnpackEnd, codings_of};

const ALLOWANCE: usize = 1 << 18;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|&b| b == b'\n').unwrap_or(input.len());
    let value = String::from_utf8_lossy(&input[..end]);
    let mut body = input.get(end + 1..).unwrap_or_default().to_vec();
    let Ok(codings) = codings_of([&*value]) else { return };
    assert!(codings.len() <= coding::MAX_CODINGS);
    for coding in codings.into_iter().rev() {
        if !coding.fits(&body) {
            continue;
        }
        let unpacked = coding.unpack(&body, ALLOWANCE);
        let length = unpacked.bytes.len();
        assert!(length <= ALLOWANCE, "{}: {length} bytes", coding.name());
        let fewer = coding.unpack(&body, length / 2);
        assert!(fewer.bytes.len() <= length / 2 && unpacked.bytes.starts_with(&fewer.bytes));
        if length > 1 && unpacked.end == UnpackEnd::Whole {
            assert_eq!(fewer.end, UnpackEnd::Full, "{}: cut and said to be whole", coding.name());
        }
        body = unpacked.bytes;
    }
});
