//! A shelf of hostile servers, asked by the real fetcher over loopback, and crawled by the real binary.
//!
//! - [`server`]: [`RawServer`](server::RawServer), which says exactly the bytes it is told to.
//! - [`desk`]: [`check`](desk::check), one request and everything that must be true of it.
//! - the shelf: [`heads`], [`bodies`], [`codings`], [`conditions`], [`slow`], [`drips`],
//!   [`addresses`], [`secure`], [`identity`], [`proxies`].
//! - [`web`]: hosts that are hostile each in its own way, crawled whole.

mod addresses;
mod bodies;
mod codings;
mod conditions;
mod desk;
mod drips;
mod heads;
mod identity;
mod proxies;
pub(crate) mod secure;
mod server;
mod slow;
mod web;
