//! Google Workspace: Prism on the discovery document of the directory, turned into OpenAPI. The token server is ours.

use std::sync::Arc;

use muster_testbeds::scripted_http::{Request, Response};
use muster_testbeds::vendor::{Paging, Vendor, from_discovery};
use serde_json::json;

use super::bench::{System, asserted, carries, description};
use crate::collected::TOKEN;

/// A token for an assertion that the key of this service account signed.
fn token(request: &Request, public: &str) -> Response {
    let claims = asserted(request, public);
    assert_eq!(
        (claims["iss"].as_str(), claims["sub"].as_str()),
        (Some("svc@acme.example"), Some("admin@acme.example"))
    );
    Response::json(json!({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn google_workspace_is_read_as_its_description_says() {
    let examples = [
        ("Member", "type", json!("USER")),
        ("Member", "role", json!("MEMBER")),
        ("RoleAssignment", "scopeType", json!("CUSTOMER")),
        ("RoleAssignment", "assigneeType", json!("user")),
    ];
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let public: Arc<str> = pair.public_key_pem().into();
    let vendor = Vendor::of(from_discovery(&description("google-directory.json"), &examples), |request| {
        carries(request, "Bearer")
    })
    .paged(Paging::Cursor("pageToken", "/nextPageToken"))
    .ids(&["id", "roleId", "roleAssignmentId"])
    .edited(|path, request, reply| {
        // Every type has every key in Prism's answers; only a deleted user has this one.
        if path == "/admin/directory/v1/users" && request.query("showDeleted").is_none() {
            for user in reply["users"].as_array_mut().unwrap() {
                user.as_object_mut().unwrap().remove("deletionTime");
            }
        }
    })
    .aside("POST", "/token", move |request| token(request, &public))
    .start()
    .unwrap();
    let mut google = System::new(
        "google-workspace",
        r#"token_url = "{url}/token", client_email = "svc@acme.example", admin = "admin@acme.example", tokens = true, private_key = { env = "KEY" }"#,
    );
    google.given = json!({"config": {"customer": "my_customer"}, "credential": {"id": "7/42", "account": "7"}});
    google.environment.insert("KEY".to_owned(), pair.serialize_pem());
    google.assert_accepted(&vendor, &["/admin/directory/v1/users/{userKey}/tokens", "/token"]).await;
    google.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("/customer/${config.customer}/roles\"", "/customers/${config.customer}/roles\""), "no such call"),
        (("size = 500, size_into", "size = 501, size_into"), "maxresults must be <= 500"),
        (("projection = \"full\"", "projection = \"all\""), "projection must be equal to one of the allowed values"),
        (("into        = \"query.pageToken\"", "into        = \"query.token\""), "takes no `token`"),
    ];
    for (slip, why) in slips {
        google.assert_refused(&vendor, slip, why).await;
    }
}
