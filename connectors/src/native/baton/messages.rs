//! The messages that rows hold, with the fields that are read: names and numbers are those of Baton's published protobuf
//! (`c1.connector.v2`).

use std::collections::HashMap;

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `google.protobuf.Timestamp`
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Instant {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// `google.protobuf.Struct`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Struct {
    #[prost(map = "string, message", tag = "1")]
    pub(super) fields: HashMap<String, Value>,
}

/// `google.protobuf.Value`; lists and objects are not read.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Value {
    #[prost(oneof = "Kind", tags = "2, 3, 4")]
    pub(super) kind: Option<Kind>,
}

/// What a [`Value`] is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Truth(bool),
}

/// A type of resource.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ResourceType {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) display_name: String,
    #[prost(int32, repeated, tag = "3")]
    pub(super) traits: Vec<i32>,
}

/// Traits of a type.
pub(super) mod of_type {
    pub(in super::super) const USER: i32 = 1;
    pub(in super::super) const GROUP: i32 = 2;
    pub(in super::super) const ROLE: i32 = 3;
    pub(in super::super) const SECRET: i32 = 5;
    pub(in super::super) const AGENT: i32 = 11;
}

/// Type and id of a resource.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ResourceId {
    #[prost(string, tag = "1")]
    pub(super) resource_type: String,
    #[prost(string, tag = "2")]
    pub(super) resource: String,
}

/// A resource.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Resource {
    #[prost(message, optional, tag = "1")]
    pub(super) id: Option<ResourceId>,
    #[prost(message, optional, tag = "2")]
    pub(super) parent: Option<ResourceId>,
    #[prost(string, tag = "3")]
    pub(super) display_name: String,
    #[prost(message, repeated, tag = "4")]
    pub(super) annotations: Vec<Any>,
    #[prost(string, tag = "5")]
    pub(super) description: String,
    #[prost(message, optional, tag = "9")]
    pub(super) profile: Option<Struct>,
    #[prost(message, optional, tag = "11")]
    pub(super) status: Option<Status>,
    #[prost(message, optional, tag = "12")]
    pub(super) created_at: Option<Instant>,
}

/// State of a resource or user: 1 enabled, 2 disabled, 3 deleted.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
    #[prost(string, tag = "2")]
    pub(super) details: String,
}

/// What makes a resource a user.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UserTrait {
    #[prost(message, repeated, tag = "1")]
    pub(super) emails: Vec<Email>,
    #[prost(message, optional, tag = "2")]
    pub(super) status: Option<Status>,
    #[prost(message, optional, tag = "3")]
    pub(super) profile: Option<Struct>,
    /// 1 human, 2 service, 3 system
    #[prost(int32, tag = "5")]
    pub(super) account_type: i32,
    #[prost(string, tag = "6")]
    pub(super) login: String,
    #[prost(string, repeated, tag = "7")]
    pub(super) login_aliases: Vec<String>,
    #[prost(message, optional, tag = "8")]
    pub(super) created_at: Option<Instant>,
    #[prost(message, optional, tag = "9")]
    pub(super) last_login: Option<Instant>,
    #[prost(message, optional, tag = "10")]
    pub(super) mfa_status: Option<Switch>,
}

/// An address.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Email {
    #[prost(string, tag = "1")]
    pub(super) address: String,
    #[prost(bool, tag = "2")]
    pub(super) is_primary: bool,
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Switch {
    #[prost(bool, tag = "1")]
    pub(super) on: bool,
}

/// What makes a resource a secret.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SecretTrait {
    #[prost(message, optional, tag = "2")]
    pub(super) created_at: Option<Instant>,
    #[prost(message, optional, tag = "3")]
    pub(super) expires_at: Option<Instant>,
    #[prost(message, optional, tag = "4")]
    pub(super) last_used_at: Option<Instant>,
    #[prost(message, optional, tag = "5")]
    pub(super) created_by_id: Option<ResourceId>,
    #[prost(message, optional, tag = "6")]
    pub(super) identity_id: Option<ResourceId>,
}

/// Something of a resource that can be held.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Entitlement {
    #[prost(message, optional, tag = "1")]
    pub(super) resource: Option<Resource>,
    #[prost(string, tag = "2")]
    pub(super) id: String,
    #[prost(string, tag = "3")]
    pub(super) display_name: String,
    #[prost(string, tag = "4")]
    pub(super) description: String,
    /// 1 assignment, 2 permission, 3 ownership
    #[prost(int32, tag = "7")]
    pub(super) purpose: i32,
    #[prost(string, tag = "8")]
    pub(super) slug: String,
}

/// A principal holding an entitlement.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Grant {
    #[prost(message, optional, tag = "1")]
    pub(super) entitlement: Option<Entitlement>,
    #[prost(message, optional, tag = "2")]
    pub(super) principal: Option<Resource>,
    #[prost(string, tag = "3")]
    pub(super) id: String,
    #[prost(message, optional, tag = "5")]
    pub(super) sources: Option<Sources>,
}

/// The entitlements that a grant was worked out of.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Sources {
    #[prost(map = "string, message", tag = "1")]
    pub(super) sources: HashMap<String, Switch>,
}
