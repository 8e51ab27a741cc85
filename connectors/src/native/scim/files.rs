//! Saved pages: list replies of `/Users` and `/Groups` as somebody fetched them.
//!
//! A file holds one JSON document or several behind one another. What a resource is shows in the resource; what an empty
//! page is of shows in the file's name, or is what no other page is of. Completeness rests on `totalResults`, as live.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde_json::Value;

use super::listing::{self, Page};
use super::resource::{self, Object, OneEach};
use super::{GROUP_KINDS, GroupScope, USER_KINDS, UserScope, gap_all, nameless_gap};
use crate::record::RecordKind;
use crate::scope::{Gap, Probe, SourceFile};
use crate::sink::Scope;
use crate::{ConnectorError, Run};

/// A system that is read from files.
#[derive(Debug)]
pub(super) struct Files {
    /// The config's folder.
    base: PathBuf,
    folder: Option<PathBuf>,
    listed: Vec<PathBuf>,
    collected: Option<Timestamp>,
}

/// What a page lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Users,
    Groups,
}

/// What was found of one side, over all files.
#[derive(Debug, Default)]
struct Found {
    pages: u64,
    nameless: u64,
    ids: HashSet<Arc<str>>,
    one_each: OneEach,
    /// Every total declared, with the file that declares it.
    totals: BTreeMap<u64, String>,
    untold: bool,
}

impl Files {
    pub(super) fn new(
        base: PathBuf,
        folder: Option<PathBuf>,
        listed: Vec<PathBuf>,
        collected: Option<Timestamp>,
    ) -> Self {
        Self { base, folder, listed, collected }
    }

    /// The files to read, as configured, sorted by name.
    async fn paths(&self) -> io::Result<Vec<PathBuf>> {
        let mut paths = self.listed.clone();
        if let Some(folder) = &self.folder {
            let mut entries = tokio::fs::read_dir(self.base.join(folder)).await?;
            while let Some(entry) = entries.next_entry().await? {
                let name = entry.file_name();
                if Path::new(&name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
                    paths.push(folder.join(name));
                }
            }
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    pub(super) async fn probe(&self) -> Result<Vec<Probe>, ConnectorError> {
        let paths = self.paths().await.map_err(|error| ConnectorError::Failed(self.no_folder(&error)))?;
        let mut probes = Vec::new();
        for path in paths {
            let outcome = tokio::fs::File::open(self.base.join(&path)).await;
            let permission = format!("read `{}`", path.display());
            probes.push(Probe {
                permission,
                granted: Some(outcome.is_ok()),
                detail: outcome.err().map(|error| error.to_string()),
            });
        }
        Ok(probes)
    }

    fn no_folder(&self, error: &io::Error) -> Gap {
        let folder = self.folder.as_deref().unwrap_or(&self.base);
        Gap::new("COL066", format!("cannot list the folder `{}`", folder.display()))
            .cause(error.to_string())
            .fix("check `folder` in the config")
    }

    pub(super) async fn collect(
        &self,
        run: &Run,
        mut users: UserScope,
        mut groups: GroupScope,
    ) -> Result<(), ConnectorError> {
        let paths = match self.paths().await {
            Ok(paths) => paths,
            Err(error) => {
                let gap = self.no_folder(&error);
                users.scope.fail_all(&gap);
                groups.scope.fail_all(&gap);
                Vec::new()
            }
        };
        let (mut user_side, mut group_side) = (Found::default(), Found::default());
        // Pages with nothing in them and no telling name: they belong to the side that has no other page.
        let mut undecided: Vec<(String, Page)> = Vec::new();
        for path in paths {
            if run.cancel.is_cancelled() {
                return Err(ConnectorError::Stopped);
            }
            let shown = path.display().to_string();
            let bytes = match tokio::fs::read(self.base.join(&path)).await {
                Ok(bytes) => bytes,
                Err(error) => {
                    let gap = Gap::new("COL066", format!("cannot read `{shown}`"))
                        .cause(error.to_string())
                        .fix("check the file and its permissions");
                    gap_sides(side_by_name(&path), &mut users.scope, &mut groups.scope, &gap);
                    continue;
                }
            };
            let file = SourceFile {
                path: shown.clone(),
                sha256: hex(digest(&SHA256, &bytes).as_ref()),
                bytes: bytes.len() as u64,
                collected: self.collected,
                header: None,
            };
            let (documents, problem) = documents(&bytes, &shown);
            if let Some(gap) = problem {
                gap_sides(side_by_name(&path), &mut users.scope, &mut groups.scope, &gap);
            }
            let (mut of_users, mut of_groups) = (false, false);
            for document in documents {
                if is_announcement(&document) {
                    of_users = true;
                    continue;
                }
                // Saved as one resource, as `GET /Groups/{id}` gives it, is not a page either.
                let Some(page) = as_page(document) else {
                    let gap = Gap::new("COL067", format!("`{shown}` holds JSON that is no SCIM page"))
                        .cause("it has neither `Resources` nor `totalResults`")
                        .fix("save the replies of /Users and /Groups as they come");
                    gap_sides(side_by_name(&path), &mut users.scope, &mut groups.scope, &gap);
                    continue;
                };
                let mut sides = page.resources.iter().filter_map(side_of);
                let side = sides.next();
                if sides.any(|other| Some(other) != side) {
                    let gap = Gap::new("COL067", format!("`{shown}` holds users and groups in one page"))
                        .cause("its total counts both, so neither can be proved complete")
                        .fix("save /Users and /Groups by themselves");
                    gap_sides(None, &mut users.scope, &mut groups.scope, &gap);
                    continue;
                }
                match side.or_else(|| side_by_name(&path)) {
                    Some(Side::Users) => {
                        of_users = true;
                        for resource in user_side.page(page, &shown) {
                            users.take(&resource).await?;
                        }
                        users.scope.page();
                    }
                    Some(Side::Groups) => {
                        of_groups = true;
                        for resource in group_side.page(page, &shown) {
                            groups.take(&resource).await?;
                        }
                        groups.scope.page();
                    }
                    None => undecided.push((shown.clone(), page)),
                }
            }
            // A file that names no side is quoted by both.
            if of_users || !of_groups {
                users.scope.file(file.clone());
            }
            if of_groups || !of_users {
                groups.scope.file(file);
            }
        }
        for (shown, page) in undecided {
            match (user_side.pages, group_side.pages) {
                (0, 1..) => drop(user_side.page(page, &shown)),
                (1.., 0) => drop(group_side.page(page, &shown)),
                _ => {
                    let gap = Gap::new("COL067", format!("`{shown}` is an empty page, of users or of groups"))
                        .cause("neither its content nor its name tells")
                        .fix("put `users` or `groups` into the file's name");
                    gap_sides(None, &mut users.scope, &mut groups.scope, &gap);
                }
            }
        }
        user_side.settle(&mut users.scope, "Users", USER_KINDS);
        group_side.settle(&mut groups.scope, "Groups", GROUP_KINDS);
        let pushed = users.finish().await?;
        groups.finish(&user_side.ids, &pushed).await?;
        Ok(())
    }
}

impl Found {
    /// Counts a page; returns the resources that no earlier page held.
    fn page(&mut self, page: Page, shown: &str) -> Vec<Value> {
        self.pages += 1;
        match page.total {
            Some(total) => {
                self.totals.entry(total).or_insert_with(|| shown.to_owned());
            }
            None => self.untold = true,
        }
        let mut fresh = Vec::new();
        for resource in page.resources {
            match resource::id(&resource) {
                None => self.nameless += 1,
                Some(id) => {
                    self.one_each.see(&id, &resource);
                    if self.ids.insert(id.into()) {
                        fresh.push(resource);
                    }
                }
            }
        }
        fresh
    }

    /// Says how the side ended.
    fn settle(&self, scope: &mut Scope, endpoint: &str, kinds: &[RecordKind]) {
        if self.pages == 0 {
            let gap = Gap::new("COL067", format!("no page of /{endpoint} among the files"))
                .cause("it was not saved, could not be read, or is not where the config points")
                .fix(format!("save the pages of /{endpoint} as well"));
            scope.fail_all(&gap);
            return;
        }
        self.one_each.settle(scope);
        if self.nameless > 0 {
            gap_all(scope, kinds, &nameless_gap(endpoint, self.nameless));
        }
        if self.totals.len() > 1 {
            let told: Vec<String> = self.totals.iter().map(|(total, file)| format!("{total} in `{file}`")).collect();
            let gap = Gap::new("COL062", format!("the pages of /{endpoint} declare different totals"))
                .cause(format!(
                    "{}: the list changed while it was saved, or the pages are of different days",
                    told.join(", ")
                ))
                .fix("save all pages again in one go");
            gap_all(scope, kinds, &gap);
        }
        if self.totals.is_empty() && self.untold {
            let gap = Gap::new("COL061", format!("the pages of /{endpoint} declare no `totalResults`"))
                .cause("nobody can tell whether a page is missing")
                .fix("save the replies as they come, with `totalResults`");
            gap_all(scope, kinds, &gap);
        }
        if let (Some((total, _)), Some(first)) = (self.totals.last_key_value(), kinds.first()) {
            scope.declare_total(*first, *total);
            let read = self.ids.len() as u64 + self.nameless;
            if read < *total {
                let gap = Gap::new("COL063", format!("/{endpoint} ended after {read} of {total}"))
                    .cause("a page is missing among the files, or cannot be read")
                    .fix("save the missing pages");
                gap_all(scope, kinds, &gap);
            } else if read > *total && self.totals.len() == 1 {
                let gap = Gap::new("COL062", format!("/{endpoint} declares {total}, and {read} are there"))
                    .cause("the pages are of different days, or the total cannot be trusted")
                    .fix("save all pages again in one go");
                gap_all(scope, kinds, &gap);
            }
        }
    }
}

/// Adds a gap to the side that a file belongs to, or to both.
fn gap_sides(side: Option<Side>, users: &mut Scope, groups: &mut Scope, gap: &Gap) {
    if side != Some(Side::Groups) {
        gap_all(users, USER_KINDS, gap);
    }
    if side != Some(Side::Users) {
        gap_all(groups, GROUP_KINDS, gap);
    }
}

fn side_by_name(path: &Path) -> Option<Side> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    match (name.contains("user"), name.contains("group")) {
        (true, false) => Some(Side::Users),
        (false, true) => Some(Side::Groups),
        (true, true) | (false, false) => None,
    }
}

/// What a resource is: by its type, its schema, or the one attribute that the other kind does not have.
fn side_of(resource: &Value) -> Option<Side> {
    let object = Object::of(resource)?;
    let by_word = |word: &str| match word.rsplit(':').next().map(str::to_ascii_lowercase).as_deref() {
        Some("user") => Some(Side::Users),
        Some("group") => Some(Side::Groups),
        _ => None,
    };
    let by_type = || object.object("meta")?.text("resourceType").as_deref().and_then(by_word);
    let by_schema = || object.list("schemas").iter().filter_map(Value::as_str).find_map(by_word);
    let by_attribute = || {
        let has = |name| object.get(name).is_some();
        if has("userName") {
            Some(Side::Users)
        } else if has("members") {
            Some(Side::Groups)
        } else {
            None
        }
    };
    by_type().or_else(by_schema).or_else(by_attribute)
}

fn is_announcement(document: &Value) -> bool {
    let schemas = Object::of(document).map(|object| object.list("schemas")).unwrap_or_default();
    schemas.iter().filter_map(Value::as_str).any(|urn| urn.ends_with(":ServiceProviderConfig"))
}

/// A document as a page: a list reply, or a bare list of resources, which declares no total.
fn as_page(document: Value) -> Option<Page> {
    match document {
        Value::Array(resources) => Some(Page { resources, total: None, next: None }),
        other => listing::page(other),
    }
}

/// The JSON documents in a file up to the first that cannot be read, and what is wrong with that.
fn documents(bytes: &[u8], shown: &str) -> (Vec<Value>, Option<Gap>) {
    // Honours a byte-order mark: Windows PowerShell writes redirected output as UTF-16.
    let (text, _, garbled) = encoding_rs::UTF_8.decode(bytes);
    let mut found = Vec::new();
    let mut problem = None;
    for document in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        match document {
            Ok(document) => found.push(document),
            Err(error) => {
                let what = if error.is_eof() { "ends early" } else { "is not JSON to its end" };
                problem = Some(
                    Gap::new("COL067", format!("`{shown}` {what}"))
                        .cause(error.to_string())
                        .fix("save the page again, whole")
                        .at(format!("{shown}:{}:{}", error.line(), error.column())),
                );
                break;
            }
        }
    }
    if found.is_empty() && problem.is_none() {
        problem = Some(
            Gap::new("COL067", format!("`{shown}` is empty"))
                .cause("it holds no JSON")
                .fix("save the page again, whole"),
        );
    }
    if garbled && problem.is_none() {
        problem = Some(
            Gap::new("COL067", format!("`{shown}` is not UTF-8"))
                .cause("some characters could not be read; JSON is UTF-8 by RFC 8259")
                .fix("save the page again without converting it"),
        );
    }
    (found, problem)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
