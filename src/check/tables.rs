//! Tables that are computed from a whole estate: what queries and a team's own rules see beside the stored ones.

use jiff::Timestamp;
use polars::prelude::{DataFrame, NamedFrom as _, Series};

use super::{Estate, links, persons};
use crate::access::Privilege;
use crate::access::aws::outside;
use crate::query::Extra;

/// A derived table.
#[derive(Debug, Clone, Copy)]
pub struct Derived {
    /// Name in SQL.
    pub name: &'static str,
    /// Computes it.
    pub frame: fn(&Estate, Timestamp) -> DataFrame,
}

/// All of them, by name.
pub const DERIVED: &[Derived] = &[
    Derived { name: "exposures", frame: |estate, _| exposures(estate) },
    Derived { name: "links", frame: links::links_frame },
    Derived { name: "people", frame: persons::people_frame },
    Derived { name: "person_conflicts", frame: |estate, _| persons::conflicts_frame(estate) },
    Derived { name: "privileges", frame: |estate, _| privileges(estate) },
    Derived { name: "situations", frame: links::situations_frame },
];

/// Calls `ask` with every derived table of an estate that is there already.
pub fn with<T>(estate: &Estate, now: Timestamp, ask: impl FnOnce(&[Extra<'_>]) -> T) -> T {
    let loads: Vec<_> = DERIVED.iter().map(|table| move || Ok((table.frame)(estate, now))).collect();
    let extra: Vec<Extra<'_>> =
        DERIVED.iter().zip(&loads).map(|(table, load)| Extra { name: table.name, load }).collect();
    ask(&extra)
}

/// The table `privileges`: how privileged every account is for certain, how privileged it may be, and why that is not decided.
fn privileges(estate: &Estate) -> DataFrame {
    let Estate { graph, access, .. } = estate;
    let (mut systems, mut accounts, mut levels, mut most, mut whys) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (ix, _) in graph.accounts() {
        let node = graph.node(ix);
        let (at_least, at_most, why) = match access.privilege(graph, ix) {
            Privilege::Certain(level) => (level, level, None),
            Privilege::Undecided { at_least, at_most, why } => (at_least, at_most, Some(why)),
        };
        systems.push(graph.system_name(node.system));
        accounts.push(graph.text(node.id));
        levels.push(at_least.as_str());
        most.push(at_most.as_str());
        whys.push(why);
    }
    let columns = [
        Series::new("system".into(), systems),
        Series::new("account".into(), accounts),
        Series::new("level".into(), levels),
        Series::new("at_most".into(), most),
        Series::new("undecided".into(), whys),
    ];
    let height = columns[0].len();
    DataFrame::new(height, columns.map(Into::into).to_vec()).expect("columns of equal length")
}

/// The table `exposures`: what is open to the outside, and what would be but for a denial.
fn exposures(estate: &Estate) -> DataFrame {
    let Estate { graph, access, .. } = estate;
    let (mut systems, mut subjects, mut kinds, mut whos) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut actions, mut severities, mut narrowed, mut closed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut policies, mut statements) = (Vec::new(), Vec::new());
    for place in access.places(graph) {
        for (subject, one) in outside::all(place) {
            systems.push(graph.system_name(place.system));
            subjects.push(subject);
            kinds.push(one.kind.as_str());
            whos.push(outside::who(&one.who));
            actions.push(one.action.as_str());
            severities.push(outside::severity(one.severity));
            let conditions: Vec<&str> = one.narrowed.iter().map(|condition| &*condition.text).collect();
            narrowed.push((!conditions.is_empty()).then(|| conditions.join(" and ")));
            closed.push(outside::closed(one));
            policies.push(one.statement.policy.to_string());
            statements.push(one.statement.index + 1);
        }
    }
    let columns = [
        Series::new("system".into(), systems),
        Series::new("subject".into(), subjects),
        Series::new("kind".into(), kinds),
        Series::new("who".into(), whos),
        Series::new("action".into(), actions),
        Series::new("severity".into(), severities),
        Series::new("narrowed".into(), narrowed),
        Series::new("closed".into(), closed),
        Series::new("policy".into(), policies),
        Series::new("statement".into(), statements),
    ];
    let height = columns[0].len();
    DataFrame::new(height, columns.map(Into::into).to_vec()).expect("columns of equal length")
}
