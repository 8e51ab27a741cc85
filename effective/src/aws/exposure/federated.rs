//! Identity providers: whom do they vouch for, and does the role compare it?

use super::stranger::{Context, NAME};
use super::{Closed, Exposure, Kind, Opening, Scene, Severity, Who, exposure};
use crate::aws::answer::{Answer, Assumption, Verdict};
use crate::aws::document::{Condition, Operator};
use crate::aws::escalation::means;
use crate::aws::request::Principal;

/// A provider whose one issuer signs for all its customers.
struct Shared {
    issuer: &'static str,
    /// What a stranger's token says; what is not here, he can choose.
    claims: &'static [(&'static str, &'static str)],
    /// How the subject begins, and what ends the name of the customer in it.
    tenant: Option<(&'static str, char)>,
}

/// Shared providers. Source: IAM User Guide, "Identity-provider controls for shared OIDC providers", and the providers' own pages on the
/// form of their subjects.
const SHARED: [Shared; 19] = [
    Shared {
        issuer: "token.actions.githubusercontent.com",
        claims: &[
            ("sub", "repo:muster-stranger/muster-stranger:ref:refs/heads/main"),
            ("actor", NAME),
            ("actor_id", "0"),
            ("enterprise_id", "0"),
            ("job_workflow_ref", "muster-stranger/muster-stranger/.github/workflows/main.yml@refs/heads/main"),
            ("repository", "muster-stranger/muster-stranger"),
            ("repository_id", "0"),
            ("repository_owner", NAME),
            ("repository_owner_id", "0"),
        ],
        tenant: Some(("repo:", '/')),
    },
    Shared {
        issuer: "gitlab.com",
        claims: &[("sub", "project_path:muster-stranger/muster-stranger:ref_type:branch:ref:main")],
        tenant: Some(("project_path:", '/')),
    },
    Shared {
        issuer: "app.terraform.io",
        claims: &[("sub", "organization:muster-stranger:project:p:workspace:w:run_phase:apply")],
        tenant: Some(("organization:", ':')),
    },
    Shared {
        issuer: "agent.buildkite.com",
        claims: &[("sub", "organization:muster-stranger:pipeline:p:ref:refs/heads/main:commit:c:step:s")],
        tenant: Some(("organization:", ':')),
    },
    Shared {
        issuer: "oidc.codefresh.io",
        claims: &[("sub", "account:muster-stranger:pipeline:p")],
        tenant: Some(("account:", ':')),
    },
    Shared {
        issuer: "scalr.io",
        claims: &[("sub", "account:muster-stranger:environment:e:workspace:w")],
        tenant: Some(("account:", ':')),
    },
    Shared { issuer: "vstoken.actions.githubusercontent.com", claims: &[("sub", NAME)], tenant: None },
    Shared { issuer: "oidc-configuration.audit-log.githubusercontent.com", claims: &[("sub", NAME)], tenant: None },
    Shared { issuer: "studio.datachain.ai/api", claims: &[("sub", NAME)], tenant: None },
    Shared { issuer: "tokens.cloud.shisho.dev", claims: &[("sub", NAME)], tenant: None },
    Shared { issuer: "proidc.upbound.io", claims: &[("sub", NAME)], tenant: None },
    Shared { issuer: "rh-oidc.s3.us-east-1.amazonaws.com", claims: &[("sub", NAME)], tenant: None },
    Shared { issuer: "api.pulumi.com/oidc", claims: &[("aud", NAME), ("sub", NAME)], tenant: None },
    Shared { issuer: "oidc.vercel.com", claims: &[("aud", NAME), ("sub", NAME)], tenant: None },
    Shared { issuer: "sandboxes.cloud", claims: &[("aud", NAME), ("sub", NAME)], tenant: None },
    Shared {
        issuer: "accounts.google.com",
        claims: &[
            ("aud", NAME),
            ("oaud", NAME),
            ("sub", "0"),
            ("email", "stranger@example.com"),
            ("hd", "example.com"),
        ],
        tenant: None,
    },
    Shared { issuer: "graph.facebook.com", claims: &[("app_id", "0"), ("id", "0")], tenant: None },
    Shared { issuer: "www.amazon.com", claims: &[("app_id", NAME), ("user_id", NAME)], tenant: None },
    Shared {
        issuer: COGNITO,
        claims: &[("aud", "us-east-1:00000000-0000-0000-0000-000000000000"), ("sub", NAME)],
        tenant: None,
    },
];

const COGNITO: &str = "cognito-identity.amazonaws.com";

impl Scene<'_> {
    pub(super) fn federated(&self, opening: &Opening, provider: &str, found: &mut Vec<Exposure>) {
        if !opening.is_role() {
            return;
        }
        let saml = provider.contains(":saml-provider/");
        let action = if saml { "sts:AssumeRoleWithSAML" } else { "sts:AssumeRoleWithWebIdentity" };
        if !means(opening.statement, action) {
            return;
        }
        let opening = &Opening {
            action: action.to_owned(),
            policy: opening.policy.clone(),
            beside: opening.beside.clone(),
            deciding: opening.deciding.clone(),
            resource: opening.resource.clone(),
            ..*opening
        };
        let who = Who::Provider(provider.into());
        let ask =
            |context: &Context| self.ask(opening, Principal::Federated { provider: provider.to_owned() }, context);
        let one = |key: String, value: &str| (key, vec![value.to_owned()]);
        let anybody = ask(&Vec::new());
        if anybody.verdict != Verdict::Allowed {
            if anybody.verdict == Verdict::ExplicitlyDenied {
                let mut exposure = exposure(opening, who, Kind::Federated, Severity::Low, Vec::new());
                exposure.closed = Some(Closed::Denied(anybody.deciding));
                found.push(exposure);
            }
            return;
        }
        let mut add = |kind: Kind, severity: Severity, narrowed: Vec<Assumption>| {
            found.push(exposure(opening, who.clone(), kind, severity, narrowed));
        };
        if saml {
            let stranger = ask(&vec![one("saml:aud".to_owned(), "https://stranger.example/saml")]);
            if stranger.verdict == Verdict::Allowed {
                add(Kind::AnyAudience, Severity::Medium, stranger.assumed);
            } else {
                add(Kind::Federated, Severity::Low, anybody.assumed);
            }
            return;
        }
        let issuer = issuer(provider);
        let claim = |name: &str| format!("{issuer}:{name}").to_ascii_lowercase();
        if let Some(shared) = SHARED.iter().find(|shared| shared.issuer == issuer || is_below(&issuer, shared.issuer)) {
            let strange: Context = shared.claims.iter().map(|(name, value)| one(claim(name), value)).collect();
            let stranger = ask(&strange);
            if stranger.verdict == Verdict::Allowed {
                add(Kind::AnyTenant, Severity::High, stranger.assumed);
                return;
            }
            if let Some(loose) = loose(opening, &claim("sub"), shared.tenant) {
                add(Kind::AnyTenant, Severity::High, vec![loose]);
                return;
            }
            if shared.issuer == COGNITO {
                let guest = ask(&vec![one(claim("amr"), "unauthenticated")]);
                if guest.verdict == Verdict::Allowed {
                    add(Kind::Guests, Severity::Medium, guest.assumed);
                    return;
                }
            }
        } else {
            let cluster = issuer.starts_with("oidc.eks.");
            let subject = if cluster { format!("system:serviceaccount:{NAME}:{NAME}") } else { NAME.to_owned() };
            let stranger = ask(&vec![one(claim("sub"), &subject)]);
            if stranger.verdict == Verdict::Allowed {
                add(Kind::AnySubject, Severity::Medium, stranger.assumed);
                return;
            }
        }
        let audience: Answer = ask(&vec![one(claim("aud"), "https://stranger.example")]);
        if audience.verdict == Verdict::Allowed {
            add(Kind::AnyAudience, Severity::Low, audience.assumed);
        } else {
            add(Kind::Federated, Severity::Low, anybody.assumed);
        }
    }
}

/// `arn:aws:iam::…:oidc-provider/HOST/PATH` is `HOST/PATH`.
fn issuer(provider: &str) -> String {
    let issuer = provider.split_once(":oidc-provider/").map_or(provider, |(_, issuer)| issuer);
    issuer.trim_end_matches('/').to_ascii_lowercase()
}

/// Whether an issuer is a path of a shared host that its tenants share, too.
fn is_below(issuer: &str, shared: &str) -> bool {
    // Of Turbonomic, the path is the same for all; of GitHub Enterprise, the path is the enterprise, which is what is wanted.
    shared == "rh-oidc.s3.us-east-1.amazonaws.com"
        && issuer.strip_prefix(shared).is_some_and(|path| path.starts_with('/'))
}

/// A wildcard that stands where the name of the customer should be complete: `repo:acme*` is also `repo:acme-evil/…`.
fn loose(opening: &Opening, subject: &str, tenant: Option<(&str, char)>) -> Option<Assumption> {
    let (head, end) = tenant?;
    let about = |condition: &&Condition| {
        condition.key.eq_ignore_ascii_case(subject) && condition.operator == Operator::StringLike
    };
    let is_loose = |value: &str| {
        let fixed = value.split(['*', '?']).next().unwrap_or_default();
        let wild = fixed.len() < value.len();
        wild && match fixed.strip_prefix(head) {
            Some(name) => !name.contains(end),
            None => head.starts_with(fixed),
        }
    };
    let conditions = opening.statement.conditions.iter().filter(about);
    let value = conditions.flat_map(|condition| &condition.values).find(|value| is_loose(value))?;
    Some(Assumption { key: subject.into(), text: format!("{subject} is like {value}").into() })
}
