//! The list of techniques: data with a strict schema, ours and a team's own.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use thiserror::Error;

use crate::aws::estate::PrincipalKind;

mod check;

use check::{File, check};

/// The list in the binary.
const BUILT_IN: &str = include_str!("../techniques.toml");

/// Techniques, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Techniques {
    version: String,
    list: Vec<Technique>,
    origins: Vec<String>,
    without: Vec<String>,
}

/// One way from what somebody may do to what somebody else may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Technique {
    /// Stable, in lower case with hyphens.
    pub id: String,
    /// What one does, as a sentence without a full stop.
    pub name: String,
    /// Who can do it; `None`: users and roles.
    pub actor: Option<PrincipalKind>,
    /// Whom it varies over.
    pub takes: Takes,
    /// Everything that must be allowed.
    pub requires: Vec<Permission>,
    /// What must be there.
    pub when: When,
    /// What one has afterwards.
    pub yields: Yields,
    /// Where it is described.
    pub references: Vec<String>,
}

/// Whom a technique varies over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// Only the actor.
    #[serde(rename = "self")]
    Itself,
    /// Another user of the account.
    User,
    /// Another role: of the account, or of any that it can be assumed from.
    Role,
    /// A group of the account.
    Group,
    /// A principal that the actor makes.
    New,
}

/// What one has afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Yields {
    /// One can act as the target.
    Target,
    /// Any policy at all on a principal that one can act as.
    Administrator,
    /// What the group grants.
    Membership,
    /// What another version of one's policy grants.
    Version,
    /// What one's boundary held back.
    Unbound,
    /// What a policy of one's own denied.
    Undenied,
}

/// One permission that a technique needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Permission {
    /// As `iam:PassRole`.
    pub action: String,
    /// On what.
    pub on: On,
    /// Of `iam:PassRole`: what `iam:PassedToService` will be.
    pub passed_to: Option<String>,
    /// Of `iam:PassRole`: the pattern of what `iam:AssociatedResourceArn` will be.
    pub associated: Option<String>,
    /// The technique itself grants it: only a deny or an organisation's policy can stand in the way.
    #[serde(default)]
    pub not_denied: bool,
}

/// What a permission is needed on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum On {
    /// An action that knows no resource.
    Anything,
    /// The actor.
    Itself,
    /// The target.
    Target,
    /// A managed policy of the account, as [`When::policy`] says.
    Policy,
    /// A group, as [`When::group`] says or the technique varies over.
    Group,
    /// The identity provider that the target trusts.
    Provider,
    /// The existing resource of [`When::resource`].
    Resource,
    /// Something new, by the pattern of its ARN with `{partition}` and `{account}`.
    New(String),
}

impl TryFrom<String> for On {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(match text.as_str() {
            "*" => Self::Anything,
            "self" => Self::Itself,
            "target" => Self::Target,
            "policy" => Self::Policy,
            "group" => Self::Group,
            "provider" => Self::Provider,
            "resource" => Self::Resource,
            arn if arn.starts_with("arn:{partition}:") => Self::New(text),
            _ => {
                return Err(format!(
                    "`{text}` is none of `*`, `self`, `target`, `policy`, `group`, `provider`, `resource` and no pattern that begins with `arn:{{partition}}:`"
                ));
            }
        })
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anything => "*",
            Self::Itself => "self",
            Self::Target => "target",
            Self::Policy => "policy",
            Self::Group => "group",
            Self::Provider => "provider",
            Self::Resource => "resource",
            Self::New(pattern) => pattern,
        })
    }
}

/// What must be there for a technique to work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct When {
    /// Services, any of which may assume the target.
    #[serde(default)]
    pub trusts: Vec<String>,
    /// An instance profile holds the target.
    #[serde(default)]
    pub instance_profile: bool,
    /// An existing resource.
    pub resource: Option<Existing>,
    /// A managed policy of the account that can be written.
    pub policy: Option<Policy>,
    /// A group of the actor.
    pub group: Option<Group>,
    /// The actor has a boundary.
    #[serde(default)]
    pub boundary: bool,
    /// The target user has fewer access keys, where that is known.
    pub keys_below: Option<u32>,
    /// The target user has at least so many access keys, where that is known.
    pub keys_from: Option<u32>,
    /// Whether the target user has a password, where that is known.
    pub console: Option<bool>,
    /// The target trusts an identity provider of this kind.
    pub provider: Option<Provider>,
    /// The actor's account manages its organisation.
    #[serde(default)]
    pub management: bool,
}

/// A resource that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Existing {
    /// As in `Resource::kind`.
    pub kind: String,
    /// The pattern of its ARN.
    pub arn: String,
    /// As whom it runs.
    #[serde(default)]
    pub runs: Runs,
}

/// As whom an existing resource runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// As the target: its fact `role` says so.
    #[default]
    Target,
    /// That does not matter.
    Anything,
}

/// Which managed policy is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// One that the actor has.
    OfSelf,
    /// One that the target has.
    OfTarget,
    /// One that the actor has and that denies something.
    DenyingSelf,
}

/// Which group is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// One that the actor is in.
    OfSelf,
    /// One that the actor is in and that denies something.
    DenyingSelf,
}

/// A kind of identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// `arn:aws:iam::…:saml-provider/…`.
    Saml,
}

/// Why a list of techniques cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TechniqueError {
    /// Not TOML, or not of the schema.
    #[error("{origin}: {what}")]
    Unreadable {
        /// The file's name.
        origin: String,
        /// What the reader says, with line and column.
        what: String,
        /// The same without its place.
        message: String,
        /// Where in the text.
        at: Range<usize>,
    },
    /// One technique contradicts itself.
    #[error("{origin}: technique `{id}`, field `{field}`: {what}")]
    Wrong {
        /// The file's name.
        origin: String,
        /// Its id.
        id: String,
        /// The field.
        field: &'static str,
        /// What is wrong, and what would be right.
        what: String,
        /// Where the technique stands in the text.
        at: Range<usize>,
    },
    /// Something that nobody looks for is said not to be there.
    #[error("{origin}: no technique needs a resource of the kind `{kind}`")]
    NoKind {
        /// The file's name.
        origin: String,
        /// The kind.
        kind: String,
        /// Where it stands in the text.
        at: Range<usize>,
    },
    /// An id that is there already.
    #[error("{origin}: technique `{id}` is there already, in {first}: give it another id")]
    Twice {
        /// The file's name.
        origin: String,
        /// The id.
        id: String,
        /// Where it was seen first.
        first: String,
        /// Where the technique stands in the text.
        at: Range<usize>,
    },
}

impl TechniqueError {
    /// Where in the text it is wrong.
    pub fn at(&self) -> Range<usize> {
        match self {
            Self::Unreadable { at, .. } | Self::Wrong { at, .. } | Self::Twice { at, .. } | Self::NoKind { at, .. } => {
                at.clone()
            }
        }
    }

    /// What is wrong, without the name of the file.
    pub fn what(&self) -> String {
        match self {
            Self::Unreadable { message, .. } => message.clone(),
            Self::Wrong { id, field, what, .. } => format!("technique `{id}`, field `{field}`: {what}"),
            Self::Twice { id, first, .. } => {
                format!("technique `{id}` is there already, in {first}: give it another id")
            }
            Self::NoKind { kind, .. } => format!("no technique needs a resource of the kind `{kind}`"),
        }
    }
}

impl Technique {
    /// Whether a permission depends on the target: it must then be asked about each one.
    pub(super) fn depends_on_target(&self, permission: &Permission) -> bool {
        match permission.on {
            On::Target | On::Provider => true,
            On::Policy => self.when.policy == Some(Policy::OfTarget),
            On::Resource => self.when.resource.as_ref().is_some_and(|resource| resource.runs == Runs::Target),
            On::Anything | On::Itself | On::Group | On::New(_) => false,
        }
    }

    /// Whether nothing but the role's own trust has to let the actor in: then he may be of any account.
    pub(super) fn only_assumes(&self) -> bool {
        self.yields == Yields::Target && matches!(self.requires.as_slice(), [permission] if permission.assumes())
    }

    /// Whether the target's trust has to let the actor in: it may name one of several who may do the same otherwise.
    pub(super) fn assumes_target(&self) -> bool {
        self.requires.iter().any(Permission::assumes)
    }

    /// Whether it changes the role that it is on: the target, or the actor.
    pub(super) fn writes_role(&self, on: &On) -> bool {
        const WRITING: [&str; 6] = [
            "iam:attachrolepolicy",
            "iam:deleterolepermissionsboundary",
            "iam:detachrolepolicy",
            "iam:putrolepermissionsboundary",
            "iam:putrolepolicy",
            "iam:updateassumerolepolicy",
        ];
        let writes = |permission: &Permission| WRITING.contains(&&*permission.action.to_ascii_lowercase());
        self.requires.iter().any(|permission| permission.on == *on && writes(permission))
    }

    /// The actions that the identity policies of the actor have to allow.
    pub(super) fn own_actions(&self) -> impl Iterator<Item = &str> {
        let own = self.requires.iter().filter(|permission| !permission.not_denied && !permission.assumes());
        own.map(|permission| permission.action.as_str())
    }
}

impl Permission {
    /// Whether it is to assume the target, which a trust policy can grant without any identity policy.
    fn assumes(&self) -> bool {
        self.on == On::Target && self.action.eq_ignore_ascii_case("sts:AssumeRole") && !self.not_denied
    }
}

impl Techniques {
    /// The list in the binary.
    ///
    /// # Errors
    /// When the file beside this one is wrong; a test says that it is not.
    pub fn builtin() -> Result<Self, TechniqueError> {
        let none = Self { version: String::new(), list: Vec::new(), origins: Vec::new(), without: Vec::new() };
        none.with_file("techniques.toml", BUILT_IN)
    }

    /// The list with those of a file: `origin` is its name, for messages; `text` what it says.
    ///
    /// # Errors
    /// When the text is no list of techniques, one of them contradicts itself, or an id is there already.
    pub fn with_file(mut self, origin: &str, text: &str) -> Result<Self, TechniqueError> {
        let file: File = toml::from_str(text).map_err(|error| TechniqueError::Unreadable {
            origin: origin.to_owned(),
            what: error.to_string().trim_end().to_owned(),
            message: error.message().to_owned(),
            at: error.span().unwrap_or(0..text.len().min(1)),
        })?;
        if self.version.is_empty() {
            self.version = file.version.unwrap_or_default();
        }
        for written in file.technique {
            let at = written.span();
            let technique = check(written.into_inner(), &file.sources).map_err(|(id, field, what)| {
                TechniqueError::Wrong { origin: origin.to_owned(), id, field, what, at: at.clone() }
            })?;
            if let Some(first) = self.list.iter().position(|other| other.id == technique.id) {
                return Err(TechniqueError::Twice {
                    origin: origin.to_owned(),
                    id: technique.id,
                    first: self.origins[first].clone(),
                    at,
                });
            }
            self.list.push(technique);
            self.origins.push(origin.to_owned());
        }
        for kind in file.without {
            let needs = |technique: &Technique| {
                technique.when.resource.as_ref().is_some_and(|resource| resource.kind == *kind.get_ref())
            };
            if !self.list.iter().any(needs) {
                return Err(TechniqueError::NoKind {
                    origin: origin.to_owned(),
                    kind: kind.get_ref().clone(),
                    at: kind.span(),
                });
            }
            self.without.push(kind.into_inner());
        }
        Ok(self)
    }

    /// Kinds of resources of which a team says that it has none: no technique by one of them works.
    pub fn without(&self) -> &[String] {
        &self.without
    }

    /// The names of the files, in their order, and how many techniques each has.
    pub fn origins(&self) -> Vec<(&str, usize)> {
        let mut origins: Vec<(&str, usize)> = Vec::new();
        for origin in &self.origins {
            match origins.last_mut() {
                Some((last, count)) if *last == origin.as_str() => *count += 1,
                Some(_) | None => origins.push((origin, 1)),
            }
        }
        origins
    }

    /// The day on which the built-in list was last compared with its sources.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// All of them, in the order of the files; an edge of a graph names its technique by its place here.
    pub fn list(&self) -> &[Technique] {
        &self.list
    }

    #[cfg(test)]
    pub(super) fn only(&self, id: &str) -> Self {
        let list = self.list.iter().filter(|technique| technique.id == id).cloned().collect();
        Self { list, ..self.clone() }
    }

    /// One by its id.
    pub fn get(&self, id: &str) -> Option<&Technique> {
        self.list.iter().find(|technique| technique.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = r#"
        [[technique]]
        id = "own"
        name = "Do it"
        takes = "role"
        requires = [{ action = "acme:Do", on = "target" }]
        yields = "target"
        references = ["https://example.com"]
    "#;

    fn with(change: (&str, &str)) -> Result<Techniques, TechniqueError> {
        assert!(OWN.contains(change.0), "{}", change.0);
        Techniques::builtin().unwrap().with_file("own.toml", &OWN.replace(change.0, change.1))
    }

    #[test]
    fn the_built_in_list_is_right_and_dated() {
        let techniques = Techniques::builtin().unwrap();
        assert!(techniques.list().len() >= 130, "{}", techniques.list().len());
        assert!(techniques.version().parse::<jiff::civil::Date>().is_ok());
        for technique in techniques.list() {
            assert!(technique.references.iter().all(|reference| reference.starts_with("https://")), "{}", technique.id);
        }
    }

    #[test]
    fn a_team_adds_its_own_after_ours() {
        let techniques = with(("own", "own")).unwrap();
        assert_eq!(techniques.list().last().map(|technique| technique.id.as_str()), Some("own"));
        assert_eq!(techniques.version(), Techniques::builtin().unwrap().version());
    }

    #[test]
    fn what_is_wrong_is_named_with_id_and_field() {
        for (change, expected) in [
            ((r#"id = "own""#, r#"id = "Own""#), "own.toml: technique `Own`, field `id`: an id has"),
            (("acme:Do", "acme:*"), "technique `own`, field `requires`: `acme:*` is no action"),
            (("acme:Do", "iam:PassRole"), "`passed-to` belongs to `iam:PassRole`, and is needed there"),
            ((r#"on = "target""#, r#"on = "resource""#), "is on `resource`, but `when` says no `resource`"),
            ((r#"takes = "role""#, r#"takes = "self""#), "but `takes` is neither user nor role"),
            ((r#"yields = "target""#, r#"yields = "version""#), "field `when`: what another version grants needs"),
            (("https://example.com", "example"), "field `references`: `example` is no https address"),
            (
                (r#"id = "own""#, r#"id = "sts-assume-role""#),
                "technique `sts-assume-role` is there already, in techniques.toml",
            ),
            ((r#"name = "Do it""#, "nam = 1"), "unknown field `nam`"),
            ((r#"on = "target""#, r#"on = "tarhget""#), "`tarhget` is none of"),
        ] {
            let error = with(change).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
