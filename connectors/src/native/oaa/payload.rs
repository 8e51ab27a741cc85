//! The payload as it is written: which template it follows, and its lists entry by entry.

use std::fs::File;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::code;
use crate::scope::Gap;

/// Bytes of the largest file that is read; the API itself takes fewer.
const LARGEST: u64 = 2 << 30;

/// A payload of any template.
#[derive(Debug, Deserialize)]
pub(super) struct Payload {
    /// Custom applications.
    applications: Option<Vec<Application>>,
    #[serde(default)]
    permissions: Vec<Value>,
    #[serde(default)]
    identity_to_permissions: Vec<Value>,
    /// A custom identity provider.
    name: Option<String>,
    idp_type: Option<String>,
    users: Option<Vec<Value>>,
    #[serde(default)]
    groups: Vec<Value>,
    /// The body of a push holds the payload as text.
    json_data: Option<String>,
    compression_type: Option<String>,
    incremental_update: Option<bool>,
    /// Where it was read, for what is said of it.
    #[serde(skip)]
    path: String,
}

/// One application, with the lists of the payload that belong to all.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Application {
    pub(super) name: String,
    #[serde(rename = "application_type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) local_users: Vec<Value>,
    #[serde(default)]
    pub(super) local_groups: Vec<Value>,
    #[serde(default)]
    pub(super) local_roles: Vec<Value>,
    #[serde(default)]
    pub(super) local_access_creds: Vec<Value>,
    #[serde(default)]
    pub(super) resources: Vec<Value>,
    #[serde(skip)]
    pub(super) permissions: Vec<Value>,
    #[serde(skip)]
    pub(super) identity_to_permissions: Vec<Value>,
    /// Whether the payload describes no other application.
    #[serde(skip)]
    pub(super) alone: bool,
}

/// An identity provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) users: Vec<Value>,
    pub(super) groups: Vec<Value>,
}

/// What is read of a payload.
#[derive(Debug)]
pub(super) enum Document {
    Application(Box<Application>),
    Provider(Box<Provider>),
}

impl Payload {
    /// The payload in a file.
    pub(super) fn read(file: File, path: &str) -> Result<Self, Gap> {
        let bytes = file.metadata().map(|data| data.len()).unwrap_or_default();
        if bytes > LARGEST {
            return Err(Gap::new(code::FILE, format!("`{path}` has {bytes} bytes; {LARGEST} are read at most"))
                .cause("the API itself takes far less in one push")
                .fix("push and save one payload for each data source"));
        }
        let mut payload: Self = parse(BufReader::with_capacity(1 << 20, file), path)?;
        if let Some(kind) = payload.compression_type.take().filter(|kind| !kind.is_empty()) {
            return Err(Gap::new(code::PAYLOAD, format!("`{path}` holds a compressed payload ({kind})"))
                .cause("it is the body of a push that was packed for the way")
                .fix("save the payload itself, before it is packed"));
        }
        if let Some(text) = payload.json_data.take() {
            payload = parse(text.as_bytes(), &format!("{path} (json_data)"))?;
        }
        path.clone_into(&mut payload.path);
        Ok(payload)
    }

    /// The application that is meant, or the identity provider.
    pub(super) fn choose(mut self, wanted: Option<&str>) -> Result<Document, Gap> {
        let path = std::mem::take(&mut self.path);
        if self.incremental_update == Some(true) {
            return Err(Gap::new(code::UPDATE, format!("`{path}` is an update (`incremental_update`), not a state"))
                .cause("it names what changed; everything else would look as if it were gone")
                .fix("have the integration write the whole state"));
        }
        let Some(mut applications) = self.applications else {
            return match (self.name, self.idp_type, self.users) {
                (Some(name), Some(_), Some(users)) => {
                    Ok(Document::Provider(Box::new(Provider { name, users, groups: self.groups })))
                }
                _ => Err(Gap::new(code::PAYLOAD, format!("`{path}` is no payload of a known template"))
                    .cause("it has neither `applications` nor `name`, `idp_type` and `users`")
                    .fix("name a payload of a custom application or of a custom identity provider")),
            };
        };
        let names = applications.iter().map(|one| format!("`{}`", one.name)).collect::<Vec<_>>().join(", ");
        let alone = applications.len() == 1;
        let found = match wanted {
            Some(wanted) => applications.iter().position(|one| one.name == wanted),
            None => alone.then_some(0),
        };
        let Some(found) = found else {
            let what = match wanted {
                Some(wanted) => format!("`{path}` describes no application `{wanted}`"),
                None => format!("`{path}` describes {} applications", applications.len()),
            };
            return Err(Gap::new(code::PAYLOAD, what)
                .cause(if names.is_empty() { "it describes none".to_owned() } else { format!("it describes {names}") })
                .fix("set `application` to one of its names; each is a system of its own"));
        };
        let mut application = applications.swap_remove(found);
        application.permissions = self.permissions;
        application.identity_to_permissions = self.identity_to_permissions;
        application.alone = alone;
        Ok(Document::Application(Box::new(application)))
    }
}

fn parse(input: impl Read, path: &str) -> Result<Payload, Gap> {
    serde_json::from_reader(input).map_err(|error| {
        let gap = Gap::new(code::PAYLOAD, format!("`{path}` is not a whole payload")).cause(error.to_string());
        let gap = if error.line() > 0 { gap.at(format!("{path}:{}:{}", error.line(), error.column())) } else { gap };
        gap.fix("have it written again; a payload is one JSON document and ends with its closing brace")
    })
}

/// A user of an application or of an identity provider.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    /// Of a provider: what `id` is elsewhere.
    #[serde(default, deserialize_with = "text")]
    pub(super) identity: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    pub(super) full_name: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) identities: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) groups: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) access_creds: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) assumed_role_arns: Vec<String>,
    pub(super) is_active: Option<bool>,
    pub(super) is_guest: Option<bool>,
    #[serde(rename = "user_type")]
    pub(super) class: Option<String>,
    pub(super) department: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) manager_id: Option<String>,
    pub(super) source_identity: Option<Identity>,
    pub(super) created_at: Option<String>,
    pub(super) last_login_at: Option<String>,
    pub(super) deactivated_at: Option<String>,
    pub(super) password_last_changed_at: Option<String>,
    #[serde(default)]
    pub(super) custom_properties: Option<Map<String, Value>>,
}

/// The same user at another provider.
#[derive(Debug, Deserialize)]
pub(super) struct Identity {
    #[serde(default, deserialize_with = "text")]
    pub(super) identity: Option<String>,
    pub(super) provider_type: Option<String>,
}

/// A group.
#[derive(Debug, Deserialize)]
pub(super) struct Group {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) identity: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    pub(super) full_name: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) identities: Vec<String>,
    /// The groups that this one is a member of.
    #[serde(default, deserialize_with = "list")]
    pub(super) groups: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) assumed_role_arns: Vec<String>,
}

/// A role.
#[derive(Debug, Deserialize)]
pub(super) struct Role {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) permissions: Vec<String>,
    /// Roles inside it.
    #[serde(default, deserialize_with = "list")]
    pub(super) roles: Vec<String>,
}

/// A permission in the application's words, and what it is mapped to.
#[derive(Debug, Deserialize)]
pub(super) struct Permission {
    pub(super) name: String,
    #[serde(default, deserialize_with = "list")]
    pub(super) permission_type: Vec<String>,
}

/// A resource.
#[derive(Debug, Deserialize)]
pub(super) struct Resource {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(rename = "resource_type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) sub_resources: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) custom_properties: Option<Map<String, Value>>,
}

/// A token or key of the application.
#[derive(Debug, Deserialize)]
pub(super) struct AccessCredential {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    pub(super) is_active: Option<bool>,
    pub(super) can_expire: Option<bool>,
    pub(super) created_at: Option<String>,
    pub(super) expires_at: Option<String>,
    pub(super) last_used_at: Option<String>,
}

/// Everything that one identity was given.
#[derive(Debug, Deserialize)]
pub(super) struct Given {
    #[serde(deserialize_with = "text")]
    pub(super) identity: Option<String>,
    pub(super) identity_type: String,
    #[serde(default)]
    pub(super) application_permissions: Option<Vec<Right>>,
    #[serde(default)]
    pub(super) role_assignments: Option<Vec<Right>>,
}

/// One permission or role, on the application or on resources.
#[derive(Debug, Deserialize)]
pub(super) struct Right {
    pub(super) application: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) permission: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) role: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) resources: Vec<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) resource: Option<String>,
    pub(super) apply_to_application: Option<bool>,
}

/// A text; a number is taken for one, because ids are often numbers. An empty one is none.
fn text<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    named(Value::deserialize(input)?).map_err(serde::de::Error::custom)
}

/// Texts, or objects that hold them under `identity`. `null` is no text.
fn list<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    let values = Option::<Vec<Value>>::deserialize(input)?.unwrap_or_default();
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        let value = match value {
            Value::Object(mut object) => object.remove("identity").unwrap_or_default(),
            other => other,
        };
        match named(value).map_err(serde::de::Error::custom)? {
            Some(text) => texts.push(text),
            None => return Err(serde::de::Error::custom("an entry of a list is empty")),
        }
    }
    Ok(texts)
}

fn named(value: Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(format!("a name or id is expected, not `{}`", clipped(&other.to_string()))),
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(60).collect()
}
