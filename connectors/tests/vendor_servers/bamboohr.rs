//! BambooHR: Prism on the public description.

use muster_testbeds::vendor::{Paging, Vendor};

use super::bench::{System, carries, description};

#[tokio::test(flavor = "multi_thread")]
async fn bamboohr_is_read_as_its_description_says() {
    let vendor = Vendor::of(description("bamboohr.json"), |request| carries(request, "Bearer"))
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
        (("state = [\"active\", \"inactive\"]", "state = [\"active\", \"former\"]"), "filter.status must be equal to one of"),
        (("hireDate,departmentName", "hiredOn,departmentName"), "must be equal to one of the allowed values"),
        (("size_into = \"query.page[limit]\"", "size_into = \"query.page[size]\""), "takes no `page[size]`"),
    ];
    for (slip, why) in slips {
        bamboohr.assert_refused(&vendor, slip, why).await;
    }
}
