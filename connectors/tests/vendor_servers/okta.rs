//! Okta: Prism on the management description.

use muster_testbeds::vendor::{Paging, Vendor};

use super::bench::{System, carries, description};
use crate::collected::TOKEN;

#[tokio::test(flavor = "multi_thread")]
async fn okta_is_read_as_its_description_says() {
    let vendor = Vendor::of(description("okta.json"), |request| carries(request, "SSWS"))
        .paged(Paging::Address("after", "/_links/next/href"))
        .paged(Paging::Link("after"))
        .start()
        .unwrap();
    let mut okta = System::new("okta", r#"token = { env = "TOKEN" }, log_window_s = 3600"#);
    okta.signed = vec![("authorization", format!("SSWS {TOKEN}"))];
    let unpaged = ["/api/v1/api-tokens", "/api/v1/users/{userId}/factors", "/api/v1/users/{userId}/roles"];
    okta.assert_accepted(&vendor, &unpaged).await;
    okta.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("get   = \"/groups/rules\"", "get   = \"/groups-rules\""), "no such call"),
        (
            ("size = 500, size_into = \"query.limit\"", "size = 501, size_into = \"query.limit\""),
            "limit must be <= 500",
        ),
        (("{ filter = \"${'status", "{ status = \"${'status"), "takes no `status`"),
        (("SSWS ${secret.token}", "Bearer ${secret.token}"), "does not carry the credential"),
    ];
    for (slip, why) in slips {
        okta.assert_refused(&vendor, slip, why).await;
    }
}
