//! Kubernetes: Prism on the project's OpenAPI description.

use muster_testbeds::vendor::{Paging, Vendor};
use serde_json::json;

use super::bench::{System, carries, description};

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_is_read_as_its_description_says() {
    let vendor = Vendor::of(description("kubernetes.json"), |request| carries(request, "Bearer"))
        .paged(Paging::Cursor("continue", "/metadata/continue"))
        .ids(&["metadata/name"])
        .edited(|path, _request, reply| {
            // A binding names one of each kind of subject; the description has one subject, of no kind.
            if path.ends_with("bindings") {
                let binding = &mut reply["items"][0];
                binding["roleRef"]["kind"] = json!("ClusterRole");
                let subject = binding["subjects"][0].clone();
                let of = |kind: &str| {
                    let mut subject = subject.clone();
                    subject["kind"] = json!(kind);
                    subject
                };
                binding["subjects"] = json!([of("User"), of("Group"), of("ServiceAccount")]);
            }
        })
        .start()
        .unwrap();
    let kubernetes = System::new("kubernetes", r#"auth = "token", token = { env = "TOKEN" }"#);
    kubernetes.assert_accepted(&vendor, &["/apis/authentication.k8s.io/v1/selfsubjectreviews"]).await;

    let slips = [
        (("\"clusterroles\", \"roles\"", "\"clusterroles\", \"namespaceroles\""), "no such call"),
        (("size_into   = \"query.limit\"", "size_into   = \"query.maxResults\""), "takes no `maxResults`"),
        (("into        = \"query.continue\"", "into        = \"query.cursor\""), "takes no `cursor`"),
        (("token = \"${secret.token}\"", "token = \"${secret.token}x\""), "does not carry the credential"),
    ];
    for (slip, why) in slips {
        kubernetes.assert_refused(&vendor, slip, why).await;
    }
}
