//! What was granted and not used.

use jiff::Timestamp;

use super::{Use, Window};
use crate::aws::compiled::Compiled;
use crate::aws::estate::PrincipalIx;

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

/// What a principal may do by its identity policies and did not do in the window.
pub fn unused(compiled: &Compiled<'_>, who: PrincipalIx, uses: &[Use], window: Window) -> Unused {
    let permissions = compiled.actions_of(who);
    let mut found = Unused::default();
    let mut services: Vec<(Box<str>, u32)> = Vec::new();
    for row in &permissions.by_service {
        let granted = row.allowed + row.allowed_if;
        match services.last_mut() {
            Some((service, count)) if *service == row.service => *count += granted,
            _ => services.push((row.service.clone(), granted)),
        }
    }
    for (service, granted) in services {
        let of = || uses.iter().filter(|one| one.service.eq_ignore_ascii_case(&service));
        if of().any(|one| window.has(one.last)) {
            continue;
        }
        // Actions that were recorded and not used say nothing of the service: others of it may have been.
        let Some(whole) = of().find(|one| one.action.is_none()) else {
            found.not_recorded.push(service);
            continue;
        };
        let last = of().filter_map(|one| one.last).max();
        found.services.push(UnusedService { service, granted, last, tracked_since: whole.tracked_since });
    }
    for one in uses {
        let Some(action) = &one.action else { continue };
        let Some(action) = compiled.reference().find(&format!("{}:{action}", one.service)) else { continue };
        let granted = permissions.allowed.contains(action as usize) || permissions.allowed_if.contains(action as usize);
        let of_unused = found.services.iter().any(|unused| unused.service.eq_ignore_ascii_case(&one.service));
        if granted && !of_unused && !window.has(one.last) {
            found.actions.push(compiled.reference().action(action).name.clone());
        }
    }
    found.actions.sort_unstable();
    found.actions.dedup();
    found
}
