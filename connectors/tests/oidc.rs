//! Every way to sign in that OAuth knows, against a certified OpenID provider (`oidc-provider`) and an API that asks it about
//! every token: what is not right for the provider is not right.
//!
//! Each test starts a provider of its own, whose clock stands until time is made to pass.

#![expect(clippy::unwrap_used, reason = "a test program stops at the first surprise")]

mod collected;
mod manifests;
/// What the tests share, and the tests by subject.
mod oidc {
    pub(crate) mod bench;
    mod catalog;
    mod clients;
    mod grants;
    mod life;
    mod own_exchanges;
    mod refusals;
}
