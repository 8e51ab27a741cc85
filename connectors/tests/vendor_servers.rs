//! Whole collections against servers that check every request: Prism on the vendors' descriptions, and an emulator of GitHub
//! that holds state.
//!
//! What passes here is asked as the vendor describes it (paths, parameters and their values, bodies, how to sign in), and
//! replies of the described shape are understood. What is wrong is refused, which each test shows on its manifest with a slip.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod collected;
mod manifests;
mod schemas;
/// What the tests share, and the tests by system.
mod vendor_servers {
    mod bamboohr;
    pub(crate) mod bench;
    mod r#box;
    mod changes;
    mod cloudflare;
    mod datadog;
    mod docusign;
    mod emulator;
    mod entra;
    mod github;
    mod google;
    mod keycloak;
    mod kubernetes;
    mod okta;
    mod slack;
    mod snowflake;
    mod zoom;
}
