//! HTTP and DNS: [`Fetcher`], one request at a time, and [`ByteBudget`], the memory all bodies
//! share from fetch to commit. The only room that opens connections.

mod budget;

pub use budget::{ByteBudget, Reservation};

use std::future::Future;

use crate::model::{Exchange, FetchRequest};

/// Makes one request and reads the response to its end. Redirects are not followed. Whatever the
/// web does is in the [`Exchange`]; there is no error.
pub trait Fetcher: Send + Sync + 'static {
    /// Fetches. The body it returns is covered by `reservation`, which it grows while it reads.
    fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> impl Future<Output = Exchange> + Send;
}
