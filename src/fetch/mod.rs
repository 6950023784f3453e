//! HTTP and DNS: [`Fetcher`], one request at a time, and [`ByteBudget`], the memory all bodies
//! share from fetch to commit. The only room that opens connections.
//!
//! [`HttpFetcher`] is the fetcher of the real web; [`AddressGuard`] decides which addresses it may
//! connect; [`ensure_open_files`] makes room for its connections. A request goes
//!
//! ```text
//! origin granted? literal address allowed?   http, guard
//! headers, credentials and cookies put on    outgoing, cookies
//! name → addresses → allowed ones            resolve, guard
//! connect, TLS, head                         reqwest; head, deadline
//! body off the wire                          body, deadline, budget
//! content codings undone                     body, coding, budget
//! ```
//!
//! and whatever goes wrong on the way becomes a `Failure` with a kind and a sentence.

mod body;
mod budget;
mod client;
mod coding;
mod cookies;
mod deadline;
mod failure;
mod guard;
mod head;
mod http;
mod open_files;
mod outgoing;
mod resolve;

pub use budget::{ByteBudget, Reservation};
pub use client::{FetchSetupError, Trust};
pub use coding::undo_codings;
pub use cookies::{CookieFileError, CookieJar};
pub use guard::{AddressGuard, Refusal};
pub use http::HttpFetcher;
pub use open_files::{FewOpenFiles, ensure_open_files};

use std::future::Future;
use std::net::IpAddr;

use crate::model::{CrawlUrl, Exchange, FetchRequest};

/// Makes one request and reads the response to its end. Redirects are not followed. Whatever the
/// web does is in the [`Exchange`]; there is no error.
pub trait Fetcher: Send + Sync + 'static {
    /// Fetches. The body it returns is covered by `reservation`, which it grows while it reads.
    fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> impl Future<Output = Exchange> + Send;

    /// The address that a request for `url` would try first, as far as it is known without
    /// connecting: what hosts are counted by that share a server. `None` when there is none, when
    /// the guard refuses it, or when somebody else connects (a proxy). Takes no longer than one
    /// bounded name lookup; a name that was looked up within a minute is answered at once.
    fn address_of(&self, _url: &CrawlUrl) -> impl Future<Output = Option<IpAddr>> + Send {
        async { None }
    }

    /// An origin that the operator named while the crawl runs: it gets the credentials of the crawl, and with `granted`
    /// may be connected wherever it lies.
    fn trust(&self, _origin: crate::model::Origin, _granted: bool) {}

    /// Most requests that the machine lets be in flight at once, whatever `--concurrency` asks for.
    fn most_in_flight(&self) -> u32 {
        u32::MAX
    }
}
