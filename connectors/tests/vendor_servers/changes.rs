//! Every call of every change that a manifest declares, sent as the engine would send it: what is done, what is read before,
//! how it is verified, and the way back.

use std::collections::BTreeMap;

use muster_connectors::manifest::model::{Action, Call, Templates};
use muster_connectors::manifest::scope::Scope;
use muster_connectors::manifest::value::from_json;
use muster_testbeds::vendor::Vendor;
use serde_json::{Value, json};

use super::bench::System;

impl System {
    /// Sends the calls of all changes, and asserts that each is accepted. Calls that the manifest excuses, because the description
    /// does not have them, are left out; `excused` is how many these are.
    pub(crate) async fn assert_changes_accepted(&self, vendor: &Vendor, excused: usize) {
        let manifest = self.manifest();
        let document = manifest.document();
        let mut config = BTreeMap::from([("base_url".to_owned(), json!("https://x.example"))]);
        for (name, value) in self.given["config"].as_object().into_iter().flatten() {
            config.insert(name.clone(), value.clone());
        }
        let scope = given(manifest.scope(&config, super::bench::NOW.parse().unwrap()), &self.given);
        let before = document.http.path.as_ref().map_or(String::new(), |path| path.text(&scope).unwrap().unwrap());
        let excuses: Vec<&str> =
            document.test.iter().flat_map(|test| &test.undescribed).map(|it| it.get_ref().as_str()).collect();
        let (mut sent, mut left) = (0, 0);
        let refused = vendor.refused().len();
        for entry in document.action.entries() {
            for call in calls(&entry.value) {
                let address = call.address().unwrap();
                if excuses.contains(&address.source()) {
                    left += 1;
                    continue;
                }
                let url = format!("{}{before}{}", vendor.url(), address.path(&scope).unwrap());
                let mut request = reqwest::Client::new()
                    .request(call.method.as_str().parse().unwrap(), url)
                    .header("accept", "application/json")
                    .header("user-agent", "muster")
                    .query(&pairs(&call.query, &scope));
                let signed = self.signed.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
                for (name, value) in signed.chain(pairs(&call.headers, &scope)) {
                    request = request.header(name, value);
                }
                if let Some(body) = &call.body {
                    request = request.json(&body.render(&scope).unwrap());
                } else if !call.form.is_empty() {
                    request = request.form(&pairs(&call.form, &scope));
                }
                request.send().await.unwrap();
                sent += 1;
                assert_eq!(vendor.refused()[refused..], [] as [String; 0], "change {}", entry.name.get_ref());
            }
        }
        assert!(sent > 0 || document.action.is_empty(), "no call of a change was sent");
        assert_eq!(left, excused, "calls of changes that the description does not have");
    }
}

fn calls(action: &Action) -> Vec<&Call> {
    let read = action.read.iter().filter_map(|read| read.call.as_ref());
    let verify = action.verify.iter().filter_map(|verify| verify.call.as_ref());
    let undo = action.undo.iter().map(|undo| &undo.call);
    std::iter::once(&action.call).chain(read).chain(verify).chain(undo).collect()
}

/// Keys and values; what is null is left out.
fn pairs(templates: &Templates, scope: &Scope) -> Vec<(String, String)> {
    let entries = templates.entries().iter();
    entries.filter_map(|entry| Some((entry.name.get_ref().clone(), entry.value.text(scope).unwrap()?))).collect()
}

/// What expressions of changes name; `special` is the system's own.
fn given(scope: Scope, special: &Value) -> Scope {
    let mut things = json!({
        "account": {"id": "7", "login": "octocat", "class": "human", "lifecycle": "active"},
        "group": {"id": "11", "native_name": "platform", "name": "Platform", "rule": "assigned"},
        "edge": {"member": "7", "via": "member", "entitlement": "repo:push"},
        "resource": {"id": "1", "name": "acme/api"},
        "credential": {"id": "42", "account": "7"},
        "context": {"is_admin": false, "other_admins": 3},
        "present": {"users": ["7", "8"]},
    });
    for (name, thing) in special.as_object().into_iter().flatten().filter(|(name, _)| *name != "config") {
        things[name] = thing.clone();
    }
    let things = things.as_object().unwrap().iter();
    things.fold(scope, |scope, (name, thing)| scope.with(name.as_str(), from_json(thing)))
}
