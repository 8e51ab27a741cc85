//! What was granted and not used.

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::{Use, Window};
use crate::aws::compiled::Permissions;
use crate::aws::reference::Reference;

/// What a principal was granted and did not use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unused {
    /// Services without any use in the window, by prefix.
    pub services: Vec<UnusedService>,
    /// Actions without a use in the window, of services that were used, by name.
    pub actions: Vec<Box<str>>,
    /// Granted services of which no record says anything: neither used nor unused.
    pub not_recorded: Vec<Box<str>>,
}

/// A service that was granted and not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedService {
    /// Its prefix.
    pub service: Box<str>,
    /// How many of its known actions are granted.
    pub granted: u32,
    /// The last use, before the window; `None`: none within the tracking period.
    pub last: Option<Timestamp>,
    /// Since when uses are recorded, where that is known.
    pub tracked_since: Option<Timestamp>,
}

/// What a principal may do and did not do in the window: of the rows of its permissions by service, and of the actions in both their sets.
///
/// Cost: linear in the rows and the records.
pub fn unused(reference: &Reference, permissions: &Permissions, uses: &[Use], window: Window) -> Unused {
    let mut found = Unused::default();
    let mut records: FxHashMap<String, Vec<&Use>> = FxHashMap::default();
    for one in uses {
        records.entry(one.service.to_ascii_lowercase()).or_default().push(one);
    }
    let mut services: Vec<(&str, u32)> = Vec::new();
    for row in &permissions.by_service {
        let granted = row.allowed + row.allowed_if;
        match services.last_mut() {
            Some((service, count)) if **service == *row.service => *count += granted,
            _ => services.push((&row.service, granted)),
        }
    }
    for (service, granted) in services {
        let of = records.get(&service.to_ascii_lowercase()).map_or(&[][..], Vec::as_slice);
        if of.iter().any(|one| window.has(one.last)) {
            let actions = of.iter().filter(|one| !window.has(one.last)).filter_map(|one| one.action.as_ref());
            let known = actions.filter_map(|action| reference.find(&format!("{service}:{action}")));
            let granted = known.filter(|&at| {
                permissions.allowed.contains(at as usize) || permissions.allowed_if.contains(at as usize)
            });
            found.actions.extend(granted.map(|at| reference.action(at).name.clone()));
            continue;
        }
        // Actions that were recorded and not used say nothing of the service: others of it may have been.
        let Some(whole) = of.iter().find(|one| one.action.is_none()) else {
            found.not_recorded.push(service.into());
            continue;
        };
        let last = of.iter().filter_map(|one| one.last).max();
        found.services.push(UnusedService {
            service: service.into(),
            granted,
            last,
            tracked_since: whole.tracked_since,
        });
    }
    found.actions.sort_unstable();
    found.actions.dedup();
    found
}
