//! Keycloak: Prism on the description that is generated from its documentation. The token server is ours.

use muster_testbeds::vendor::{Paging, Vendor, exemplified};
use serde_json::{Value, json};

use super::bench::{System, carries, description, token_for};

/// The description, with what Keycloak means.
fn meant() -> Value {
    let examples = [
        ("CredentialRepresentation", "type", json!("password")),
        ("ClientRepresentation", "clientAuthenticatorType", json!("client-secret")),
        ("ClientRepresentation", "publicClient", json!(false)),
        ("ClientRepresentation", "attributes", json!({"client.secret.creation.time": "1700000000"})),
        ("UserRepresentation", "createdTimestamp", json!(1_700_000_000_000_u64)),
        ("CredentialRepresentation", "createdDate", json!(1_700_000_000_000_u64)),
        ("EventRepresentation", "time", json!(1_700_000_000_000_u64)),
        ("UserRepresentation", "attributes", json!({"employeeNumber": ["1001"]})),
    ];
    let mut api = exemplified(description("keycloak.json"), &examples);
    // It says that role mappings take one role; Keycloak takes a list of them, as its own later descriptions say.
    for path in ["realm", "clients~1{client}"] {
        for method in ["post", "delete"] {
            let place = format!(
                "/paths/~1{{realm}}~1users~1{{id}}~1role-mappings~1{path}/{method}/requestBody/content/application~1json/schema"
            );
            let role = api.pointer_mut(&place).unwrap();
            *role = json!({"type": "array", "items": role.take()});
        }
    }
    api
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_is_read_as_its_description_says() {
    let vendor = Vendor::of(meant(), |request| carries(request, "Bearer"))
        .paged(Paging::Offset("first"))
        .edited(|path, request, reply| {
            // Groups that lie four deep: what is asked for subgroups has one level less below it.
            let level = match path {
                "/{realm}/groups" => 1,
                "/{realm}/groups/{id}/children" => 1 + request.path.matches("level").count(),
                _ => return,
            };
            for group in reply.as_array_mut().unwrap() {
                let above = request.path.split('/').nth(5).unwrap_or_default();
                group["id"] = json!(format!("{above}level"));
                group["subGroupCount"] = json!(u8::from(level < 4));
            }
        })
        .aside("POST", "/realms/acme/protocol/openid-connect/token", |request| {
            token_for(request, &[("grant_type", "client_credentials")])
        })
        .start()
        .unwrap();
    let mut keycloak = System::new(
        "keycloak",
        r#"realm = "acme", client_id = "app", client_secret = { env = "TOKEN" }, login_events_s = 86400"#,
    );
    keycloak.given = json!({"config": {"realm": "acme"}, "entitlement": {"id": "r1", "name": "auditor"}});
    let unpaged = [
        "/realms/acme/protocol/openid-connect/token",
        "/{realm}/clients/{id}/service-account-user",
        "/{realm}/roles/{role-name}/composites",
        "/{realm}/users/{id}/credentials",
    ];
    keycloak.assert_accepted(&vendor, &unpaged).await;
    keycloak.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("/roles/${role.name}/groups\"", "/roles/${role.name}/group\""), "no such call"),
        (("briefRepresentation = \"false\"", "brief = \"false\""), "takes no `brief`"),
        (("size = 500, size_into = \"query.max\"", "size = 500, size_into = \"query.limit\""), "takes no `limit`"),
        (("into      = \"query.first\"", "into      = \"query.start\""), "takes no `start`"),
    ];
    for (slip, why) in slips {
        keycloak.assert_refused(&vendor, slip, why).await;
    }
}
