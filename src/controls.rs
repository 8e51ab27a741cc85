//! Control bundles: framework ids that a rule counts against. Ids only; framework text under copyright is not copied.

/// A named set of controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundle {
    /// Short name.
    pub name: &'static str,
    /// What it is about, in our own words.
    pub gloss: &'static str,
    /// Control ids, framework first.
    pub controls: &'static [&'static str],
}

/// Accounts are known, owned and typed.
pub const INV: Bundle = Bundle {
    name: "INV",
    gloss: "every account is known, typed and has an owner",
    controls: &[
        "NIST 800-53 AC-2a,d",
        "ISO 27001 A.5.9",
        "ISO 27001 A.5.16",
        "SOC 2 CC6.1",
        "PCI DSS 7.2.4",
        "PCI DSS 8.2.1",
        "CIS 5.1",
        "NIS2 11.2.2(e)",
        "NIS2 11.5.2(b)",
        "DORA RTS 20",
        "SOX LA-1",
    ],
};

/// Joiners get what was approved.
pub const JOIN: Bundle = Bundle {
    name: "JOIN",
    gloss: "access begins with an approval and the first day",
    controls: &[
        "NIST 800-53 AC-2e,f,i",
        "NIST 800-53 IA-4a",
        "ISO 27001 A.5.16",
        "ISO 27001 A.5.18",
        "SOC 2 CC6.2",
        "PCI DSS 7.2.3",
        "PCI DSS 8.2.4",
        "CIS 6.1",
        "HIPAA 308(a)(4)(ii)(B)",
        "NIS2 11.2.1",
        "NIS2 11.2.2(c)",
        "DORA RTS 21(e)(i)",
        "SOX LA-2",
    ],
};

/// Leavers lose access.
pub const LEAVE: Bundle = Bundle {
    name: "LEAVE",
    gloss: "access ends when the employment does",
    controls: &[
        "NIST 800-53 PS-4a,b",
        "NIST 800-53 AC-2(3)(b)",
        "NIST 800-53 AC-2h2",
        "ISO 27001 A.5.18",
        "ISO 27001 A.6.5",
        "SOC 2 CC6.2",
        "SOC 2 CC6.3",
        "PCI DSS 8.2.5",
        "CIS 6.2",
        "HIPAA 308(a)(3)(ii)(C)",
        "NIS2 11.2.2(b)",
        "NIS2 11.5.4",
        "DORA RTS 21(e)(iii)",
        "SOX LA-3",
    ],
};

/// Unused accounts go.
pub const DORM: Bundle = Bundle {
    name: "DORM",
    gloss: "what is not used is switched off",
    controls: &["NIST 800-53 AC-2(3)(d)", "ISO 27001 A.5.18", "SOC 2 CC6.2", "PCI DSS 8.2.6", "CIS 5.3", "NIS2 11.5.4"],
};

/// Least privilege.
pub const LP: Bundle = Bundle {
    name: "LP",
    gloss: "nobody holds more than the work needs",
    controls: &[
        "NIST 800-53 AC-6",
        "NIST 800-53 AC-6(1),(5),(7)",
        "ISO 27001 A.8.2",
        "ISO 27001 A.8.3",
        "SOC 2 CC6.3",
        "PCI DSS 7.2.1",
        "PCI DSS 7.2.2",
        "CIS 6.8",
        "HIPAA 308(a)(3)(i)",
        "HIPAA 312(a)(1)",
        "NIS2 11.2.2(a)",
        "NIS2 11.3.2(c)",
        "DORA RTS 21(a)",
        "SOX LA-5",
    ],
};

/// Non-human identities.
pub const NHI: Bundle = Bundle {
    name: "NHI",
    gloss: "machines' accounts are owned, narrow and renewed",
    controls: &[
        "NIST 800-53 AC-2a,b",
        "NIST 800-53 IA-4",
        "NIST 800-53 AC-6",
        "ISO 27001 A.5.16",
        "ISO 27001 A.5.17",
        "ISO 27001 A.8.2",
        "SOC 2 CC6.1",
        "SOC 2 CC6.3",
        "PCI DSS 7.2.5",
        "PCI DSS 7.2.5.1",
        "PCI DSS 8.6.1-8.6.3",
        "CIS 5.5",
        "NIS2 11.1.2(b)",
        "NIS2 11.5.2(c)",
        "DORA RTS 21(c)",
    ],
};

/// Credentials are renewed.
pub const CRED: Bundle = Bundle {
    name: "CRED",
    gloss: "secrets are renewed and withdrawn",
    controls: &[
        "NIST 800-53 IA-5d,f",
        "NIST 800-53 IA-5(1)",
        "ISO 27001 A.5.17",
        "SOC 2 CC6.1",
        "PCI DSS 8.3.9",
        "PCI DSS 8.6.3",
        "HIPAA 308(a)(5)(ii)(D)",
        "NIS2 11.6.2(c)",
    ],
};

/// Strong authentication.
pub const MFA: Bundle = Bundle {
    name: "MFA",
    gloss: "one factor is not enough",
    controls: &[
        "NIST 800-53 IA-2(1),(2)",
        "ISO 27001 A.8.5",
        "SOC 2 CC6.1",
        "SOC 2 CC6.6",
        "PCI DSS 8.4.1-8.4.3",
        "CIS 6.3-6.5",
        "HIPAA 312(d)",
        "NIS2 11.3.2(a)",
        "NIS2 11.7.2",
        "DORA RTS 21(f)",
    ],
};

/// One human, one identifier.
pub const UNIQ: Bundle = Bundle {
    name: "UNIQ",
    gloss: "an identifier stands for one person",
    controls: &[
        "NIST 800-53 IA-4",
        "NIST 800-53 AC-2k",
        "ISO 27001 A.5.16",
        "SOC 2 CC6.1",
        "PCI DSS 8.2.1",
        "PCI DSS 8.2.2",
        "HIPAA 312(a)(2)(i)",
        "NIS2 11.5.2(a)",
        "NIS2 11.5.3",
        "DORA RTS 20",
        "DORA RTS 21(c)",
    ],
};

/// Externals.
pub const EXT: Bundle = Bundle {
    name: "EXT",
    gloss: "outsiders' access is bounded in scope and time",
    controls: &[
        "NIST 800-53 PS-7",
        "NIST 800-53 AC-20",
        "ISO 27001 A.5.19",
        "ISO 27001 A.5.20",
        "SOC 2 CC6.2",
        "SOC 2 CC9.2",
        "PCI DSS 8.2.3",
        "PCI DSS 8.2.7",
        "NIS2 11.2.2(d)",
        "DORA 28",
    ],
};

/// Logging.
pub const LOG: Bundle = Bundle {
    name: "LOG",
    gloss: "what is done is recorded and kept",
    controls: &[
        "NIST 800-53 AU-2",
        "NIST 800-53 AU-3",
        "NIST 800-53 AU-9",
        "NIST 800-53 AU-11",
        "NIST 800-53 AU-12",
        "NIST 800-53 AC-2(4)",
        "ISO 27001 A.8.15",
        "ISO 27001 A.5.28",
        "ISO 27001 A.5.33",
        "SOC 2 CC7.2",
        "PCI DSS 10.2.1.2",
        "PCI DSS 10.2.1.5",
        "PCI DSS 10.3",
        "PCI DSS 10.5.1",
        "HIPAA 312(b),(c)(1)",
        "NIS2 11.2.2(f)",
        "NIS2 11.5.2(d)",
        "NIS2 3.2.3(b)",
        "NIS2 3.2.5",
        "SOX IPE",
    ],
};

/// Movers and their attributes.
pub const MOVE: Bundle = Bundle {
    name: "MOVE",
    gloss: "who changes job keeps what the new one needs and loses the rest",
    controls: &[
        "NIST 800-53 PS-5",
        "NIST 800-53 AC-2h2-3,l",
        "ISO 27001 A.5.18",
        "ISO 27001 A.6.5",
        "SOC 2 CC6.3",
        "PCI DSS 7.2.4",
        "CIS 6.2",
        "HIPAA 308(a)(4)(ii)(C)",
        "NIS2 11.2.2(b)",
        "NIS2 10.3.2(b)",
        "DORA RTS 21(e)(iv)",
        "SOX LA-4",
    ],
};

/// Duties are separated.
pub const SOD: Bundle = Bundle {
    name: "SOD",
    gloss: "no one person carries a transaction from its beginning to its end",
    controls: &[
        "NIST 800-53 AC-5",
        "ISO 27001 A.5.3",
        "SOC 2 CC6.3",
        "SOC 2 CC5.2",
        "PCI DSS 6.5.4",
        "NIS2 11.2.2(a)",
        "DORA RTS 21(b)",
        "SOX SoD",
    ],
};

/// Access is reviewed.
pub const REV: Bundle = Bundle {
    name: "REV",
    gloss: "access is reviewed, and what was decided is done",
    controls: &[
        "NIST 800-53 AC-2j",
        "NIST 800-53 AC-6(7)",
        "ISO 27001 A.5.18",
        "SOC 2 CC6.2",
        "SOC 2 CC6.3",
        "PCI DSS 7.2.4",
        "PCI DSS 7.2.5.1",
        "CIS 6.8",
        "CIS 5.5",
        "HIPAA 308(a)(4)(ii)(C)",
        "HIPAA 308(a)(1)(ii)(D)",
        "NIS2 11.2.3",
        "DORA RTS 21(e)(iv)",
        "SOX LA-6",
    ],
};

/// Emergency and temporary access.
pub const EMRG: Bundle = Bundle {
    name: "EMRG",
    gloss: "temporary and emergency access ends when it should",
    controls: &[
        "NIST 800-53 AC-2(2)",
        "ISO 27001 A.8.2",
        "ISO 27001 A.8.18",
        "SOC 2 CC6.3",
        "HIPAA 312(a)(2)(ii)",
        "DORA RTS 21(a),(e)(ii)",
    ],
};

/// Change is controlled.
pub const CHG: Bundle = Bundle {
    name: "CHG",
    gloss: "nothing changes without somebody who may decide it",
    controls: &[
        "NIST 800-53 CM-5",
        "NIST 800-53 CM-6",
        "NIST 800-53 CA-7",
        "ISO 27001 A.8.9",
        "ISO 27001 A.8.32",
        "SOC 2 CC8.1",
        "PCI DSS 7.2.3",
        "SOX CM",
    ],
};

/// People sign in in one place.
pub const SSO: Bundle = Bundle { name: "SSO", gloss: "people sign in through one directory", controls: &["CIS 6.7"] };

/// Accounts that products come with.
pub const DEFAULTS: Bundle = Bundle {
    name: "DEFAULTS",
    gloss: "what products come with is changed or switched off",
    controls: &["CIS 4.7", "NIST 800-53 IA-5e"],
};

/// Passwords that are the only factor.
pub const PASSWORD_AGE: Bundle = Bundle {
    name: "PASSWORD_AGE",
    gloss: "a password that is the only factor is changed",
    controls: &["PCI DSS 8.3.9"],
};

/// Secrets that several people know.
pub const SHARED_SECRET: Bundle = Bundle {
    name: "SHARED_SECRET",
    gloss: "a shared secret is changed when somebody leaves who knew it",
    controls: &["NIST 800-53 AC-2k", "NIST 800-53 IA-5i"],
};

/// What leavers owned.
pub const HANDOVER: Bundle = Bundle {
    name: "HANDOVER",
    gloss: "what a leaver worked on stays with the company",
    controls: &["NIST 800-53 PS-4e"],
};

/// How long records are kept.
pub const RETENTION: Bundle = Bundle {
    name: "RETENTION",
    gloss: "records are kept as long as they must be, and no longer",
    controls: &["NIST 800-53 AU-11"],
};

/// Continuous monitoring.
pub const MONITOR: Bundle =
    Bundle { name: "MONITOR", gloss: "the control itself is watched", controls: &["NIST 800-53 CA-7"] };

/// The control ids of several bundles, each once, in order.
pub fn controls(bundles: &[Bundle]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for id in bundles.iter().flat_map(|bundle| bundle.controls) {
        if !ids.iter().any(|known| known == id) {
            ids.push((*id).to_owned());
        }
    }
    ids
}
