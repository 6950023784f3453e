//! HTTP and DNS: [`Fetcher`], one request at a time, and [`ByteBudget`], the memory all bodies
//! share from fetch to commit. The only room that opens connections.
//!
//! [`HttpFetcher`] is the fetcher of the real web; [`AddressGuard`] decides which addresses it may
//! connect; [`ensure_open_files`] makes room for its connections. A request goes
//!
//! ```text
//! origin granted? literal address allowed?   http, guard
//! name → addresses → allowed ones            resolve, guard
//! connect, TLS, head                         reqwest; head, deadline
//! body off the wire                          body, deadline, budget
//! content codings undone                     body, coding, budget
//! ```
//!
//! and whatever goes wrong on the way becomes a `Failure` with a kind and a sentence.

mod body;
mod budget;
mod coding;
mod deadline;
mod failure;
mod guard;
mod head;
mod http;
mod open_files;
mod resolve;

pub use budget::{ByteBudget, Reservation};
pub use guard::{AddressGuard, Refusal};
pub use http::{FetchSetupError, HttpFetcher, Trust};
pub use open_files::{FewOpenFiles, ensure_open_files};

use std::future::Future;

use crate::model::{Exchange, FetchRequest};

/// Makes one request and reads the response to its end. Redirects are not followed. Whatever the
/// web does is in the [`Exchange`]; there is no error.
pub trait Fetcher: Send + Sync + 'static {
    /// Fetches. The body it returns is covered by `reservation`, which it grows while it reads.
    fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> impl Future<Output = Exchange> + Send;
}
