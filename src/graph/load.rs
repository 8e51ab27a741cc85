//! From the tables of a snapshot to a graph.

use muster_connectors::record::{
    AccountClass, Affiliation, CredentialKind, CredentialState, EntitlementKind, FactState, GrantOrigin, GroupRule,
    IdKind, Lifecycle, PolicyKind, PrincipalKind, PrivilegeLevel, Purpose,
};
use muster_effective::aws::document::Actions;
use polars::prelude::DataFrame;
use rayon::prelude::*;

use super::{
    Account, Builder, Coverage, Credential, Detail, Entitlement, Federation, Graph, Group, Node, NodeKind, Policy,
    Relation, Resource, ScopeIx, SystemIx, Text, When,
};
use crate::snapshot::{RowState, Rows, Snapshot, StoreError};

impl Graph {
    /// Reads the facts of a snapshot.
    ///
    /// Cost: one pass over each table; strings are interned once.
    ///
    /// # Errors
    /// [`StoreError`] when a table cannot be read.
    pub fn load(snapshot: &Snapshot) -> Result<Self, StoreError> {
        Self::load_for(snapshot, None)
    }

    /// The same for a question about some actions of AWS: a policy that says nothing about any of them is there, and its document is
    /// [`SILENT`]; what only people are told of accounts, credentials, groups, entitlements and grants is not known (see [`Table::asked`]).
    ///
    /// # Errors
    /// As [`Graph::load`].
    pub(crate) fn load_about(snapshot: &Snapshot, actions: &Actions) -> Result<Self, StoreError> {
        Self::load_for(snapshot, Some(actions))
    }

    fn load_for(snapshot: &Snapshot, about: Option<&Actions>) -> Result<Self, StoreError> {
        let mut builder = Builder::new(Coverage::of(snapshot.manifest()));
        builder.reserve(|kind| snapshot.rows(kind));
        ACCOUNTS.visit(snapshot, about, |frame| account_rows(&mut builder, frame))?;
        GROUPS.visit(snapshot, about, |frame| group_rows(&mut builder, frame))?;
        ENTITLEMENTS.visit(snapshot, about, |frame| entitlement_rows(&mut builder, frame))?;
        resources(&mut builder, snapshot)?;
        CREDENTIALS.visit(snapshot, about, |frame| credential_rows(&mut builder, frame))?;
        policies(&mut builder, snapshot, about)?;
        federations(&mut builder, snapshot)?;
        builder.snapshot(snapshot);
        memberships(&mut builder, snapshot)?;
        GRANTS.visit(snapshot, about, |frame| grant_rows(&mut builder, frame))?;
        let mut graph = builder.finish();
        graph.particulars = graph.read_particulars(snapshot)?;
        Ok(graph)
    }
}

/// Where a row was read. Rows of one scope follow each other, so the last answer is nearly always the next one.
struct Places<'a> {
    systems: crate::snapshot::Texts<'a>,
    scopes: crate::snapshot::Texts<'a>,
    states: crate::snapshot::Texts<'a>,
    last: Option<(&'a str, &'a str, SystemIx, ScopeIx)>,
}

impl<'a> Places<'a> {
    fn of(rows: &Rows<'a>) -> Result<Self, StoreError> {
        Ok(Self {
            systems: rows.texts("system")?,
            scopes: rows.texts("scope")?,
            states: rows.texts("state")?,
            last: None,
        })
    }

    fn place(&mut self, builder: &mut Builder, row: usize) -> (SystemIx, ScopeIx, RowState) {
        let (system, scope) = (self.systems.text(row), self.scopes.text(row));
        let state = self.states.name(row).unwrap_or(RowState::Stale);
        if let Some((last_system, last_scope, system_ix, scope_ix)) = self.last
            && last_system == system
            && last_scope == scope
        {
            return (system_ix, scope_ix, state);
        }
        let system_ix = builder.system(system);
        let scope_ix = builder.scope(system_ix, scope);
        self.last = Some((system, scope, system_ix, scope_ix));
        (system_ix, scope_ix, state)
    }
}

/// A `<fact>` column with its `<fact>_state`.
struct Facts<'a> {
    values: crate::snapshot::Instants<'a>,
    states: crate::snapshot::Texts<'a>,
}

impl<'a> Facts<'a> {
    fn of(rows: &Rows<'a>, name: &str) -> Result<Self, StoreError> {
        Ok(Self { values: rows.instants(name)?, states: rows.texts(&format!("{name}_state"))? })
    }

    fn when(&self, row: usize) -> When {
        When::stored(self.values.micros(row), self.states.name(row))
    }
}

fn add(builder: &mut Builder, text: Option<&str>) -> Option<Text> {
    text.map(|text| builder.strings.add(text))
}

/// Texts of a list column by row, as runs of one flat list.
struct Lists {
    texts: Vec<Text>,
    ends: Vec<u32>,
}

impl Lists {
    fn of(builder: &mut Builder, rows: &Rows<'_>, name: &str) -> Result<Self, StoreError> {
        let mut texts = Vec::new();
        let mut ends = vec![0; rows.len()];
        rows.lists(name, |row, text| {
            texts.push(builder.strings.add(text));
            ends[row] = super::build::small(texts.len());
        })?;
        let mut end = 0;
        for slot in &mut ends {
            end = end.max(*slot);
            *slot = end;
        }
        Ok(Self { texts, ends })
    }

    fn row(&self, row: usize) -> &[Text] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[start as usize..self.ends[row] as usize]
    }
}

/// Columns of a table.
struct Table {
    name: &'static str,
    /// What a question about policies looks at.
    asked: &'static [&'static str],
    /// What is beside it.
    further: &'static [&'static str],
}

impl Table {
    fn visit(
        &self,
        snapshot: &Snapshot,
        about: Option<&Actions>,
        visit: impl FnMut(&DataFrame) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        if about.is_some() {
            return snapshot.each_frame_beside(self.name, self.asked, self.further, visit);
        }
        snapshot.each_frame(self.name, &[self.asked, self.further].concat(), visit)
    }
}

const ACCOUNTS: Table = Table {
    name: "accounts",
    asked: &["id", "native_name", "login", "name", "lifecycle", "interactive", "state"],
    further: &[
        "id_kind",
        "emails",
        "emails_verified",
        "employee_id",
        "class",
        "class_evidence",
        "affiliation",
        "is_root",
        "created",
        "created_state",
        "expires",
        "expires_state",
        "password_changed",
        "password_changed_state",
        "mfa",
        "mfa_state",
        "owner",
        "department",
        "title",
        "manager",
        "federated",
        "last_activity",
        "last_activity_state",
    ],
};

const GROUPS: Table = Table {
    name: "groups",
    asked: &["id", "name", "native_name", "state"],
    further: &["owner", "rule", "self_join", "privilege"],
};

const ENTITLEMENTS: Table = Table {
    name: "entitlements",
    asked: &["id", "kind", "name", "state"],
    further: &["purpose", "owner", "privilege"],
};

const CREDENTIALS: Table = Table {
    name: "credentials",
    asked: &["id", "account", "kind", "status", "state"],
    further: &[
        "name",
        "created",
        "created_state",
        "expires",
        "expires_state",
        "rotated",
        "rotated_state",
        "last_used",
        "last_used_state",
    ],
};

const GRANTS: Table = Table {
    name: "grants",
    asked: &["principal", "principal_kind", "entitlement", "resource", "condition", "state"],
    further: &["origin", "since", "since_state", "until", "until_state"],
};

fn account_rows(builder: &mut Builder, frame: &DataFrame) -> Result<(), StoreError> {
    let rows = Rows::of(frame, "accounts");
    let mut places = Places::of(&rows)?;
    let text = |name: &str| rows.texts(name);
    let (id, id_kind, login) = (text("id")?, text("id_kind")?, text("login")?);
    let (native_name, name, employee_id) = (text("native_name")?, text("name")?, text("employee_id")?);
    let (class, evidence, affiliation) = (text("class")?, text("class_evidence")?, text("affiliation")?);
    let (lifecycle, mfa, owner) = (text("lifecycle")?, text("mfa_state")?, text("owner")?);
    let (department, title, manager) = (text("department")?, text("title")?, text("manager")?);
    let (verified, root, interactive) =
        (rows.flags("emails_verified")?, rows.flags("is_root")?, rows.flags("interactive")?);
    let (created, expires) = (Facts::of(&rows, "created")?, Facts::of(&rows, "expires")?);
    let (password, activity) = (Facts::of(&rows, "password_changed")?, Facts::of(&rows, "last_activity")?);
    let emails = Lists::of(builder, &rows, "emails")?;
    let federated = Lists::of(builder, &rows, "federated")?;
    let factors = Lists::of(builder, &rows, "mfa")?;
    for row in 0..rows.len() {
        let (system, scope, state) = places.place(builder, row);
        let account = Account {
            id_kind: id_kind.name(row).unwrap_or(IdKind::Reusable),
            login: add(builder, login.get(row)),
            native_name: add(builder, native_name.get(row)),
            emails: builder.texts(emails.row(row).iter().copied()),
            emails_verified: verified.get(row).unwrap_or(false),
            employee_id: add(builder, employee_id.get(row)),
            class: class.name::<AccountClass>(row),
            class_evidence: add(builder, evidence.get(row)),
            affiliation: affiliation.name::<Affiliation>(row),
            lifecycle: lifecycle.name(row).unwrap_or(Lifecycle::Unknown),
            is_root: root.get(row).unwrap_or(false),
            created: created.when(row),
            expires: expires.when(row),
            last_activity: activity.when(row),
            password_changed: password.when(row),
            interactive: interactive.get(row),
            mfa: match mfa.name(row).unwrap_or(FactState::Unsupported) {
                FactState::Known if factors.row(row).is_empty() => FactState::None,
                state => state,
            },
            factors: builder.texts(factors.row(row).iter().copied()),
            owner: add(builder, owner.get(row)),
            department: add(builder, department.get(row)),
            title: add(builder, title.get(row)),
            manager: add(builder, manager.get(row)),
            federated: builder.texts(federated.row(row).iter().copied()),
        };
        let (id, name) = (builder.strings.add(id.text(row)), add(builder, name.get(row)));
        builder.account(Node { kind: NodeKind::Account, system, scope, state, id, name }, account);
    }
    Ok(())
}

fn group_rows(builder: &mut Builder, frame: &DataFrame) -> Result<(), StoreError> {
    let rows = Rows::of(frame, "groups");
    let mut places = Places::of(&rows)?;
    let (id, name, native_name) = (rows.texts("id")?, rows.texts("name")?, rows.texts("native_name")?);
    let (owner, rule, privilege) = (rows.texts("owner")?, rows.texts("rule")?, rows.texts("privilege")?);
    let self_join = rows.flags("self_join")?;
    for row in 0..rows.len() {
        let (system, scope, state) = places.place(builder, row);
        let group = Group {
            rule: rule.name(row).unwrap_or(GroupRule::Unknown),
            owner: add(builder, owner.get(row)),
            native_name: add(builder, native_name.get(row)),
            privilege: privilege.name::<PrivilegeLevel>(row),
            self_join: self_join.get(row),
        };
        let (id, name) = (builder.strings.add(id.text(row)), add(builder, name.get(row)));
        builder.group(Node { kind: NodeKind::Group, system, scope, state, id, name }, group);
    }
    Ok(())
}

fn entitlement_rows(builder: &mut Builder, frame: &DataFrame) -> Result<(), StoreError> {
    let rows = Rows::of(frame, "entitlements");
    let mut places = Places::of(&rows)?;
    let (id, kind, name) = (rows.texts("id")?, rows.texts("kind")?, rows.texts("name")?);
    let (purpose, owner, privilege) = (rows.texts("purpose")?, rows.texts("owner")?, rows.texts("privilege")?);
    for row in 0..rows.len() {
        let (system, scope, state) = places.place(builder, row);
        let entitlement = Entitlement {
            kind: kind.name(row).unwrap_or(EntitlementKind::Role),
            purpose: purpose.name(row).unwrap_or(Purpose::Permission),
            owner: add(builder, owner.get(row)),
            privilege: privilege.name::<PrivilegeLevel>(row),
        };
        let (id, name) = (builder.strings.add(id.text(row)), add(builder, name.get(row)));
        builder.entitlement(Node { kind: NodeKind::Entitlement, system, scope, state, id, name }, entitlement);
    }
    Ok(())
}

fn resources(builder: &mut Builder, snapshot: &Snapshot) -> Result<(), StoreError> {
    let frame = snapshot
        .frame("resources", &["id", "kind", "name", "owner", "parent", "environment", "sensitivity", "state"])?;
    let rows = Rows::of(&frame, "resources");
    let mut places = Places::of(&rows)?;
    let (id, kind, name) = (rows.texts("id")?, rows.texts("kind")?, rows.texts("name")?);
    let (owner, parent) = (rows.texts("owner")?, rows.texts("parent")?);
    let (environment, sensitivity) = (rows.texts("environment")?, rows.texts("sensitivity")?);
    for row in 0..rows.len() {
        let (system, scope, state) = places.place(builder, row);
        let resource = Resource {
            kind: add(builder, kind.get(row)),
            owner: add(builder, owner.get(row)),
            parent: add(builder, parent.get(row)),
            environment: add(builder, environment.get(row)),
            sensitivity: add(builder, sensitivity.get(row)),
        };
        let (id, name) = (builder.strings.add(id.text(row)), add(builder, name.get(row)));
        builder.resource(Node { kind: NodeKind::Resource, system, scope, state, id, name }, resource);
    }
    Ok(())
}

fn credential_rows(builder: &mut Builder, frame: &DataFrame) -> Result<(), StoreError> {
    let rows = Rows::of(frame, "credentials");
    let mut places = Places::of(&rows)?;
    let (id, account, kind) = (rows.texts("id")?, rows.texts("account")?, rows.texts("kind")?);
    let (name, status) = (rows.texts("name")?, rows.texts("status")?);
    let (created, expires) = (Facts::of(&rows, "created")?, Facts::of(&rows, "expires")?);
    let (rotated, last_used) = (Facts::of(&rows, "rotated")?, Facts::of(&rows, "last_used")?);
    for row in 0..rows.len() {
        let (system, scope, state) = places.place(builder, row);
        let credential = Credential {
            id: builder.strings.add(id.text(row)),
            name: add(builder, name.get(row)),
            account: None,
            account_id: builder.strings.add(account.text(row)),
            system,
            scope,
            state,
            kind: kind.name(row).unwrap_or(CredentialKind::Token),
            status: status.name(row).unwrap_or(CredentialState::Unknown),
            created: created.when(row),
            expires: expires.when(row),
            rotated: rotated.when(row),
            last_used: last_used.when(row),
        };
        builder.credential(credential);
    }
    Ok(())
}

/// A policy's document that says nothing.
const SILENT: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn policies(builder: &mut Builder, snapshot: &Snapshot, about: Option<&Actions>) -> Result<(), StoreError> {
    let columns = ["id", "kind", "name", "version", "targets", "document", "state"];
    snapshot.each_frame("policies", &columns, |frame| policy_rows(builder, frame, about))
}

fn policy_rows(builder: &mut Builder, frame: &DataFrame, about: Option<&Actions>) -> Result<(), StoreError> {
    let rows = Rows::of(frame, "policies");
    let mut places = Places::of(&rows)?;
    let (id, kind, name, document) =
        (rows.texts("id")?, rows.texts("kind")?, rows.texts("name")?, rows.texts("document")?);
    let version = rows.texts("version")?;
    let targets = Lists::of(builder, &rows, "targets")?;
    let speaks = |row| about.is_none_or(|actions| actions.may_be_in(document.text(row)));
    let speaking: Vec<bool> = (0..rows.len()).into_par_iter().map(speaks).collect();
    for (row, speaks) in speaking.into_iter().enumerate() {
        let (system, scope, state) = places.place(builder, row);
        let Some(kind) = kind.name::<PolicyKind>(row) else { continue };
        let policy = Policy {
            id: builder.strings.add(id.text(row)),
            name: add(builder, name.get(row)),
            version: add(builder, version.get(row)),
            system,
            scope,
            state,
            kind,
            targets: builder.texts(targets.row(row).iter().copied()),
            document: builder.strings.add(if speaks { document.text(row) } else { SILENT }),
        };
        builder.policy(policy);
    }
    Ok(())
}

fn federations(builder: &mut Builder, snapshot: &Snapshot) -> Result<(), StoreError> {
    let frame = snapshot.frame("federations", &["id", "account", "issuer", "subject", "condition", "state"])?;
    let rows = Rows::of(&frame, "federations");
    let mut places = Places::of(&rows)?;
    let (id, account, issuer) = (rows.texts("id")?, rows.texts("account")?, rows.texts("issuer")?);
    let (subject, condition) = (rows.texts("subject")?, rows.texts("condition")?);
    for row in 0..rows.len() {
        let (system, _, state) = places.place(builder, row);
        let Some(account) = builder.account_ix(system, account.text(row)) else { continue };
        let federation = Federation {
            account,
            id: builder.strings.add(id.text(row)),
            issuer: builder.strings.add(issuer.text(row)),
            state,
            subject: add(builder, subject.get(row)),
            condition: add(builder, condition.get(row)),
        };
        builder.federation(federation);
    }
    Ok(())
}

/// The kinds of node a principal may be, by what the record says of it.
fn candidates(kind: PrincipalKind) -> &'static [NodeKind] {
    match kind {
        PrincipalKind::Account | PrincipalKind::Unknown => &[NodeKind::Account, NodeKind::Group],
        PrincipalKind::Group => &[NodeKind::Group, NodeKind::Account],
    }
}

fn memberships(builder: &mut Builder, snapshot: &Snapshot) -> Result<(), StoreError> {
    let columns = ["group", "member", "member_kind", "since", "until", "via", "state"];
    snapshot.each_frame("memberships", &columns, |frame| membership_rows(builder, frame))
}

fn membership_rows(builder: &mut Builder, frame: &DataFrame) -> Result<(), StoreError> {
    let rows = Rows::of(frame, "memberships");
    let mut places = Places::of(&rows)?;
    let (group, member, kind) = (rows.texts("group")?, rows.texts("member")?, rows.texts("member_kind")?);
    let (since, until, via) = (rows.instants("since")?, rows.instants("until")?, rows.texts("via")?);
    for row in 0..rows.len() {
        let (system, scope, state) = places.place(builder, row);
        let node = |id: Text| Node { kind: NodeKind::Unresolved, system, scope, state, id, name: None };
        let kind = kind.name(row).unwrap_or(PrincipalKind::Unknown);
        let (member, group) = (builder.strings.add(member.text(row)), builder.strings.add(group.text(row)));
        let source = builder.resolve(&node(member), candidates(kind));
        let target = builder.resolve(&node(group), &[NodeKind::Group]);
        let detail = Detail {
            resource: None,
            since: When::stored(since.micros(row), None),
            until: When::stored(until.micros(row), None),
            note: add(builder, via.get(row)),
            origin: GrantOrigin::Direct,
            state,
            scope,
        };
        builder.edge(source, Relation::MemberOf, target, detail);
    }
    Ok(())
}

fn grant_rows(builder: &mut Builder, frame: &DataFrame) -> Result<(), StoreError> {
    let rows = Rows::of(frame, "grants");
    let mut places = Places::of(&rows)?;
    let (principal, kind, entitlement) =
        (rows.texts("principal")?, rows.texts("principal_kind")?, rows.texts("entitlement")?);
    let (resource, condition, origin) = (rows.texts("resource")?, rows.texts("condition")?, rows.texts("origin")?);
    let (since, until) = (Facts::of(&rows, "since")?, Facts::of(&rows, "until")?);
    // Grants of one principal follow each other.
    let mut last = None;
    for row in 0..rows.len() {
        let (system, scope, state) = places.place(builder, row);
        let node = |id: Text| Node { kind: NodeKind::Unresolved, system, scope, state, id, name: None };
        let holder = (principal.text(row), kind.name(row).unwrap_or(PrincipalKind::Unknown), scope, state);
        let source = match last {
            Some((same, source)) if same == holder => source,
            Some(_) | None => {
                let id = builder.strings.add(holder.0);
                builder.resolve(&node(id), candidates(holder.1))
            }
        };
        last = Some((holder, source));
        let entitlement = builder.strings.add(entitlement.text(row));
        let resource = add(builder, resource.get(row));
        let target = builder.resolve(&node(entitlement), &[NodeKind::Entitlement]);
        let detail = Detail {
            resource: resource.map(|id| builder.resolve(&node(id), &[NodeKind::Resource])),
            since: since.when(row),
            until: until.when(row),
            note: add(builder, condition.get(row)),
            origin: origin.name(row).unwrap_or(GrantOrigin::Direct),
            state,
            scope,
        };
        builder.edge(source, Relation::Holds, target, detail);
    }
    Ok(())
}
