//! Differences between our exchanges and the descriptions that are to stay: where a description is wrong, and what shows it.

/// A difference that stays.
#[derive(Debug)]
pub(crate) struct Known {
    /// The system.
    id: &'static str,
    /// What the difference's words hold, all of it.
    says: &'static [&'static str],
    /// Why: mostly, what shows that the description is wrong.
    #[expect(dead_code, reason = "said to readers, and in the failure of a test")]
    why: &'static str,
}

impl Known {
    /// Whether this is meant by the words of a difference.
    pub(crate) fn means(&self, line: &str) -> bool {
        let rest = line.strip_prefix(self.id).and_then(|rest| rest.strip_prefix(": "));
        rest.is_some_and(|rest| self.says.iter().all(|words| rest.contains(words)))
    }
}

const NEVER: &str = "who never signed in. The description knows neither null nor absence; the manifest takes null alone for never, and absence for unreadable";
const LINKS: &str = "addresses and second ids that GitHub derives from names: left out of ours, so that people can read them; no manifest reads them";

/// All of them.
pub(crate) const KNOWN: &[Known] = &[
    Known { id: "bamboohr", says: &["/api/v1/meta/users", "lastLogin: null"], why: NEVER },
    Known {
        id: "box",
        says: &["/folders/{folder_id}/collaborations", "accessible_by: null"],
        why: "who was invited without an account: the words of `invite_email` say that there is no user yet",
    },
    Known {
        id: "box",
        says: &[r#"403 /code: "access_denied_insufficient_permissions""#],
        why: "its own words for the 403 of folders name this code; the list of the general type is older",
    },
    Known {
        id: "cloudflare",
        says: &["/permissions: {} is not of type"],
        why: "Cloudflare's own client (npm cloudflare 7.3.0) has an object of what the role reads and edits",
    },
    Known {
        id: "cloudflare",
        says: &["/members:", r#"status: "rejected""#],
        why: "the parameter `status` of the same call has it",
    },
    Known { id: "cloudflare", says: &["/access/users:", "last_successful_login: null"], why: NEVER },
    Known { id: "cloudflare", says: &["/tokens:", "last_used_on: null"], why: NEVER },
    Known {
        id: "datadog",
        says: &["/meta/pagination/"],
        why: "as Datadog's own tests recorded it: get_all_teams_returns_ok_response_with_pagination, and the memberships likewise",
    },
    Known {
        id: "datadog",
        says: &["attributes/used_in_last_24_hours"],
        why: "as Datadog's own tests recorded it: get_all_api_keys_returns_ok_response",
    },
    Known {
        id: "datadog",
        says: &["relationships/leak_information"],
        why: "as Datadog's own tests recorded it: get_all_api_keys_returns_ok_response",
    },
    Known {
        id: "datadog",
        says: &["attributes/allowed_login_methods"],
        why: "as Datadog's own tests recorded it: disable_a_user_returns_ok_response",
    },
    Known { id: "docusign", says: &["/users/profile:", "last_login: null"], why: NEVER },
    Known { id: "github", says: &[r#"_url" is a required property"#], why: LINKS },
    Known { id: "github", says: &[r#": "url" is a required property"#], why: LINKS },
    Known { id: "github", says: &[r#": "node_id" is a required property"#], why: LINKS },
    Known { id: "github", says: &[r#": "gravatar_id" is a required property"#], why: LINKS },
    Known {
        id: "github",
        says: &["GET /organizations/900/members: the vendor describes no such call"],
        why: "GitHub's `Link` headers lead to the organization by its number, which no description has",
    },
    Known {
        id: "keycloak",
        says: &["role-mappings/", "sent : [{"],
        why: "Keycloak takes a list of roles, as its own descriptions from version 24 on say (Prism is told so, too)",
    },
    Known {
        id: "keycloak",
        says: &["/logout: the vendor describes no answer 204"],
        why: "the description is generated and takes a method without a result for a 200; Keycloak answers 204 to those",
    },
    Known { id: "keycloak", says: &["PUT /{realm}/users/{id}: the vendor describes no answer 204"], why: "likewise" },
    Known {
        id: "kubernetes",
        says: &["/clusterroles:", "rules: null"],
        why: "an aggregated role that nothing was put into yet: Go writes an empty list without `omitempty` as null",
    },
    Known {
        id: "slack",
        says: &["it needs `token`"],
        why: "the token goes as a header, as Slack's own pages ask; of 2021, the description knows it as a parameter",
    },
    Known {
        id: "snowflake",
        says: &["statementStatusUrl:", r#"is not a "uri""#],
        why: "the vendor's reference shows paths without a host",
    },
    Known {
        id: "zoom",
        says: &["GET /users:", r#"last_login_time: """#],
        why: "who never signed in, as an empty text. The description knows neither that nor absence; the manifest takes absence for unreadable",
    },
];
