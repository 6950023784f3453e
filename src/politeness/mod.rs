//! How often and whether a host may be asked. `docs/politeness.md` has the rules as a user sees
//! them.
//!
//! - [`RobotsFile`] is a parsed robots.txt, [`RobotsRules`] what it says to one crawler,
//!   [`RobotsCheck`] what these say of one path.
//! - [`robots_record`] is what a fetch of robots.txt comes to, [`robots_holds`] for how long, and
//!   [`robots_verdict`] what it says of a URL, for whoever asks later. [`robots_on_its_way`],
//!   [`robots_put_off`] and [`robots_next`] follow its redirects.
//! - [`host_delay`], [`backoff_ms`] and [`retry_after_ms`] are the pauses between requests;
//!   [`pace`] lengthens them where a host answers slowly or with errors.

mod delay;
pub mod pace;
mod record;
pub mod robots;

pub use delay::{backoff_ms, host_delay, retry_after_ms};
pub use record::{robots_holds, robots_next, robots_on_its_way, robots_put_off, robots_record, robots_verdict};
pub use robots::{RobotsCheck, RobotsFile, RobotsRules};
