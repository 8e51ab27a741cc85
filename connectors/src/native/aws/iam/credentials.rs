//! Passwords, keys, certificates and second factors: with their own ids where they were listed, else as the credential report has them.

use jiff::Timestamp;

use super::super::credential_report::{Field, Row, Slot};
use super::super::details::{AccessKey, Part, User};
use super::super::outcome::raw;
use super::{Mapping, distinct};
use crate::record::{Credential, CredentialKind, CredentialState, Fact, Raw, Record, RecordKind};
use crate::scope::Gap;

impl Mapping<'_> {
    pub(super) fn password_of(&mut self, user: &User, row: Option<&Row>) -> Password {
        let id = format!("{}/password", user.user_id);
        if let Some(row) = row {
            return Password::from_report(id, &user.user_id, row);
        }
        let login = self.data.logins.read().map(|logins| logins.iter().find(|login| login.user_name == user.user_name));
        match login {
            Some(Some(login)) => {
                let mut credential = credential(id, &user.user_id, CredentialKind::Password, CredentialState::Active);
                credential.created = login.created.into();
                credential.last_used = Fact::Unreadable;
                credential.rotated = Fact::Unreadable;
                Password {
                    interactive: Fact::Known(true),
                    changed: Fact::Unreadable,
                    last_used: Fact::Unreadable,
                    credential: Some(credential),
                }
            }
            Some(None) => Password::none(),
            None => {
                if matches!(self.data.report, Part::Read(_)) {
                    let gap =
                        Gap::new("AWS012", format!("user `{}` has no row in the credential report", user.user_name))
                            .cause("the user is newer than the report, or the report is cut off")
                            .fix(
                                "take a new report (`aws iam generate-credential-report`; AWS makes one in four hours)",
                            );
                    self.out.gap(&[RecordKind::Credential], &gap);
                }
                let unknown =
                    if matches!(self.data.report, Part::NotGiven) { Fact::Unsupported } else { Fact::Unreadable };
                Password {
                    interactive: if unknown == Fact::Unsupported { Fact::Unsupported } else { Fact::Unreadable },
                    changed: unknown.clone(),
                    last_used: unknown,
                    credential: None,
                }
            }
        }
    }

    /// The user's access keys: with their own ids where they were listed, else by their place in the report.
    pub(super) fn keys_of(&self, user: &User, row: Option<&Row>) -> Vec<Credential> {
        match self.data.keys.read() {
            Some(keys) => distinct(keys, |key| &key.access_key_id)
                .into_iter()
                .filter(|key| key.user_name == user.user_name)
                .map(|key| listed_key(&user.user_id, key))
                .collect(),
            None => row.map(|row| report_keys(&user.user_id, row)).unwrap_or_default(),
        }
    }

    pub(super) fn mfa_of(&self, user: &User, row: Option<&Row>) -> Fact<Vec<String>> {
        if let Some(devices) = self.data.mfa.read() {
            let mut factors: Vec<String> = devices
                .iter()
                .filter(|device| device.user_name == user.user_name)
                .map(|device| factor(&device.serial_number).to_owned())
                .collect();
            factors.sort();
            return if factors.is_empty() { Fact::Absent } else { Fact::Known(factors) };
        }
        match (row, &self.data.mfa, &self.data.report) {
            (Some(row), _, _) => reported_mfa(row),
            (None, Part::NotGiven, Part::NotGiven) => Fact::Unsupported,
            (None, _, _) => Fact::Unreadable,
        }
    }

    pub(super) fn certificates(&mut self, account: &str, row: &Row) {
        for (n, slot) in (1..).zip(&row.certificates) {
            if slot.is_taken() {
                let id = format!("{account}/cert_{n}");
                let mut certificate = credential(id, account, CredentialKind::Certificate, slot_state(slot));
                certificate.rotated = slot.last_rotated.property();
                self.out.records.push(Record::Credential(Box::new(certificate)));
            }
        }
    }
}

/// What is known about a console password.
pub(super) struct Password {
    pub(super) interactive: Fact<bool>,
    pub(super) changed: Fact<Timestamp>,
    pub(super) last_used: Fact<Timestamp>,
    pub(super) credential: Option<Credential>,
}

impl Password {
    fn none() -> Self {
        Self { interactive: Fact::Known(false), changed: Fact::Absent, last_used: Fact::Absent, credential: None }
    }

    pub(super) fn from_report(id: String, account: &str, row: &Row) -> Self {
        let state = match row.password_enabled {
            Field::Known(false) => return Self::none(),
            Field::Known(true) => CredentialState::Active,
            Field::NotApplicable | Field::NoInformation | Field::NotSupported | Field::Unreadable => {
                CredentialState::Unknown
            }
        };
        let mut credential = credential(id, account, CredentialKind::Password, state);
        credential.rotated = row.password_last_changed.property();
        credential.expires = row.password_next_rotation.property();
        credential.last_used = row.password_last_used.last_use();
        Self {
            interactive: row.password_enabled.property(),
            changed: credential.rotated.clone(),
            last_used: credential.last_used.clone(),
            credential: Some(credential),
        }
    }
}

pub(super) fn credential(id: String, account: &str, kind: CredentialKind, state: CredentialState) -> Credential {
    Credential {
        id,
        account: account.to_owned(),
        kind,
        name: None,
        created: Fact::Unsupported,
        expires: Fact::Unsupported,
        last_used: Fact::Unsupported,
        rotated: Fact::Unsupported,
        state,
        raw: Raw::None,
    }
}

fn listed_key(account: &str, key: &AccessKey) -> Credential {
    let state = match key.status.as_str() {
        "Active" => CredentialState::Active,
        "Inactive" => CredentialState::Inactive,
        "Expired" => CredentialState::Expired,
        _ => CredentialState::Unknown,
    };
    let mut credential = credential(key.access_key_id.clone(), account, CredentialKind::AccessKey, state);
    credential.created = key.create_date.into();
    credential.expires = Fact::Absent;
    credential.last_used = match &key.access_key_last_used {
        Some(used) => used.last_used_date.map_or(Fact::Never, Fact::Known),
        None => Fact::Unreadable,
    };
    credential.raw = raw(key);
    credential
}

pub(super) fn report_keys(account: &str, row: &Row) -> Vec<Credential> {
    (1..)
        .zip(&row.keys)
        .filter(|(_, slot)| slot.is_taken())
        .map(|(n, slot)| {
            let id = format!("{account}/access_key_{n}");
            let mut key = credential(id, account, CredentialKind::AccessKey, slot_state(slot));
            key.rotated = slot.last_rotated.property();
            key.expires = Fact::Absent;
            key.last_used = slot.last_used.last_use();
            key
        })
        .collect()
}

fn slot_state(slot: &Slot) -> CredentialState {
    match slot.active {
        Field::Known(true) => CredentialState::Active,
        Field::Known(false) => CredentialState::Inactive,
        Field::NotApplicable | Field::NoInformation | Field::NotSupported | Field::Unreadable => {
            CredentialState::Unknown
        }
    }
}

pub(super) fn reported_mfa(row: &Row) -> Fact<Vec<String>> {
    match row.mfa_active {
        Field::Known(true) => Fact::Known(vec!["mfa_active".to_owned()]),
        Field::Known(false) => Fact::Absent,
        Field::NotApplicable | Field::NoInformation | Field::NotSupported => Fact::Unsupported,
        Field::Unreadable => Fact::Unreadable,
    }
}

/// The kind of an MFA device, which its serial number tells: an ARN of a virtual device or passkey, or a hardware serial.
fn factor(serial: &str) -> &'static str {
    if serial.contains(":mfa/") {
        "virtual"
    } else if serial.contains(":u2f/") {
        "fido"
    } else {
        "hardware"
    }
}
