//! The workshop, where code is kept and built: a small system of its own, with one case each of what the larger ones have no room
//! for. It is written out, so that nothing else in the estate depends on it.

use super::Files;
use super::truth::Truth;

const SYSTEM: &str = "workshop";

/// People, two services and the panel of the build room.
const ACCOUNTS: &str = "\
id,login,email,employee_id,class,lifecycle,created,expires,last_activity,interactive,password_changed,mfa,owner,manager
w-1001,aoife.brennan-daly,aoife.brennan-daly@acme.example,004011,human,disabled,2024-02-05T09:00:00Z,2026-08-14T22:00:00Z,2026-08-13T15:12:00Z,no,,totp,,
w-1005,marguerite.lacroix,marguerite.lacroix@acme.example,004009,human,disabled,2024-02-05T09:00:00Z,,2026-07-30T15:12:00Z,no,,totp,,
w-1002,tiago.ribeiro,tiago.ribeiro@acme.example,005011,human,active,2025-04-22T09:00:00Z,,2026-10-30T15:12:00Z,yes,2026-09-01T09:00:00Z,totp,,marta.goncalves@acme.example
w-1003,jun.guo,jun.guo@acme.example,005012,human,active,2024-02-05T09:00:00Z,,2026-10-29T11:40:00Z,no,,totp,,clara.krueger@acme.example
w-1004,marta.goncalves,marta.goncalves@acme.example,005001,human,active,2024-02-05T09:00:00Z,,2026-10-28T08:02:00Z,no,,totp,,
w-2001,deploy,,,service,active,2025-06-01T09:00:00Z,,2026-11-01T23:40:00Z,no,,,marta.goncalves@acme.example,
w-2002,postgres,,,service,active,2025-06-01T09:00:00Z,,2026-11-01T23:41:00Z,yes,2026-10-01T09:00:00Z,,marta.goncalves@acme.example,
w-2003,build-desk,,,shared,active,2025-06-01T09:00:00Z,,2026-11-01T12:00:00Z,yes,2026-05-04T09:00:00Z,totp,marta.goncalves@acme.example,
";

/// Its groups.
const GROUPS: &str = "\
id,name,privilege
g-release,release-managers,limited
g-readers,readers,baseline
";

/// Who is in them.
const MEMBERSHIPS: &str = "\
group,member
g-readers,w-1002
g-readers,w-1003
";

/// Its roles, and the seat that costs money.
const ENTITLEMENTS: &str = "\
id,kind,name,privilege
reader,role,Reader,baseline
maintainer,role,Maintainer,limited
seat,licence,Full seat,baseline
";

/// Who holds them.
const GRANTS: &str = "\
principal,entitlement,resource,since,last_used
w-1001,maintainer,p-rockets,2024-02-05T09:00:00Z,2026-08-13T15:12:00Z
w-1005,seat,,2024-02-05T09:00:00Z,
w-1002,reader,p-rockets,2025-04-22T09:00:00Z,2026-10-30T15:12:00Z
w-1003,reader,p-rockets,2024-02-05T09:00:00Z,2026-10-29T11:40:00Z
w-1004,maintainer,p-rockets,2024-02-05T09:00:00Z,2026-10-28T08:02:00Z
w-2001,reader,p-rockets,2025-06-01T09:00:00Z,2026-11-01T23:40:00Z
w-2002,reader,p-rockets,2025-06-01T09:00:00Z,2026-11-01T23:41:00Z
w-2003,reader,p-rockets,2025-06-01T09:00:00Z,2026-11-01T12:00:00Z
";

/// What people own.
const RESOURCES: &str = "\
id,kind,name,owner
p-rockets,repository,rockets,marta.goncalves@acme.example
p-notes,dashboard,lacroix-notes,marguerite.lacroix@acme.example
";

/// Tokens, certificates and passwords.
const CREDENTIALS: &str = "\
id,account,kind,created,expires,last_used,rotated,state
t-1,w-1001,token,2026-08-10T09:00:00Z,2026-12-15T09:00:00Z,2026-08-13T15:12:00Z,,active
t-2,w-2001,token,2026-10-05T09:00:00Z,never,2026-11-01T23:40:00Z,,active
t-3,w-2001,certificate,2026-06-01T09:00:00Z,2026-11-12T09:00:00Z,2026-11-01T23:40:00Z,,active
p-1,w-1002,password,2025-04-22T09:00:00Z,never,2026-10-30T15:12:00Z,2026-09-01T09:00:00Z,active
p-2,w-2003,password,2025-06-01T09:00:00Z,never,2026-11-01T12:00:00Z,2026-05-04T09:00:00Z,active
";

/// What the register of non-human identities says of its services.
pub(crate) const REGISTERED: &str = r#"
[[identity]]
account     = "workshop:deploy"
owner       = "005001"
purpose     = "releases what was built"
environment = "prod"
reviewed    = 2026-09-15

[[identity]]
account     = "workshop:postgres"
owner       = "005001"
purpose     = "the database of the workshop"
environment = "prod"
reviewed    = 2026-09-15
"#;

/// What the register of shared accounts says of the panel.
pub(crate) const SHARED: &str = r#"
[[account]]
system  = "workshop"
account = "w-2003"
owner   = "marta.goncalves@acme.example"
author  = "ingrid.vestergaard@acme.example"
reason  = "the panel of the build room"
expires = 2027-06-30
users   = ["004009", "005011"]
"#;

/// Its part of the config.
pub(crate) fn config(folder: &str, day: &str) -> String {
    let tables = ["accounts", "groups", "memberships", "entitlements", "grants", "resources", "credentials"];
    let files = tables.map(|table| format!("{table} = \"{folder}workshop/{table}.csv\""));
    format!(
        r#"
[[system]]
name      = "workshop"
connector = "csv"
files     = {{ {} }}
collected = "{day}T04:50:00Z"
id_kind   = "immutable"
"#,
        files.join(", ")
    )
}

/// Its exports, and what is wrong in them.
pub(crate) fn workshop(truth: &mut Truth, files: &mut Files) {
    for (table, text) in [
        ("accounts", ACCOUNTS),
        ("groups", GROUPS),
        ("memberships", MEMBERSHIPS),
        ("entitlements", ENTITLEMENTS),
        ("grants", GRANTS),
        ("resources", RESOURCES),
        ("credentials", CREDENTIALS),
    ] {
        files.text(&format!("workshop/{table}.csv"), text);
    }
    for (rule, subject, case, why) in [
        ("AUT-003", "w-1002", "sso", "signs in through the directory, and with a password of its own"),
        ("AUT-006", "w-2002", "default", "PostgreSQL comes with an account of this name"),
        ("CRD-002", "t-2", "endless", "a token that never runs out"),
        ("CRD-003", "t-3", "ends", "a certificate in use that ends in ten days"),
        ("CRD-006", "w-2003", "shared", "somebody who left in July knew the password, last changed in May"),
        ("DOR-005", "g-release", "empty", "allows more than everybody may, and nobody is in it"),
        ("DOR-006", "w-1005", "seat", "a paid seat, not used for 94 days"),
        ("LCM-004", "w-1001", "left", "off since August, and still a maintainer"),
        ("LCM-012", "w-1003", "EDG-05", "the workshop names a manager whom HR does not"),
        ("LCM-015", "t-1", "token", "left in August; the token works until December"),
        ("ORP-008", "p-notes", "owner", "its owner left in July"),
    ] {
        truth.finding(rule, SYSTEM, subject, case, why);
    }
    truth.finding("LCM-002", "", "004011", "token", "every account is off, and a token works, 79 days later");
    truth.finding("LCM-003", "", "004011", "token", "every account is off, and a token works");
    truth.finding("ORP-012", "", "004009", "owner", "left in July and still owns a dashboard");
    truth.benign(&["AUT-003", "LCM-012"], SYSTEM, "w-1004", "sso", "signs in through the directory alone");
    truth.benign(&["CRD-002", "CRD-003"], SYSTEM, "t-1", "token", "ends, in December");
}
