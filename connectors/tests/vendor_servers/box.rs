//! Box: Prism on the OpenAPI description. The token server is ours.

use muster_testbeds::vendor::{Paging, Vendor};
use serde_json::json;

use super::bench::{System, carries, description, token_for};

#[tokio::test(flavor = "multi_thread")]
async fn box_is_read_as_its_description_says() {
    let vendor = Vendor::of(description("box.json"), |request| carries(request, "Bearer"))
        .paged(Paging::Cursor("marker", "/next_marker"))
        .paged(Paging::Cursor("stream_position", "/next_stream_position"))
        .paged(Paging::Counted("offset", 0))
        .total("/total_count")
        .edited(|path, request, reply| match path {
            "/users/me" => reply["enterprise"]["id"] = json!("acme"),
            // A folder that its reader owns and shares. The description has a folder's short form here; `fields` asks for more.
            "/folders/{folder_id}/items" => {
                let folder = &mut reply["entries"][0];
                folder["type"] = json!("folder");
                folder["has_collaborations"] = json!(true);
                folder["owned_by"] =
                    json!({"type": "user", "id": request.header("as-user"), "login": "ceo@example.com"});
            }
            // The end of the events is a chunk with none.
            "/events" if request.query("stream_position").is_some() => {
                reply["chunk_size"] = json!(0);
                reply["entries"] = json!([]);
            }
            _ => {}
        })
        .aside("POST", "/oauth2/token", |request| {
            let subject = [("box_subject_type", "enterprise"), ("box_subject_id", "acme")];
            token_for(request, &[&subject[..], &[("grant_type", "client_credentials")]].concat())
        })
        .start()
        .unwrap();
    let mut r#box = System::new(
        "box",
        r#"enterprise_id = "acme", client_id = "app", client_secret = { env = "TOKEN" }, folders = true, log_window_s = 86400"#,
    );
    let held = json!({"entries": [{"id": "1", "group": {"id": "11"}, "accessible_by": {"id": "7"}}]});
    r#box.given = json!({
        "config": {"enterprise_id": "acme"}, "present": held,
        "edge": {"member": "7", "via": "member", "entitlement": "collaborator:editor", "resource": "folder:500"},
    });
    r#box.assert_accepted(&vendor, &["/oauth2/token", "/users/me"]).await;
    r#box.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("get     = \"/folders/0/items\"", "get     = \"/folder/0/items\""), "no such call"),
        (("size      = 1000\nsize_into", "size      = 1001\nsize_into"), "limit must be <= 1000"),
        (("event_type = \"LOGIN\"", "event_type = \"SIGN_IN\""), "must be equal to one of the allowed values"),
        (("into      = \"query.marker\"", "into      = \"query.next_marker\""), "takes no `next_marker`"),
    ];
    for (slip, why) in slips {
        r#box.assert_refused(&vendor, slip, why).await;
    }
}
