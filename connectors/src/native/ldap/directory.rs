//! What a collection knows of a directory: which object each name means, and who is listed in which group.
//!
//! Members are names of entries that may come later, so nothing can be resolved before everything was read. To keep
//! memory flat, records are handed on at once and only this stays: per object its DN and id, per membership twelve
//! bytes.

use std::collections::HashMap;

use jiff::Timestamp;

use super::dn;
use super::values;

/// An object's place in [`Directory`].
pub(super) type Slot = u32;

/// The id of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ObjectId {
    /// objectGUID or entryUUID.
    Uuid([u8; 16]),
    /// A DN, or an id of another shape.
    Text(Box<str>),
}

impl ObjectId {
    /// The id as records carry it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Uuid(bytes) => values::uuid_text(bytes),
            Self::Text(text) => text.as_ref().to_owned(),
        }
    }
}

/// What stands at a DN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    /// Named by others as this DN, not read so far.
    Unread(Box<str>),
    /// An account.
    Account(ObjectId),
    /// A group.
    Group {
        /// Its id.
        id: ObjectId,
        /// Index of the base it was read in.
        base: u16,
    },
    /// A security identifier of another domain.
    Foreign(Box<str>),
    /// Neither an account nor a group: a contact, an organisational unit, a printer.
    Other(ObjectId, Box<str>),
}

/// How the source holds a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// A member value of the group; its raw object shows it.
    Member,
    /// A member value of a group with too many of them for its raw object.
    MemberOfLarge,
    /// `memberOf` of the member.
    Backlink,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    group: Slot,
    member: Slot,
    held: Held,
}

/// A membership by a number or name instead of a DN.
#[derive(Debug)]
struct Indirect {
    group: GroupKey,
    member: MemberKey,
}

#[derive(Debug)]
enum GroupKey {
    Slot(Slot),
    Sid(u32, u32),
    Gid(i64),
}

#[derive(Debug)]
enum MemberKey {
    Slot(Slot),
    Uid(Box<str>),
}

/// Every name and membership read so far.
#[derive(Debug, Default)]
pub(super) struct Directory {
    names: HashMap<Box<str>, Slot>,
    objects: Vec<Object>,
    edges: Vec<Edge>,
    indirect: Vec<Indirect>,
    domains: Vec<Box<str>>,
    group_sids: HashMap<(u32, u32), Slot>,
    account_sids: Option<HashMap<Box<str>, Slot>>,
    gids: HashMap<i64, Slot>,
    uids: HashMap<Box<str>, Slot>,
}

/// A membership, resolved as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Slot of the group.
    pub(super) group: Slot,
    /// What it names.
    pub(super) member: Member,
    /// How the source holds it, when not as a member value.
    pub(super) via: Option<String>,
    /// The object whose raw object shows it.
    pub(super) within: Option<Slot>,
}

/// A resolved or unresolved member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    /// An account.
    Account(String),
    /// A group.
    Group(String),
    /// Known, but neither.
    Other(String),
    /// Nothing was read at this name.
    Unread(String),
}

impl Directory {
    /// A directory of `bases` bases. With more than one, accounts are also found by their security identifier.
    pub(super) fn new(bases: usize) -> Self {
        Self { account_sids: (bases > 1).then(HashMap::new), ..Self::default() }
    }

    /// The place of the entry called `dn`.
    pub(super) fn slot(&mut self, dn: &str) -> Slot {
        let name = dn::normalise(dn);
        if let Some(slot) = self.names.get(name.as_str()) {
            return *slot;
        }
        let slot = Slot::try_from(self.objects.len()).expect("a directory has fewer than four thousand million names");
        self.names.insert(name.into_boxed_str(), slot);
        self.objects.push(Object::Unread(dn.into()));
        slot
    }

    /// What stands at a place.
    pub(super) fn object(&self, slot: Slot) -> &Object {
        &self.objects[slot as usize]
    }

    /// Notes what stands at a place.
    pub(super) fn settle(&mut self, slot: Slot, object: Object) {
        self.objects[slot as usize] = object;
    }

    /// Notes that `member` is listed in `group`.
    pub(super) fn link(&mut self, group: Slot, member: Slot, held: Held) {
        self.edges.push(Edge { group, member, held });
    }

    /// Notes a group's security identifier.
    pub(super) fn group_sid(&mut self, slot: Slot, sid: &str) {
        if let Some((domain, rid)) = values::split_sid(sid) {
            let domain = self.domain(domain);
            self.group_sids.insert((domain, rid), slot);
        }
        self.account_sid(slot, sid);
    }

    /// Notes an object's security identifier, so that another domain's foreign principals find it.
    pub(super) fn account_sid(&mut self, slot: Slot, sid: &str) {
        if let Some(sids) = &mut self.account_sids {
            sids.insert(sid.into(), slot);
        }
    }

    /// Notes a POSIX group's number.
    pub(super) fn gid(&mut self, slot: Slot, gid: i64) {
        self.gids.insert(gid, slot);
    }

    /// Notes a POSIX account's name.
    pub(super) fn uid(&mut self, slot: Slot, uid: &str) {
        self.uids.insert(uid.into(), slot);
    }

    /// Notes the primary group of an Active Directory account by relative id.
    pub(super) fn primary_rid(&mut self, member: Slot, member_sid: &str, rid: u32) {
        if let Some((domain, _)) = values::split_sid(member_sid) {
            let domain = self.domain(domain);
            self.indirect.push(Indirect { group: GroupKey::Sid(domain, rid), member: MemberKey::Slot(member) });
        }
    }

    /// Notes the primary group of a POSIX account by number.
    pub(super) fn primary_gid(&mut self, member: Slot, gid: i64) {
        self.indirect.push(Indirect { group: GroupKey::Gid(gid), member: MemberKey::Slot(member) });
    }

    /// Notes a `memberUid` of a POSIX group.
    pub(super) fn member_uid(&mut self, group: Slot, uid: &str) {
        self.indirect.push(Indirect { group: GroupKey::Slot(group), member: MemberKey::Uid(uid.into()) });
    }

    fn domain(&mut self, domain: &str) -> u32 {
        let known = self.domains.iter().position(|known| known.as_ref() == domain);
        let position = known.unwrap_or_else(|| {
            self.domains.push(domain.into());
            self.domains.len() - 1
        });
        u32::try_from(position).expect("domains are few")
    }

    /// DNs that others name and that were not read, sorted; groups named by `memberOf` are among them.
    pub(super) fn unread(&self) -> Vec<&str> {
        let names = self.objects.iter().filter_map(|object| match object {
            Object::Unread(dn) => Some(dn.as_ref()),
            Object::Account(_) | Object::Group { .. } | Object::Foreign(_) | Object::Other(..) => None,
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    }

    /// Every membership, once each.
    ///
    /// A group with member values of its own is told by them. `memberOf` of the members is used only for a group that
    /// shows no member; `backlinked` is called once for each such group.
    ///
    /// # Errors
    /// The first error of `take`.
    pub(super) fn links<E>(
        mut self,
        mut backlinked: impl FnMut(&Self, Slot),
        mut take: impl FnMut(&Self, Link) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut edges = std::mem::take(&mut self.edges);
        let indirect = std::mem::take(&mut self.indirect);
        edges.sort_unstable_by_key(|edge| (edge.group, edge.held == Held::Backlink, edge.member));
        edges.dedup_by_key(|edge| (edge.group, edge.member, edge.held == Held::Backlink));
        for group in edges.chunk_by(|one, other| one.group == other.group) {
            let slot = group[0].group;
            if !matches!(self.object(slot), Object::Group { .. }) {
                continue;
            }
            let by_backlink = group[0].held == Held::Backlink;
            if by_backlink {
                backlinked(&self, slot);
            }
            for edge in group.iter().filter(|edge| by_backlink || edge.held != Held::Backlink) {
                let (member, mut via) = self.member(edge.member);
                let within = match edge.held {
                    Held::Member => Some(slot),
                    Held::MemberOfLarge => None,
                    Held::Backlink => {
                        via = Some("memberOf".to_owned());
                        Some(edge.member)
                    }
                };
                take(&self, Link { group: slot, member, via, within })?;
            }
        }
        for Indirect { group, member } in indirect {
            let (group, via) = match group {
                GroupKey::Slot(slot) => (Some(slot), "memberUid"),
                GroupKey::Sid(domain, rid) => (self.group_sids.get(&(domain, rid)).copied(), "primaryGroupID"),
                GroupKey::Gid(gid) => (self.gids.get(&gid).copied(), "gidNumber"),
            };
            let Some(group) = group else { continue };
            let (member, within) = match member {
                MemberKey::Slot(slot) => (self.member(slot).0, Some(slot)),
                MemberKey::Uid(uid) => match self.uids.get(&uid) {
                    Some(slot) => (self.member(*slot).0, Some(group)),
                    None => (Member::Other(uid.into_string()), Some(group)),
                },
            };
            take(&self, Link { group, member, via: Some(via.to_owned()), within })?;
        }
        Ok(())
    }

    fn member(&self, slot: Slot) -> (Member, Option<String>) {
        match self.object(slot) {
            Object::Account(id) => (Member::Account(id.text()), None),
            Object::Group { id, .. } => (Member::Group(id.text()), None),
            Object::Other(id, class) => (Member::Other(id.text()), Some(format!("objectClass={class}"))),
            Object::Unread(dn) => (Member::Unread(dn.as_ref().to_owned()), None),
            Object::Foreign(sid) => {
                let here = self.account_sids.as_ref().and_then(|sids| sids.get(sid));
                let via = Some("foreignSecurityPrincipal".to_owned());
                match here.map(|slot| self.object(*slot)) {
                    Some(Object::Account(id)) => (Member::Account(id.text()), via),
                    Some(Object::Group { id, .. }) => (Member::Group(id.text()), via),
                    Some(Object::Unread(_) | Object::Foreign(_) | Object::Other(..)) | None => {
                        (Member::Other(sid.as_ref().to_owned()), via)
                    }
                }
            }
        }
    }
}

/// When an instant is known, whether it has passed at `now`.
pub(super) fn has_passed(instant: Timestamp, now: Option<Timestamp>) -> bool {
    now.is_some_and(|now| instant <= now)
}
