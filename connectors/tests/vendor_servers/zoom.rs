//! Zoom: Prism on the description of 2021, completed after Zoom's reference (see the specs' README). The token server is ours.

use muster_testbeds::vendor::{Paging, Vendor, exemplified};
use serde_json::json;

use super::bench::{System, carries, description, token_for};
use crate::collected::TOKEN;

#[tokio::test(flavor = "multi_thread")]
async fn zoom_is_read_as_its_description_says() {
    let examples = [("User", "type", json!(2)), ("User", "role_id", json!("2"))];
    let vendor = Vendor::of(exemplified(description("zoom.json"), &examples), |request| carries(request, "Bearer"))
        .paged(Paging::Cursor("next_page_token", "/next_page_token"))
        .total("/total_records")
        // It wants the token as a parameter, which was the way of apps that are no more.
        .reworded(|_request, target| {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.extend(["access_token=", TOKEN]);
        })
        .edited(|path, request, reply| match path {
            // Each status has users of its own.
            "/users" => {
                let status = request.query("status").unwrap_or_default();
                for user in reply["users"].as_array_mut().unwrap() {
                    user["status"] = json!(status);
                    user["id"] = json!(format!("{status}-user"));
                }
            }
            "/users/{userId}" => reply["account_id"] = json!("acme"),
            _ => {}
        })
        .aside("POST", "/oauth/token", |request| {
            token_for(request, &[("grant_type", "account_credentials"), ("account_id", "acme")])
        })
        .start()
        .unwrap();
    let mut zoom = System::new(
        "zoom",
        r#"token_url = "{url}/oauth/token", account_id = "acme", client_id = "app", client_secret = { env = "TOKEN" }"#,
    );
    zoom.given = json!({"config": {"account_id": "acme"}});
    let unpaged = ["/oauth/token", "/roles", "/roles/{roleId}", "/users/{userId}"];
    zoom.assert_accepted(&vendor, &unpaged).await;
    zoom.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("get   = \"/roles/${held.id}/members\"", "get   = \"/roles/${held.id}/users\""), "no such call"),
        (("size        = 300", "size        = 301"), "page_size must be <= 300"),
        (("\"pending\"] }\nget", "\"invited\"] }\nget"), "status must be equal to one of the allowed values"),
        (("into        = \"query.next_page_token\"", "into        = \"query.page_token\""), "takes no `page_token`"),
    ];
    for (slip, why) in slips {
        zoom.assert_refused(&vendor, slip, why).await;
    }
}
