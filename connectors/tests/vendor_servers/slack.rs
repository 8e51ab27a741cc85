//! Slack: Prism on the description of 2021, the last one there is.

use muster_testbeds::vendor::{Paging, Vendor};
use serde_json::json;

use super::bench::{System, carries, description};
use crate::collected::TOKEN;

#[tokio::test(flavor = "multi_thread")]
async fn slack_is_read_as_its_description_says() {
    let vendor = Vendor::of(description("slack.json"), |request| carries(request, "Bearer"))
        .paged(Paging::Cursor("cursor", "/response_metadata/next_cursor"))
        .paged(Paging::Number("page", "/paging/pages"))
        .ids(&["id", "user_id"])
        .total("/paging/total")
        // It wants the token as a parameter; Slack's own pages ask for the header, which keeps it out of logs.
        .reworded(|_request, target| {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.extend(["token=", TOKEN]);
        })
        // Its example of a user group lacks the members that were asked for.
        .edited(|path, _request, reply| {
            if path == "/usergroups.list" {
                let groups = reply["usergroups"].as_array_mut().unwrap().iter_mut();
                groups.for_each(|group| group["users"] = json!(["W012A3CDE"]));
            }
        })
        .start()
        .unwrap();
    let slack = System::new("slack", r#"token = { env = "TOKEN" }, access_logs = true"#);
    slack.assert_accepted(&vendor, &["/auth.test", "/team.info", "/usergroups.list"]).await;
    slack.assert_changes_accepted(&vendor, 2).await;

    let slips = [
        (("\"/usergroups.list\"", "\"/usergroups.all\""), "no such call"),
        (("include_users = \"true\"", "include_users = \"all\""), "include_users must be boolean"),
        (("into        = \"query.cursor\"", "into        = \"query.after\""), "takes no `after`"),
        (("token = \"${secret.token}\"", "token = \"${secret.token}x\""), "does not carry the credential"),
    ];
    for (slip, why) in slips {
        slack.assert_refused(&vendor, slip, why).await;
    }
}
