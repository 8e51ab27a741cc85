//! Cloudflare: Prism on the OpenAPI description of 2024, completed out of the types of Cloudflare's own client.

use muster_testbeds::vendor::{Paging, Vendor};
use serde_json::{Value, json};

use super::bench::{System, carries, description};

const ACCOUNT: &str = "023e105f4ecef8ad9ca31a8372d0c353";

/// The description, with tokens as a way to sign in: of 2024, it lets nothing but a person's global key read members and roles.
fn meant() -> Value {
    let mut api = description("cloudflare.json");
    for calls in api["paths"].as_object_mut().unwrap().values_mut() {
        for (_, call) in calls.as_object_mut().unwrap().iter_mut().filter(|(name, _)| *name != "parameters") {
            if let Some(ways) = call["security"].as_array_mut() {
                ways.push(json!({"api_token": []}));
            }
        }
    }
    api
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudflare_is_read_as_its_description_says() {
    let vendor = Vendor::of(meant(), |request| carries(request, "Bearer"))
        .paged(Paging::Counted("page", 1))
        .total("/result_info/total_count")
        .edited(|path, _request, reply| {
            if path == "/accounts/{account_id}" {
                reply["result"]["id"] = json!(ACCOUNT);
            }
        })
        .start()
        .unwrap();
    let mut cloudflare =
        System::new("cloudflare", &format!(r#"account_id = "{ACCOUNT}", token = {{ env = "TOKEN" }}"#));
    let member = json!({"id": "7", "user": {"email": "user@example.com"}, "roles": [
        {"id": "3536bcfad5faccb999b47003c79917fb", "name": "DNS", "description": "", "permissions": {}},
        {"id": "11", "name": "Billing", "description": "", "permissions": {}}]});
    cloudflare.given = json!({
        "config": {"account_id": ACCOUNT}, "present": {"result": member}, "entitlement": {"id": "11"},
        "credential": {"id": "token:42", "account": "7"}, "account": {"id": "7", "login": "user@example.com"},
    });
    cloudflare.assert_accepted(&vendor, &["/accounts/{account_id}"]).await;
    cloudflare.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("/access/service_tokens\"\nitems", "/access/tokens\"\nitems"), "no such call"),
        (("size      = 50", "size      = 51"), "per_page must be <= 50"),
        (("include_expired = \"true\"", "expired = \"true\""), "takes no `expired`"),
        (("token = \"${secret.token}\"", "token = \"${secret.token}x\""), "does not carry the credential"),
    ];
    for (slip, why) in slips {
        cloudflare.assert_refused(&vendor, slip, why).await;
    }
}
