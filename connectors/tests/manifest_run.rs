//! A manifest that is run against scripted servers: every way to page, and every fault that a server can have.
//!
//! Whatever the fault: partial, failed or a gap, never "removed", and never a token where it does not belong. The clock is
//! virtual, so that pauses cost no time; the network is loopback.

#![expect(clippy::unwrap_used, reason = "a test program stops at the first surprise")]

mod collected;
mod manifests;
/// What the tests share, and the tests by subject.
mod manifest_run {
    pub(crate) mod bench;
    mod bundles;
    mod changes;
    mod faults;
    mod fixtures;
    mod limits;
    mod mutual_tls;
    mod pagers;
    mod people;
    mod streams;
    mod tokens;
}
