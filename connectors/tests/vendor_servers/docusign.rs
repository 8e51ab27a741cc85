//! DocuSign: Prism on the Swagger description of the Admin API. The token server is ours.

use std::sync::Arc;

use muster_testbeds::scripted_http::{Request, Response};
use muster_testbeds::vendor::{Paging, Vendor, exemplified};
use serde_json::json;

use super::bench::{System, asserted, carries, description};
use crate::collected::TOKEN;

/// Id of the organization, as the description's examples have it.
const ID: &str = "00000000-0000-0000-0000-000000000000";

/// A token for an assertion of the app in the name of the administrator.
fn token(request: &Request, public: &str) -> Response {
    let claims = asserted(request, public);
    assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("app"), Some("admin")));
    assert_eq!(claims["aud"].as_str(), request.header("host"));
    let scope = claims["scope"].as_str().unwrap();
    assert!(scope.contains("impersonation") && !scope.contains("write"), "{scope}");
    Response::json(json!({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn docusign_is_read_as_its_description_says() {
    let examples = [
        ("OrganizationUserResponse", "user_status", json!("active")),
        ("OrganizationUserResponse", "membership_status", json!("active")),
        ("OrganizationUserResponse", "email", json!("user@example.com")),
    ];
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let public: Arc<str> = pair.public_key_pem().into();
    let vendor = Vendor::of(exemplified(description("docusign.json"), &examples), |request| carries(request, "Bearer"))
        .paged(Paging::Counted("start", 0))
        .total("/paging/total_set_size")
        .aside("POST", "/oauth/token", move |request| token(request, &public))
        .start()
        .unwrap();
    let mut docusign = System::new(
        "docusign",
        &format!(
            r#"organization_id = "{ID}", integration_key = "app", user_id = "admin", private_key = {{ env = "KEY" }}, auth_url = "{{url}}""#
        ),
    );
    docusign.environment.insert("KEY".to_owned(), pair.serialize_pem());
    docusign.given = json!({
        "config": {"organization_id": ID}, "account": {"id": ID, "login": "user@example.com"},
        "edge": {"resource": format!("account:{ID}"), "entitlement": "account:member"},
    });
    let unpaged = [
        "/oauth/token",
        "/v2/organizations",
        "/v2/organizations/{organizationId}/accounts/{accountId}/permissions",
        "/v2/organizations/{organizationId}/users/profile",
    ];
    docusign.assert_accepted(&vendor, &unpaged).await;
    docusign.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("/accounts/${place.id}/permissions\"", "/accounts/${place.id}/permission_profiles\""), "no such call"),
        (("size_into = \"query.take\"", "size_into = \"query.limit\""), "takes no `limit`"),
        (("account_id = \"${place.id}\"", "account_id = \"${place.name}\""), "account_id must match format"),
        (("include_license = \"true\"", "include_license = \"yes\""), "include_license must be boolean"),
    ];
    for (slip, why) in slips {
        docusign.assert_refused(&vendor, slip, why).await;
    }
}
