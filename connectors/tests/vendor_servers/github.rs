//! GitHub: Prism on the REST description. GraphQL is answered by us, after GitHub's schema was asked about the query.

use muster_testbeds::github_graphql;
use muster_testbeds::scripted_http::{Request, Response};
use muster_testbeds::vendor::{Paging, Vendor};
use serde_json::json;

use super::bench::{System, carries, description};

/// One person with single sign-on.
fn single_sign_on(request: &Request) -> Response {
    let asked: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert!(asked["query"].is_string() && asked["variables"]["org"] == "acme", "{asked}");
    let wrong = github_graphql::problems(asked["query"].as_str().unwrap()).unwrap();
    if !wrong.is_empty() {
        return Response::json(json!({"errors": [{"message": wrong.join("; ")}]}).to_string());
    }
    let node = json!({"samlIdentity": {"nameId": "octocat@acme.example"}, "scimIdentity": null,
        "user": {"databaseId": 1, "login": "octocat"}});
    let identities = json!({"pageInfo": {"hasNextPage": false, "endCursor": null}, "nodes": [node]});
    let provider = json!({"issuer": "https://idp.acme.example", "externalIdentities": identities});
    Response::json(json!({"data": {"organization": {"samlIdentityProvider": provider}}}).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn github_is_read_as_its_description_says() {
    let vendor = Vendor::of(description("github.json"), |request| carries(request, "Bearer"))
        .paged(Paging::Link("page"))
        .total("/total_count")
        .aside("POST", "/graphql", single_sign_on)
        .start()
        .unwrap();
    let mut github = System::new("github", r#"org = "acme", auth = "token", token = { env = "TOKEN" }"#);
    github.given = json!({"config": {"org": "acme"}});
    github.assert_accepted(&vendor, &["/graphql", "/orgs/{org}", "/orgs/{org}/organization-roles"]).await;
    github.assert_changes_accepted(&vendor, 0).await;

    let slips = [
        (("/orgs/${config.org}/invitations", "/orgs/${config.org}/invites"), "no such call"),
        (("size_into = \"query.per_page\"\n", "size_into = \"query.limit\"\n"), "takes no `limit`"),
        (("{ type = \"all\" }", "{ type = \"every\" }"), "type must be equal to one of the allowed values"),
        (("token = \"${secret.token}\"", "token = \"${secret.token}x\""), "does not carry the credential"),
    ];
    for (slip, why) in slips {
        github.assert_refused(&vendor, slip, why).await;
    }

    let slip = github.manifest().text().replace("samlIdentity{nameId}", "samlIdentity{name}");
    let refused = github.collect_as(&slip, &vendor.url()).await;
    let withheld =
        refused.reports.iter().flat_map(|report| report.kinds.values()).any(|kind| !kind.withheld.is_empty());
    assert!(withheld, "GitHub's GraphQL has no such field: {:#?}", refused.reports);
}
