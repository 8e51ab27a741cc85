//! From entries to records: one scope per base, memberships at the end, and what the answers prove about completeness.

use std::collections::BTreeMap;

use super::attributes::{Attr, Entry};
use super::directory::{Directory, Held, Link, Member, Object, Slot};
use super::mapping::{self, Reading, Species};
use super::{code, dn, values};
use crate::record::{Membership, PrincipalKind, Raw, Record, RecordKind};
use crate::scope::{Gap, Probe, SourceFile};
use crate::sink::{Scope, Sink, SinkClosed};

/// What every scope promises.
pub(super) const KINDS: &[RecordKind] = &[RecordKind::Account, RecordKind::Group, RecordKind::Membership];

/// `via` of a member that lies outside every base: not read, so nothing is known of it.
pub(super) const OUTSIDE: &str = "outside base";
/// `via` of a member in a base that was not read to its end, or in an export that does not hold its whole base.
pub(super) const INCOMPLETE: &str = "base incomplete";
/// `via` of a member in Active Directory that exists, because links there cannot dangle, but is hidden from us.
pub(super) const HIDDEN: &str = "not visible";

/// What a name that nothing was read at proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// That the object is gone.
    Dangling,
    /// That it is hidden: the server keeps links and objects in step.
    Hidden,
}

/// Takes entries of one or more bases and pushes their records.
#[derive(Debug)]
pub(super) struct Intake {
    bases: Vec<Base>,
    /// Normalised naming contexts that are read elsewhere: what they hold lies outside every base.
    elsewhere: Vec<String>,
    directory: Directory,
    reading: Reading,
}

#[derive(Debug)]
struct Base {
    dn: String,
    scope: Scope,
    /// Whether everything below `dn` was read.
    whole: bool,
    untold: Count,
    twice: Count,
    memberless: Count,
    unread_values: BTreeMap<(RecordKind, &'static str, Attr), Count>,
    /// One bit an attribute that some entry had.
    seen: u128,
    active_directory: bool,
    domain: Option<String>,
    own_id: Option<String>,
}

/// How many, and the first one.
#[derive(Debug, Default)]
struct Count {
    number: u64,
    first: String,
}

impl Count {
    fn add(&mut self, what: &str) {
        if self.number == 0 {
            what.clone_into(&mut self.first);
        }
        self.number += 1;
    }
}

impl Intake {
    /// Opens a scope for each base, named by its normalised DN.
    pub(super) fn open(sink: &Sink, bases: &[String], elsewhere: &[String], reading: Reading) -> Self {
        let open = |base: &String| {
            let dn = dn::normalise(base);
            let name = if dn.is_empty() { "(root)".to_owned() } else { dn.clone() };
            Base {
                dn,
                scope: sink.scope(name, KINDS),
                whole: true,
                untold: Count::default(),
                twice: Count::default(),
                memberless: Count::default(),
                unread_values: BTreeMap::new(),
                seen: 0,
                active_directory: false,
                domain: None,
                own_id: None,
            }
        };
        Self {
            bases: bases.iter().map(open).collect(),
            elsewhere: elsewhere.to_vec(),
            directory: Directory::new(bases.len()),
            reading,
        }
    }

    /// Notes something of every base.
    pub(super) fn each(&mut self, mut note: impl FnMut(&mut Scope)) {
        self.bases.iter_mut().for_each(|base| note(&mut base.scope));
    }

    /// Counts a page of a base.
    pub(super) fn page(&mut self, base: usize) {
        self.bases[base].scope.page();
    }

    /// Notes a permission.
    pub(super) fn probe(&mut self, probe: &Probe) {
        self.each(|scope| scope.probe(probe.clone()));
    }

    /// Notes a file that every scope was read from.
    pub(super) fn file(&mut self, file: &SourceFile) {
        self.each(|scope| scope.file(file.clone()));
    }

    /// Number of bases.
    pub(super) fn bases(&self) -> usize {
        self.bases.len()
    }

    /// The normalised DN of a base.
    pub(super) fn base_dn(&self, base: usize) -> &str {
        &self.bases[base].dn
    }

    /// An export that lacks its own base entry was made with a filter: what it does not name may still exist.
    pub(super) fn doubt_partial_exports(&mut self) {
        for base in &mut self.bases {
            base.whole &= base.own_id.is_some();
        }
    }

    /// The base that the entry called `dn` belongs to.
    pub(super) fn base_of(&self, dn: &str) -> Option<usize> {
        let dn = dn::normalise(dn);
        if self.is_elsewhere(&dn) {
            return None;
        }
        self.bases.iter().position(|base| dn::is_within(&dn, &base.dn))
    }

    fn is_elsewhere(&self, dn: &str) -> bool {
        self.elsewhere.iter().any(|context| dn::is_within(dn, context))
    }

    /// Some of the base was not read.
    pub(super) fn gap(&mut self, base: usize, gap: &Gap) {
        self.bases[base].whole = false;
        gap_all(&mut self.bases[base].scope, gap);
    }

    /// Nothing that was read of the base can be relied on.
    pub(super) fn fail(&mut self, base: usize, gap: &Gap) {
        self.bases[base].whole = false;
        self.bases[base].scope.fail_all(gap);
    }

    /// Fails every base for one cause.
    pub(super) fn fail_all(&mut self, gap: &Gap) {
        (0..self.bases.len()).for_each(|base| self.fail(base, gap));
    }

    /// Some memberships of the base were not read.
    pub(super) fn membership_gap(&mut self, base: usize, gap: Gap) {
        self.bases[base].scope.gap(RecordKind::Membership, gap);
    }

    /// Takes an entry of a base.
    pub(super) fn entry(&mut self, base: usize, entry: &Entry) -> Result<(), SinkClosed> {
        let Self { bases, directory, reading, .. } = self;
        let base_index = u16::try_from(base).unwrap_or(u16::MAX);
        let base = &mut bases[base];
        let slot = directory.slot(&entry.dn);
        if !matches!(directory.object(slot), Object::Unread(_)) {
            base.twice.add(&entry.dn);
            return Ok(());
        }
        base.count(entry);
        let sid = mapping::sid(entry);
        let (id, _) = mapping::identify(entry);
        match mapping::species(entry) {
            Species::Account => {
                let mut unread = Vec::new();
                let account = mapping::account(entry, *reading, &mut unread);
                base.note_unread(RecordKind::Account, &unread, entry);
                base.note_text(RecordKind::Account, entry);
                directory.settle(slot, Object::Account(id));
                note_account_links(directory, slot, entry, sid.as_deref());
                if let Some((domain, _)) = sid.as_deref().and_then(values::split_sid) {
                    base.domain.get_or_insert_with(|| domain.to_owned());
                }
                base.scope.push_blocking(Record::Account(Box::new(account)))
            }
            Species::Group => {
                let (group, members_cut) = mapping::group(entry);
                base.note_text(RecordKind::Group, entry);
                directory.settle(slot, Object::Group { id, base: base_index });
                if let Some(sid) = sid {
                    directory.group_sid(slot, &sid);
                }
                note_members(directory, slot, entry, members_cut);
                if lacks_mandatory_members(entry) {
                    base.memberless.add(&entry.dn);
                }
                base.scope.push_blocking(Record::Group(Box::new(group)))
            }
            Species::Foreign => {
                let sid = sid.or_else(|| dn::first_rdn(&entry.dn).map(|(_, value)| value.to_owned()));
                directory.settle(slot, Object::Foreign(sid.unwrap_or_default().into_boxed_str()));
                Ok(())
            }
            Species::Other => {
                directory.settle(slot, Object::Other(id, last_class(entry)));
                Ok(())
            }
            Species::Untold => {
                base.untold.add(&entry.dn);
                directory.settle(slot, Object::Other(id, "unknown".into()));
                Ok(())
            }
        }
    }

    /// DNs inside wholly read bases that are named as members or groups and were not read.
    pub(super) fn unresolved(&self) -> Vec<(usize, String)> {
        let place = |dn: &&str| {
            let base = self.base_of(dn)?;
            self.bases[base].whole.then(|| (base, (*dn).to_owned()))
        };
        self.directory.unread().iter().filter_map(place).collect()
    }

    /// Pushes the memberships and ends every scope.
    pub(super) fn finish(mut self, unresolved: Unresolved) -> Result<(), SinkClosed> {
        if unresolved == Unresolved::Hidden {
            self.note_hidden();
        }
        let Self { mut bases, directory, elsewhere, .. } = self;
        let group_base = |directory: &Directory, slot: Slot| match directory.object(slot) {
            Object::Group { base, .. } => usize::from(*base),
            Object::Unread(_) | Object::Account(_) | Object::Foreign(_) | Object::Other(..) => 0,
        };
        let mut backlinked: BTreeMap<usize, Count> = BTreeMap::new();
        let names: Vec<(String, bool)> = bases.iter().map(|base| (base.dn.clone(), base.whole)).collect();
        directory.links(
            |directory, slot| {
                let count = backlinked.entry(group_base(directory, slot)).or_default();
                count.add(&id_of(directory, slot));
            },
            |directory, link| {
                let base = group_base(directory, link.group);
                let record = membership(directory, link, |dn| standing(&names, &elsewhere, dn, unresolved));
                bases[base].scope.push_blocking(Record::Membership(record))
            },
        )?;
        for (base, count) in backlinked {
            bases[base].note_backlinked(&count);
        }
        for mut base in bases {
            base.conclude();
            base.scope.finish_blocking()?;
        }
        Ok(())
    }

    fn note_hidden(&mut self) {
        let mut hidden: BTreeMap<usize, Count> = BTreeMap::new();
        for (base, dn) in self.unresolved() {
            hidden.entry(base).or_default().add(&dn);
        }
        for (base, Count { number, first }) in hidden {
            let gap = Gap::new(
                code::HIDDEN,
                format!("{number} objects below the base are named by others but not visible, first `{first}`"),
            )
            .cause("Active Directory keeps links and objects in step, so these exist and the bind DN may not see them")
            .fix("give the bind DN \"List contents\" and \"Read all properties\" on the whole base");
            gap_all(&mut self.bases[base].scope, &gap);
        }
    }
}

/// Notes that some of every kind was not read.
fn gap_all(scope: &mut Scope, gap: &Gap) {
    for kind in KINDS {
        scope.gap(*kind, gap.clone());
    }
}

fn untold_gap(number: &str) -> Gap {
    Gap::new(code::UNTOLD, format!("entries do not say what they are: {number}"))
        .cause("`objectClass` was not exported or may not be read")
        .fix("export `objectClass` too, or allow the bind DN to read it")
}

fn twice_gap(number: &str) -> Gap {
    Gap::new(code::TWICE, format!("entries came twice, and the first of each was kept: {number}"))
        .cause("a server that repeats entries may also have left some out, and files that overlap may disagree")
        .fix("collect again; give each file once")
}

fn memberless_gap(number: &str) -> Gap {
    Gap::new(code::MEMBERS, format!("groups show no member although their class requires one: {number}"))
        .cause("the bind DN may not read `member` or `uniqueMember`")
        .fix("allow it: `access to attrs=member,uniqueMember by dn.exact=\"<bind DN>\" read by * break`")
}

/// What is known of a member that was not read.
fn standing(bases: &[(String, bool)], elsewhere: &[String], dn: &str, unresolved: Unresolved) -> Option<&'static str> {
    let dn = dn::normalise(dn);
    if elsewhere.iter().any(|context| dn::is_within(&dn, context)) {
        return Some(OUTSIDE);
    }
    match bases.iter().find(|(base, _)| dn::is_within(&dn, base)) {
        None => Some(OUTSIDE),
        Some((_, false)) => Some(INCOMPLETE),
        Some((_, true)) => match unresolved {
            Unresolved::Dangling => None,
            Unresolved::Hidden => Some(HIDDEN),
        },
    }
}

fn membership(directory: &Directory, link: Link, standing: impl Fn(&str) -> Option<&'static str>) -> Membership {
    let (member, member_kind, via) = match link.member {
        Member::Account(id) => (id, PrincipalKind::Account, link.via),
        Member::Group(id) => (id, PrincipalKind::Group, link.via),
        Member::Other(id) => (id, PrincipalKind::Unknown, link.via),
        Member::Unread(dn) => {
            let via = standing(&dn).map(str::to_owned).or(link.via);
            (dn, PrincipalKind::Unknown, via)
        }
    };
    let raw = link.within.map_or(Raw::None, |slot| Raw::Within(id_of(directory, slot)));
    Membership { member, member_kind, group: id_of(directory, link.group), since: None, until: None, via, raw }
}

fn id_of(directory: &Directory, slot: Slot) -> String {
    match directory.object(slot) {
        Object::Account(id) | Object::Group { id, .. } | Object::Other(id, _) => id.text(),
        Object::Unread(text) | Object::Foreign(text) => text.as_ref().to_owned(),
    }
}

fn note_account_links(directory: &mut Directory, slot: Slot, entry: &Entry, sid: Option<&str>) {
    if let Some(sid) = sid {
        directory.account_sid(slot, sid);
        if let Some(rid) = entry.number(Attr::PrimaryGroupId).and_then(|rid| u32::try_from(rid).ok()) {
            directory.primary_rid(slot, sid, rid);
        }
    } else if let Some(gid) = entry.number(Attr::GidNumber) {
        directory.primary_gid(slot, gid);
    }
    for uid in entry.texts(Attr::Uid) {
        directory.uid(slot, &uid);
    }
    for group in entry.texts(Attr::MemberOf) {
        let group = directory.slot(&group);
        directory.link(group, slot, Held::Backlink);
    }
}

fn note_members(directory: &mut Directory, slot: Slot, entry: &Entry, members_cut: bool) {
    let held = if members_cut { Held::MemberOfLarge } else { Held::Member };
    for attr in [Attr::Member, Attr::RoleOccupant] {
        for member in entry.texts(attr) {
            let member = directory.slot(&member);
            directory.link(slot, member, held);
        }
    }
    for member in entry.texts(Attr::UniqueMember) {
        // Name and optional UID (RFC 4517 section 3.3.21): `cn=a,dc=b#'0101'B`.
        let name = member.strip_suffix("'B").and_then(|rest| rest.rsplit_once("#'")).map_or(&*member, |(name, _)| name);
        let member = directory.slot(name);
        directory.link(slot, member, held);
    }
    for uid in entry.texts(Attr::MemberUid) {
        directory.member_uid(slot, &uid);
    }
    for group in entry.texts(Attr::MemberOf) {
        let group = directory.slot(&group);
        directory.link(group, slot, Held::Backlink);
    }
    if let Some(gid) = entry.number(Attr::GidNumber) {
        directory.gid(slot, gid);
    }
}

/// RFC 4519 makes `member` of groupOfNames and `uniqueMember` of groupOfUniqueNames mandatory: none visible is
/// withheld.
fn lacks_mandatory_members(entry: &Entry) -> bool {
    let lacks = |class, attr| entry.is_a(class) && !entry.has(attr);
    !entry.has(Attr::MemberUrl)
        && (lacks("groupOfNames", Attr::Member) || lacks("groupOfUniqueNames", Attr::UniqueMember))
}

/// The most specific object class is last in Active Directory and nowhere certain elsewhere: good enough for a note.
fn last_class(entry: &Entry) -> Box<str> {
    let last = entry.texts(Attr::ObjectClass).filter(|class| !class.eq_ignore_ascii_case("top")).last();
    last.map_or_else(|| "top".into(), |class| class.as_ref().into())
}

/// The record field that an attribute fills.
fn field_of(attr: Attr) -> &'static str {
    match attr {
        Attr::DisplayName | Attr::Cn | Attr::Name => "name",
        Attr::Mail | Attr::ProxyAddresses => "emails",
        Attr::SamAccountName | Attr::Uid => "login",
        Attr::EmployeeId | Attr::EmployeeNumber => "employee_id",
        Attr::Manager => "manager",
        Attr::Department => "department",
        Attr::Title => "title",
        Attr::Description => "description",
        Attr::ManagedBy | Attr::Owner => "owner",
        Attr::Member | Attr::UniqueMember | Attr::MemberUid | Attr::RoleOccupant | Attr::MemberOf => "member",
        _ => "attributes",
    }
}

impl Base {
    fn count(&mut self, entry: &Entry) {
        self.active_directory |= entry.has(Attr::ObjectSid) || entry.has(Attr::SamAccountName);
        for (attr, values) in entry.iter() {
            if !values.is_empty() {
                self.seen |= attr.bit();
            }
        }
        // Only the base itself has a name of the base's length.
        if entry.dn.len() <= self.dn.len() + 16 && dn::normalise(&entry.dn) == self.dn {
            self.own_id = match mapping::sid(entry) {
                Some(sid) => Some(sid),
                None => Some(mapping::identify(entry).0.text()),
            };
        }
    }

    fn note_unread(&mut self, kind: RecordKind, unread: &[mapping::Unread], entry: &Entry) {
        for (field, attr) in unread {
            self.unread_values.entry((kind, field, *attr)).or_default().add(&entry.dn);
        }
    }

    fn note_text(&mut self, kind: RecordKind, entry: &Entry) {
        for (attr, values) in entry.iter() {
            if !attr.is_binary() && values.iter().any(|value| std::str::from_utf8(value).is_err()) {
                self.unread_values.entry((kind, field_of(attr), attr)).or_default().add(&entry.dn);
            }
        }
    }

    fn saw(&self, attrs: &[Attr]) -> bool {
        attrs.iter().any(|attr| self.seen & attr.bit() != 0)
    }

    fn note_backlinked(&mut self, count: &Count) {
        self.scope.gap(
            RecordKind::Membership,
            Gap::new(
                code::MEMBERS,
                format!(
                    "{} groups show no `member`, first {}; their members come from `memberOf`",
                    count.number, count.first
                ),
            )
            .cause(
                "the bind DN may not read `member` of these groups, and `memberOf` names only members that it may see",
            )
            .fix("allow the bind DN to read `member` of every group"),
        );
    }

    /// What the sum of the entries says about what was withheld.
    fn conclude(&mut self) {
        self.note_unparsable();
        for (kinds, count, gap) in [
            (KINDS, std::mem::take(&mut self.untold), untold_gap as fn(&str) -> Gap),
            (KINDS, std::mem::take(&mut self.twice), twice_gap),
            (&[RecordKind::Membership], std::mem::take(&mut self.memberless), memberless_gap),
        ] {
            if count.number > 0 {
                let gap = gap(&format!("{}, first `{}`", count.number, count.first));
                for kind in kinds {
                    self.scope.gap(*kind, gap.clone());
                }
            }
        }
        self.note_withheld();
        let tenant = match (&self.own_id, &self.domain) {
            (Some(id), _) if !self.active_directory || id.starts_with("S-1-") => id.clone(),
            (_, Some(domain)) => domain.clone(),
            (Some(id), None) => id.clone(),
            (None, None) => self.dn.clone(),
        };
        self.scope.tenant(tenant);
    }

    fn note_unparsable(&mut self) {
        for ((kind, field, attr), Count { number, first }) in std::mem::take(&mut self.unread_values) {
            let why = format!(
                "{number} values of `{}` could not be read, first on `{first}`; every other value is there",
                attr.name()
            );
            self.scope.withhold(kind, field, why);
        }
    }

    fn note_withheld(&mut self) {
        let accounts = self.scope.count(RecordKind::Account) > 0;
        let groups = self.scope.count(RecordKind::Group) > 0;
        if accounts && self.active_directory {
            for (attrs, field) in [
                (&[Attr::UserAccountControl][..], "lifecycle"),
                (&[Attr::LastLogonTimestamp, Attr::LastLogon], "last_activity"),
                (&[Attr::PwdLastSet], "password_changed"),
                (&[Attr::AccountExpires], "expires"),
                (&[Attr::WhenCreated], "created"),
            ] {
                if !self.saw(attrs) {
                    let why = format!(
                        "no account shows `{}`: the bind DN may not read it, or the export left it out",
                        attrs[0].name()
                    );
                    self.scope.withhold(RecordKind::Account, field, why);
                }
            }
            if !self.saw(&[Attr::PrimaryGroupId]) {
                let gap = Gap::new(code::MEMBERS, "no account shows `primaryGroupID`")
                    .cause("it may not be read, or the export left it out; only it tells who is in Domain Users")
                    .fix("allow the bind DN to read `primaryGroupID`, or export it");
                self.scope.gap(RecordKind::Membership, gap);
            }
            if groups && !self.saw(&[Attr::Member, Attr::MemberOf]) {
                self.note_no_member();
            }
        } else if accounts {
            let keeps_time = [Attr::PwdLastSuccess, Attr::AuthTimestamp];
            if !self.saw(&keeps_time) {
                let why = "no account shows `pwdLastSuccess` or `authTimestamp`: the server keeps no sign-in times \
                           (`lastbind on` keeps them), or the bind DN may not read them";
                self.scope.withhold(RecordKind::Account, "last_activity", why);
            }
        }
    }

    /// In a whole domain, the built-in Administrators have a member; an organisational unit may hold empty groups only.
    fn note_no_member(&mut self) {
        let why = "no group shows `member`: it may not be read, the export left it out, or every group is empty";
        if self.own_id.as_deref().is_some_and(|id| id.starts_with("S-1-")) {
            let gap = Gap::new(code::MEMBERS, "no group shows `member`")
                .cause("it may not be read, or the export left it out: the built-in Administrators have one")
                .fix("allow the bind DN to read `member`, or export it");
            self.scope.gap(RecordKind::Membership, gap);
        } else {
            self.scope.withhold(RecordKind::Membership, "member", why);
        }
    }
}
