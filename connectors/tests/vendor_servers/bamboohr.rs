//! BambooHR: Prism on the public description.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use muster_connectors::record::RecordKind;
use muster_testbeds::scripted_http::Request;
use muster_testbeds::vendor::{Paging, Vendor};

use super::bench::{System, carries, description};
use crate::collected::TOKEN;

/// Whether a request carries the token of the tests as an API key.
fn is_key(request: &Request) -> bool {
    request.header("authorization") == Some(format!("Basic {}", STANDARD.encode(format!("{TOKEN}:x"))).as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn bamboohr_is_read_as_its_description_says() {
    let vendor = Vendor::of(description("bamboohr.json"), |request| carries(request, "Bearer") || is_key(request))
        .paged(Paging::Cursor("page[after]", "/meta/page/nextCursor"))
        .ids(&["employeeId"])
        .total("/meta/total")
        // Its words say that fields are separated by commas; its schema forgets to.
        .reworded(|_request, target| {
            *target = target.replace("%2C", "&fields=");
        })
        .start()
        .unwrap();
    let bamboohr = System::new("bamboohr", r#"company = "acme", auth = "token", token = { env = "TOKEN" }"#);
    bamboohr.assert_accepted(&vendor, &["/api/v1/employees/{id}", "/api/v1/meta/users"]).await;

    let slips = [
        (("get   = \"/meta/users\"", "get   = \"/meta/people\""), "no such call"),
        (
            ("state = [\"active\", \"inactive\"]", "state = [\"active\", \"former\"]"),
            "filter.status must be equal to one of",
        ),
        (("hireDate,departmentName", "hiredOn,departmentName"), "must be equal to one of the allowed values"),
        (("size_into = \"query.page[limit]\"", "size_into = \"query.page[size]\""), "takes no `page[size]`"),
    ];
    for (slip, why) in slips {
        bamboohr.assert_refused(&vendor, slip, why).await;
    }

    // The description lets keys read everything but the list itself.
    let before = vendor.refused().len();
    let by_key = System::new("bamboohr", r#"company = "acme", key = { env = "TOKEN" }"#);
    let collected = by_key.collect_as(by_key.manifest().text(), &vendor.url()).await;
    assert!(collected.result.is_err() || collected.of(RecordKind::Person).is_empty());
    let refused = vendor.refused().split_off(before);
    assert!(
        refused.iter().all(|line| line.starts_with("GET /api/v1/employees?") && line.contains("401")),
        "{refused:#?}"
    );
}
