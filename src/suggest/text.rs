//! A proposal as text: names that the policy folder understands, and the file itself.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use super::{Name, Proposal, Settings, Thing};
use crate::check::Estate;
use crate::config::policy::{Field, Held, Item, Pattern};
use crate::diagnostic::{Place, SourceText, visible};
use crate::graph::Graph;
use crate::rules::named::find;

impl Name {
    /// Order in a file.
    pub(super) fn key(&self) -> (&str, &str, &str, Option<&str>) {
        (&self.system, self.kind, &self.name, self.resource.as_deref())
    }
}

/// Names things as the policy would find them.
#[derive(Debug)]
pub(super) struct Names {
    nowhere: Place,
}

impl Names {
    pub(super) fn new() -> Self {
        let file = Arc::new(SourceText { path: String::new(), text: String::new() });
        Self { nowhere: Place::new(&file, 0..0) }
    }

    /// The name of a thing: its own where that finds it and nothing else, else its id.
    pub(super) fn of_thing(&self, estate: &Estate, thing: &Thing) -> Name {
        let graph = &estate.graph;
        let node = graph.node(thing.node);
        let held = if graph.group(thing.node).is_some() { Held::Group } else { Held::Entitlement };
        let system = graph.system_name(node.system).to_owned();
        let own = graph.name(thing.node).to_owned();
        let name = if self.finds(graph, &system, held, &own, thing) { own } else { graph.text(node.id).to_owned() };
        let resource = thing.resource.map(|resource| graph.text(graph.node(resource).id).to_owned());
        Name { system, kind: held.as_str(), name, resource }
    }

    fn finds(&self, graph: &Graph, system: &str, held: Held, name: &str, thing: &Thing) -> bool {
        let pattern = Pattern::new(name);
        if pattern.is_glob() || pattern.as_str().is_empty() {
            return false;
        }
        let item = Item {
            system: system.to_owned(),
            held,
            name: pattern,
            written: name.to_owned(),
            resource: None,
            scope: None,
            except: Vec::new(),
            place: self.nowhere.clone(),
        };
        find(graph, &[&item]).concat() == [thing.node]
    }
}

/// Writes a proposal as a `roles.toml`, with the numbers it rests on as comments.
///
/// # Errors
/// The output cannot be written.
pub fn write_toml(proposal: &Proposal, settings: &Settings, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "# Roles proposed from what {} people at work hold today. Nothing here counts before somebody reviewed it: give each role an\n\
         # owner, remove what nobody should have by attributes alone, and save the rest as roles.toml in the policy folder.\n\
         #\n\
         # Limits: {} people a role, {} % of them hold what it gives, {} times as often as everybody. {} groups and\n\
         # entitlements that are privileged, or may be, were left out.",
        proposal.people,
        settings.min_people,
        percent(settings.min_confidence),
        settings.min_lift,
        proposal.left_out,
    )?;
    for role in &proposal.birthrights {
        let when = role.when.iter().map(|(field, value)| format!("{field} {value}")).collect::<Vec<_>>().join(", ");
        let title = if when.is_empty() { "Everybody at work".to_owned() } else { format!("By {when}") };
        writeln!(out, "\n# {} people: {}\n[[role]]", role.people, visible(&title))?;
        writeln!(out, "id         = {}\ntitle      = {}", quoted(&role.id), quoted(&title))?;
        let conditions: Vec<String> =
            role.when.iter().map(|(field, value)| format!("{field} = [{}]", quoted(value))).collect();
        let table = if conditions.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", conditions.join(", ")) };
        writeln!(out, "birthright = [{table}]\ncontains   = [")?;
        for given in &role.contains {
            writeln!(
                out,
                "    {}, # {} of {} ({} %), lift {:.2}",
                item(&given.name),
                given.support,
                role.people,
                percent(given.confidence),
                given.lift
            )?;
        }
        writeln!(out, "]")?;
    }
    for role in &proposal.add_ons {
        let cohesion = percent(role.cohesion);
        writeln!(
            out,
            "\n# {} people hold all of it, {cohesion} % of those who hold any of it\n[[role]]",
            role.support
        )?;
        let condition = role.department.as_ref().map_or_else(
            || "{}".to_owned(),
            |department| format!("{{ {} = [{}] }}", Field::Department, quoted(department)),
        );
        writeln!(out, "id             = {}\nrequestable_by = [{condition}]\ncontains       = [", quoted(&role.id))?;
        for name in &role.contains {
            writeln!(out, "    {},", item(name))?;
        }
        writeln!(out, "]")?;
    }
    Ok(())
}

fn item(name: &Name) -> String {
    let mut text = format!("{{ system = {}, {} = {}", quoted(&name.system), name.kind, quoted(&name.name));
    if let Some(resource) = &name.resource {
        let _ = write!(text, ", resource = {}", quoted(resource));
    }
    text + " }"
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// A share in percent, one digit behind the point.
fn percent(share: f64) -> f64 {
    (share * 1000.0).round() / 10.0
}
