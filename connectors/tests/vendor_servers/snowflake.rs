//! Snowflake: Prism on the OpenAPI descriptions of the SQL API and the REST API. What a statement gives is in none: its rows come
//! from the written exchanges.

use muster_testbeds::scripted_http::Request;
use muster_testbeds::vendor::{Paging, Vendor};
use serde_json::{Value, json};

use super::bench::{System, carries, description, fixture};

/// The rows that are written for a statement.
fn rows(exchanges: &[Value], request: &Request) -> Vec<Value> {
    let asked: Value = serde_json::from_slice(&request.body).unwrap();
    let mut told = exchanges.iter().filter(|told| told["body"]["statement"] == asked["statement"]);
    let data = told.find_map(|told| told["reply"]["data"].as_array());
    data.cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn snowflake_is_read_as_its_description_says() {
    let exchanges = fixture("snowflake");
    let vendor = Vendor::of(description("snowflake.json"), |request| {
        carries(request, "Bearer")
            && request.header("x-snowflake-authorization-token-type") == Some("PROGRAMMATIC_ACCESS_TOKEN")
    })
    .paged(Paging::Counted("partition", 0))
    .linked("/api/v2/statements", "/api/v2/statements/536fad38-b564-4dc5-9892-a4543504df6c?partition=1")
    .edited(move |path, request, reply| match path {
        "/api/v2/statements" => {
            let rows = rows(&exchanges, request);
            // The second partition has no row more; it is asked for all the same.
            reply["resultSetMetaData"]["numRows"] = json!(rows.len());
            reply["data"] = json!(rows);
        }
        "/api/v2/statements/{statementHandle}" => *reply = json!({"data": []}),
        _ => {}
    })
    .start()
    .unwrap();
    let mut snowflake =
        System::new("snowflake", r#"warehouse = "AUDIT_XS", auth = "token", token = { env = "TOKEN" }"#);
    snowflake.signed.push(("x-snowflake-authorization-token-type", "PROGRAMMATIC_ACCESS_TOKEN".to_owned()));
    snowflake.given = json!({
        "account": {"id": "101", "native_name": "ADA \"the\" 1st"}, "credential": {"id": "9001", "name": "ci"},
    });
    snowflake.assert_accepted(&vendor, &["/api/v2/statements"]).await;
    snowflake.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("post  = \"/statements\"", "post  = \"/statement\""), "no such call"),
        (("timeout   = 60", "timeout   = \"a minute\""), "timeout must be integer"),
        (("role      = \"${config.role}\"", "role      = [\"${config.role}\"]"), "role must be string"),
        (("Bearer ${secret.token}", "Snowflake ${secret.token}"), "does not carry the credential"),
    ];
    for (slip, why) in slips {
        snowflake.assert_refused(&vendor, slip, why).await;
    }
}
