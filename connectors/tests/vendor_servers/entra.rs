//! Microsoft Entra ID: Prism on the types of Microsoft Graph and the calls that return them, turned into OpenAPI. The token server
//! is ours.

use muster_testbeds::scripted_http::{Request, Response};
use muster_testbeds::vendor::{Paging, Vendor, from_types};
use serde_json::json;

use super::bench::{System, carries, description};
use crate::collected::TOKEN;

/// A token for the application's secret.
fn token(request: &Request) -> Response {
    let mut form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    form.sort();
    let keys: Vec<&str> = form.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["client_id", "client_secret", "grant_type", "scope"]);
    let values: Vec<&str> = form.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values[..3], ["app", TOKEN, "client_credentials"]);
    assert!(values[3].ends_with("/.default"), "{values:?}");
    Response::json(json!({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn entra_is_read_as_its_description_says() {
    let examples = [
        ("microsoft.graph.directoryObject", "@odata.type", json!("#microsoft.graph.user")),
        ("microsoft.graph.appRoleAssignment", "principalType", json!("User")),
        ("microsoft.graph.oAuth2PermissionGrant", "scope", json!("User.Read Mail.Read")),
    ];
    let vendor = Vendor::of(from_types(&description("microsoft-graph.json"), "/v1.0", &examples), |request| {
        carries(request, "Bearer")
    })
    .paged(Paging::Address("$skiptoken", "/@odata.nextLink"))
    .batched("/v1.0/$batch")
    .aside("POST", "/acme.example/oauth2/v2.0/token", token)
    .start()
    .unwrap();
    let entra = System::new(
        "entra",
        r#"login_url = "{url}", tenant_id = "acme.example", client_id = "app", client_secret = { env = "TOKEN" }"#,
    );
    entra.assert_accepted(&vendor, &["/acme.example/oauth2/v2.0/token", "/organization"]).await;
    assert!(vendor.batches() > 0, "members, owners and roles come in batches");
    entra.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("\"/oauth2PermissionGrants\"", "\"/oauth2Grants\""), "no such call"),
        (("id,signInActivity", "id,signIns"), "must be equal to one of the allowed values"),
        (("\"$expand\" = \"principal\"", "\"$expand\" = \"principals\""), "must be equal to one of the allowed values"),
        (("size_into = \"query.$top\"", "size_into = \"query.$size\""), "takes no `$size`"),
        (("/groups/${group.id}/members", "/groups/${group.id}/people"), "no such call"),
    ];
    for (slip, why) in slips {
        entra.assert_refused(&vendor, slip, why).await;
    }
}
