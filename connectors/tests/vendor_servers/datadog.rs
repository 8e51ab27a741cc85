//! Datadog: Prism on the description that its clients are made from.

use muster_testbeds::scripted_http::Request;
use muster_testbeds::vendor::{Paging, Vendor, exemplified};
use serde_json::json;

use super::bench::{System, description};
use crate::collected::TOKEN;

/// Whether a request carries the organization's key and the application's.
fn is_signed(request: &Request) -> bool {
    request.header("dd-api-key") == Some("organization") && request.header("dd-application-key") == Some(TOKEN)
}

#[tokio::test(flavor = "multi_thread")]
async fn datadog_is_read_as_its_description_says() {
    let examples = [
        ("UserAttributes", "service_account", json!(true)),
        ("UserAttributes", "status", json!("Active")),
        ("PartialAPIKeyAttributes", "created_at", json!("2020-11-23T10:00:00.000Z")),
    ];
    let vendor = Vendor::of(exemplified(description("datadog.json"), &examples), is_signed)
        .paged(Paging::Counted("page[number]", 0))
        .total("/meta/page/total_filtered_count")
        .total("/meta/page/total_count")
        .total("/meta/pagination/total")
        .start()
        .unwrap();
    let mut datadog = System::new("datadog", r#"api_key = { env = "KEY" }, app_key = { env = "TOKEN" }"#);
    datadog.environment.insert("KEY".to_owned(), "organization".to_owned());
    datadog.signed = vec![("dd-api-key", "organization".to_owned()), ("dd-application-key", TOKEN.to_owned())];
    datadog.given = json!({"credential": {"id": "api_key:42", "account": "7"}, "entitlement": {"id": "r1"}});
    datadog.assert_accepted(&vendor, &["/api/v2/roles/{role_id}/permissions"]).await;
    datadog.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("get   = \"/team\"", "get   = \"/teams\""), "no such call"),
        (("size_into = \"query.page[size]\"", "size_into = \"query.page[limit]\""), "takes no `page[limit]`"),
        (
            ("get   = \"/team\"\n", "get   = \"/team\"\nquery = { sort = \"size\" }\n"),
            "sort must be equal to one of the allowed values",
        ),
        (
            ("DD-APPLICATION-KEY = \"${secret.app_key}\"", "DD-APPLICATION-KEY = \"${secret.api_key}\""),
            "does not carry the credential",
        ),
    ];
    for (slip, why) in slips {
        datadog.assert_refused(&vendor, slip, why).await;
    }
}
