//! Reading a body: [`read`] takes it off the wire as it came, [`decode`] undoes its content
//! codings. Both cover every buffer before they make it, and pass no limit.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Reservation;
use super::coding::{Coding, UnpackEnd, Unpacked};
use super::deadline::Deadline;
use super::failure::Failure;
use crate::model::{FailureKind, Overflow};

/// First buffer of a body, in bytes.
const FIRST_BYTES: usize = 16 * 1024;

/// So far a Content-Length is trusted for it: one that says more would be a way to hold memory without sending anything.
const TRUSTED_BYTES: u64 = 128 * 1024;

/// What is read of a redirect's body so that its connection can be used again, in bytes.
const DRAINED_BYTES: u64 = 64 * 1024;

/// How long that may take. Connecting again costs less than waiting longer.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Room for the first attempt at unpacking, as a multiple of the packed size: pages pack 4 to 8
/// times, so few need a second attempt with all the room there may be.
const FIRST_RATIO: usize = 12;

/// Least room for the first attempt at unpacking, in bytes.
const FIRST_ROOM_BYTES: usize = 64 * 1024;

/// How much of a body is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimit {
    /// In bytes, on the wire and after decoding alike.
    pub(super) bytes: usize,
    /// What to do beyond them.
    pub(super) overflow: Overflow,
}

impl BodyLimit {
    fn too_big(self, what: &str) -> Failure {
        Failure::new(FailureKind::TooBig, format_args!("{what} is longer than {} bytes", self.bytes))
    }
}

/// A body at some stage. What is missing from it is said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// Whether there was more.
    pub(super) cut: bool,
}

/// Reads a body off the wire, counting what came.
pub(super) async fn read(
    response: &mut Response,
    limit: BodyLimit,
    reservation: &mut Reservation,
    deadline: &mut Deadline,
    wire_bytes: &mut u64,
) -> Result<Body, Failure> {
    let said = response.content_length();
    if limit.overflow == Overflow::Fail && said.is_some_and(|said| said > limit.bytes as u64) {
        return Err(limit.too_big("the body, by its Content-Length,"));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = deadline.piece(response.chunk()).await?.map_err(Failure::of_body)? {
        *wire_bytes += piece.len() as u64;
        let room = limit.bytes - bytes.len();
        let kept = piece.len().min(room);
        if kept < piece.len() && limit.overflow == Overflow::Fail {
            return Err(limit.too_big("the body on the wire"));
        }
        let first = said.map_or(FIRST_BYTES, |said| said.min(TRUSTED_BYTES) as usize);
        make_room(&mut bytes, kept, first, limit.bytes, reservation, deadline).await;
        bytes.extend_from_slice(&piece[..kept]);
        if kept < piece.len() {
            return Ok(Body { bytes, cut: true });
        }
    }
    Ok(Body { bytes, cut: false })
}

/// Grows the buffer from its first size in doubling steps, covered before it is allocated.
async fn make_room(
    bytes: &mut Vec<u8>,
    more: usize,
    first: usize,
    most: usize,
    reservation: &mut Reservation,
    deadline: &mut Deadline,
) {
    let needed = bytes.len() + more;
    if needed <= bytes.capacity() {
        return;
    }
    let capacity = needed.max(bytes.capacity() * 2).max(first).min(most);
    deadline.paused(reservation.cover(capacity as u64)).await;
    bytes.reserve_exact(capacity - bytes.len());
}

/// Whether the response points elsewhere. Its body is of no use then, and can do no harm: it is
/// neither kept nor decoded, and how it ends does not matter.
pub(super) fn is_redirect(response: &Response) -> bool {
    use StatusCode as S;
    let moved = [S::MOVED_PERMANENTLY, S::FOUND, S::SEE_OTHER, S::TEMPORARY_REDIRECT, S::PERMANENT_REDIRECT];
    moved.contains(&response.status()) && response.headers().contains_key(reqwest::header::LOCATION)
}

/// Reads a short body and throws it away; gives up on any other.
pub(super) async fn drain(response: &mut Response, wire_bytes: &mut u64) {
    if response.content_length().is_some_and(|said| said > DRAINED_BYTES) {
        return;
    }
    let read = async {
        while *wire_bytes <= DRAINED_BYTES {
            let Ok(Some(piece)) = response.chunk().await else { break };
            *wire_bytes += piece.len() as u64;
        }
    };
    // Too slow is as good as too long.
    let _ = timeout(DRAIN_TIME, read).await;
}

/// Undoes the codings of a body, the last one first. The work is done on the blocking threads,
/// at most `threads` bodies at a time, because a decoder may hold 16 MB of window beside the body.
pub(super) async fn decode(
    mut body: Body,
    codings: &[Coding],
    limit: BodyLimit,
    reservation: &mut Reservation,
    threads: &Semaphore,
) -> Result<Body, Failure> {
    for &coding in codings.iter().rev() {
        if !coding.fits(&body.bytes) || body.bytes.is_empty() {
            continue;
        }
        body = undo(body, coding, limit, reservation, threads).await?;
    }
    body.bytes.shrink_to_fit();
    reservation.shrink(body.bytes.len() as u64);
    Ok(body)
}

async fn undo(
    body: Body,
    coding: Coding,
    limit: BodyLimit,
    reservation: &mut Reservation,
    threads: &Semaphore,
) -> Result<Body, Failure> {
    let packed = Arc::new(body.bytes);
    let unpacked = unpack(&packed, coding, limit.bytes, reservation, threads).await?;
    drop(packed);
    match unpacked.end {
        UnpackEnd::Whole => Ok(Body { bytes: unpacked.bytes, cut: body.cut }),
        UnpackEnd::Full if limit.overflow == Overflow::Truncate => Ok(Body { bytes: unpacked.bytes, cut: true }),
        UnpackEnd::Full => Err(limit.too_big("the decoded body")),
        // Half a stream cannot but end too early.
        UnpackEnd::Broken(_) if body.cut => Ok(Body { bytes: unpacked.bytes, cut: true }),
        UnpackEnd::Broken(reason) => Err(Failure::protocol(format_args!("content coding {}: {reason}", coding.name()))),
    }
}

/// Unpacks with the room that most bodies need and, where that is not enough, from the start with
/// all the room there may be. So no decoder ever sits half-way through a body and holds its
/// window, or a thread, while it waits for memory.
async fn unpack(
    packed: &Arc<Vec<u8>>,
    coding: Coding,
    most: usize,
    reservation: &mut Reservation,
    threads: &Semaphore,
) -> Result<Unpacked, Failure> {
    let first = packed.len().saturating_mul(FIRST_RATIO).max(FIRST_ROOM_BYTES).min(most);
    let unpacked = unpack_within(packed, coding, first, reservation, threads).await?;
    if unpacked.end != UnpackEnd::Full || first == most {
        return Ok(unpacked);
    }
    drop(unpacked);
    unpack_within(packed, coding, most, reservation, threads).await
}

async fn unpack_within(
    packed: &Arc<Vec<u8>>,
    coding: Coding,
    allowance: usize,
    reservation: &mut Reservation,
    threads: &Semaphore,
) -> Result<Unpacked, Failure> {
    reservation.cover(packed.capacity() as u64 + allowance as u64).await;
    let _thread = threads.acquire().await.map_err(|_| Failure::protocol("decoding has been shut down"))?;
    let input = Arc::clone(packed);
    tokio::task::spawn_blocking(move || coding.unpack(&input, allowance))
        .await
        .map_err(|_| Failure::protocol(format_args!("the {} decoder failed", coding.name())))
}
