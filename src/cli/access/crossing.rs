//! Where an account at an identity provider leads: its applications, the systems that they are, the accounts there and what these hold.

use muster_connectors::record::RecordKind;
use serde_json::{Value as Json, json};

use super::{holding, text};
use crate::access::applications::{Told, shortfall};
use crate::access::crossing::{Crossing, Landing, Leads, given_by};
use crate::access::holdings;
use crate::check::Estate;
use crate::cli::tables::plain_table;
use crate::config::policy::Policy;
use crate::diagnostic::visible;
use crate::graph::{Graph, NodeIx, Step};

/// Kinds in which a way over an application may lie.
const WAYS: [RecordKind; 5] =
    [RecordKind::Resource, RecordKind::Group, RecordKind::Membership, RecordKind::Entitlement, RecordKind::Grant];
/// Kinds in which what an account holds may lie.
const HELD: [RecordKind; 4] = [RecordKind::Group, RecordKind::Membership, RecordKind::Entitlement, RecordKind::Grant];

/// The applications of one account of a provider.
pub(super) fn applications(estate: &Estate, policy: &Policy, crossings: &[&Crossing]) -> Vec<Json> {
    crossings.iter().map(|crossing| application(estate, policy, crossing)).collect()
}

/// What was not read of the account's system that may hide an application; nothing where it has none.
pub(super) fn unread(graph: &Graph, account: NodeIx) -> Option<String> {
    shortfall(graph, graph.node(account).system, &WAYS)
}

fn application(estate: &Estate, policy: &Policy, crossing: &Crossing) -> Json {
    let graph = &estate.graph;
    let node = graph.node(crossing.application);
    let mut row = json!({
        "application": graph.name(crossing.application),
        "id": graph.text(node.id),
        "through": steps(graph, &crossing.path),
        "carried_over": crossing.is_stale,
    });
    match &crossing.leads {
        Leads::To { system, told, landings, unread } => {
            row["system"] = graph.system_name(*system).into();
            row["told_by"] = told_by(told).into();
            row["accounts"] = landings.iter().map(|landing| account(estate, policy, crossing.from, landing)).collect();
            row["not_read"] = unread.clone().into();
        }
        Leads::Undecided(system, why) => {
            row["undecided"] = why.as_str().into();
            row["may_be"] = graph.system_name(*system).into();
        }
        Leads::Nowhere => row["system"] = Json::Null,
    }
    row
}

/// What makes an application a system, in words.
pub(in crate::cli) fn told_by(told: &Told) -> String {
    match told {
        Told::Inventory(place) => place.clone(),
        Told::Name => "its name".to_owned(),
    }
}

fn account(estate: &Estate, policy: &Policy, from: NodeIx, landing: &Landing) -> Json {
    let graph = &estate.graph;
    let node = graph.node(landing.account);
    let own = holdings(graph, landing.account);
    let holds: Vec<Json> = own
        .held()
        .iter()
        .flat_map(|held| {
            let given: Option<Vec<Json>> = given_by(graph, policy, from, *held).map(|groups| {
                groups.into_iter().map(|(group, member)| json!({ "group": group, "is_member": member })).collect()
            });
            holding(graph, &own, *held).into_iter().map(move |mut row| {
                row["given_by"] = given.clone().into();
                row
            })
        })
        .collect();
    json!({
        "account": graph.text(node.id),
        "name": graph.name(landing.account),
        "lifecycle": graph.account(landing.account).map(|account| account.lifecycle),
        "same_because": landing.evidence,
        "holds": holds,
        "not_read": shortfall(graph, node.system, &HELD),
    })
}

/// A path as JSON.
pub(in crate::cli) fn steps(graph: &Graph, path: &[Step]) -> Vec<Json> {
    path.iter()
        .map(|step| {
            let detail = graph.detail(step);
            json!({
                "from": graph.name(step.source),
                "relation": step.relation.as_str(),
                "to": graph.name(step.target),
                "on": detail.resource.map(|resource| graph.name(resource)),
                "since": detail.since.at().map(|since| since.to_string()),
            })
        })
        .collect()
}

/// The applications as text, a block each.
pub(super) fn blocks(rows: &[Json], system: &str) -> String {
    let mut lines = String::new();
    for row in rows {
        let list = |value: &Json, key: &str| -> Vec<String> {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one[key].as_str())
                .map(|one| visible(one).into_owned())
                .collect()
        };
        let mut through = list(&row["through"], "to");
        through.pop();
        let over = if through.is_empty() {
            "assigned by name".to_owned()
        } else {
            format!("through {}", through.join(" → "))
        };
        lines.push_str(&format!("\n  {system} lets in to {} ({over})", text(&row["application"])));
        if row["carried_over"] == true {
            lines.push_str(", as an earlier snapshot says");
        }
        lines.push_str(&match (&row["system"], &row["undecided"]) {
            (Json::String(to), _) => format!(" = {} (told by {})\n", visible(to), text(&row["told_by"])),
            (_, Json::String(why)) => {
                format!("\n    undecided: it may be {}; {}\n", text(&row["may_be"]), visible(why))
            }
            _ => ": no system that is collected\n".to_owned(),
        });
        let accounts = row["accounts"].as_array().map_or(&[][..], Vec::as_slice);
        for account in accounts {
            lines.push_str(&format!(
                "    {} account {} ({}): ",
                text(&account["lifecycle"]),
                text(&account["name"]),
                text(&account["account"])
            ));
            lines.push_str(&list_of(&account["same_because"]).join("; "));
            lines.push('\n');
            lines.push_str(&held(account));
            if !account["not_read"].is_null() {
                lines.push_str(&format!("      not read: {}\n", text(&account["not_read"])));
            }
        }
        if accounts.is_empty() && row["system"].is_string() {
            let unread = &row["not_read"];
            lines.push_str(&if unread.is_null() {
                "    has no account there\n".to_owned()
            } else {
                format!("    no account there was read: {}\n", text(unread))
            });
        }
    }
    lines
}

fn list_of(value: &Json) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn held(account: &Json) -> String {
    let holds = account["holds"].as_array().map_or(&[][..], Vec::as_slice);
    if holds.is_empty() {
        return "      holds nothing that was read\n".to_owned();
    }
    let mut table = plain_table(&["holds", "name", "on", "privilege", "through", "given by"]);
    for one in holds {
        let given = one["given_by"].as_array().map_or_else(String::new, |groups| {
            let member: Vec<String> =
                groups.iter().filter(|group| group["is_member"] == true).map(|group| text(&group["group"])).collect();
            if member.is_empty() { "no group the account is in".to_owned() } else { member.join(", ") }
        });
        table.add_row([
            text(&one["kind"]),
            text(&one["name"]),
            text(&one["resource"]),
            text(&one["privilege"]),
            text(&one["through"]),
            given,
        ]);
    }
    table.trim_fmt().lines().map(|line| format!("      {line}\n")).collect()
}
