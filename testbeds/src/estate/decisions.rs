//! What people decided about the findings of an estate: one of each kind, and one of each kind that no longer holds.

use super::Files;
use super::truth::Truth;

/// A fingerprint of a finding about an account of the CRM: rule, tenant, kind and id.
fn fingerprint(rule: &str, account: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [rule, "crm", "account", account] {
        hasher.update(part.as_bytes()).update(&[0x1f]);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// `policy/findings.toml` and `policy/exceptions.toml`; what is wrong with them is planted.
pub(crate) fn plant(files: &mut Files, truth: &mut Truth) {
    let [orphan, dormant, admin] = [("ORP-001", "crm-2003"), ("DOR-001", "crm-1014"), ("AUT-001", "crm-1011")]
        .map(|(rule, id)| fingerprint(rule, id));
    files.text(
        "policy/findings.toml",
        format!(
            r#"# What people decided about single findings.

[[decision]]
verdict = "acknowledge"
finding = "{orphan}"  # ORP-001 crm-2003
author  = "beatriz.salgado@acme.example"
reason  = "asked the partner whose person that is"
decided = 2026-10-30

[[decision]]
verdict = "snooze"
finding = "{dormant}"  # DOR-001 crm-1014
until   = 2026-11-30
author  = "beatriz.salgado@acme.example"
reason  = "back from a sabbatical in December"
decided = 2026-10-30

[[decision]]
verdict = "owner"
finding = "{admin}"  # AUT-001 crm-1011
owner   = "Sales Operations"
author  = "beatriz.salgado@acme.example"
reason  = "they administer the CRM"
decided = 2026-10-30
"#
        ),
    );
    files.text(
        "policy/exceptions.toml",
        r#"# Risks that somebody accepted: one that counts, one that is over, one that nothing needs, one whose facts changed.

[[exception]]
id         = "EX-0001"
rules      = ["XPR-004"]
system     = "crm"
subjects   = ["crm-1010"]
owner      = "Sales Operations"
approver   = "ciso@acme.example"
reason     = "somebody has to administer the CRM while the new role is built"
created    = 2026-10-01
expires    = 2027-01-31
mitigation = "a second factor, and her sign-ins are watched"

[[exception]]
id       = "EX-0002"
rules    = ["DOR-001"]
system   = "crm"
subjects = ["crm-1013"]
owner    = "Sales Operations"
approver = "ciso@acme.example"
reason   = "on leave until the middle of October"
created  = 2026-08-01
expires  = 2026-10-15

[[exception]]
id       = "EX-0003"
rules    = ["ORP-001"]
system   = "crm"
subjects = ["trade-fair-*"]
owner    = "Sales Operations"
approver = "ciso@acme.example"
reason   = "logins of the booth; removed after the fair"
created  = 2026-09-01
expires  = 2026-12-31

[[exception]]
id       = "EX-0004"
rules    = ["LCM-007"]
person   = "C-1001"
owner    = "Procurement"
approver = "ciso@acme.example"
reason   = "the frame contract has no end date; accepted as HR had it in August"
created  = 2026-08-15
expires  = 2027-03-31
evidence = ["0000000000000000"]
"#
        .to_owned(),
    );
    truth.finding("CTL-009", "", "EX-0002", "exception", "its last day was 15 October");
}
