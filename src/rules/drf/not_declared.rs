use std::collections::BTreeMap;

use muster_reports::view::{Evidence, Severity};

use crate::controls::CHG;
use crate::drift::declared::{Item, Kind, Place, Side};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-004",
    slug: "not-in-declared-state",
    title: "Not in declared state",
    severity: Severity::Medium,
    controls: &[CHG],
    population: Population::Declared,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "An account, group, role, policy, membership, attachment, binding or rule that is there in a scope of which everything has to be declared, and that no declaration has.",
        matters: "What is made by hand beside the declared state is reviewed by nobody, and the next plan neither knows nor removes it.",
        evidence: "The row, and the file that does not have it.",
        fix: "Import it into the declared state, or remove it; or say in policy/declared.toml that it is not managed.",
        limits: "Reads Terraform state of AWS IAM and Kubernetes objects as YAML. The state is as fresh as its last apply. Service-linked and reserved roles, and what Kubernetes' API server makes, are the provider's own and need no declaration.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Declared(place) = subject else { return Verdict::NotApplicable };
    let item = &facts.declared().items()[place];
    match &item.side {
        Side::Both => Verdict::Pass,
        Side::Declared => Verdict::NotApplicable,
        Side::Unknown(_) if item.address.is_some() => Verdict::NotApplicable,
        Side::Unknown(why) => Verdict::NotEvaluated(why.clone()),
        Side::Target if item.noise.is_some() => Verdict::Pass,
        Side::Target => Failure::new(format!(
            "The {} {} of {} is there and declared nowhere.",
            item.kind.map_or("object", Kind::noun),
            shown(facts, item),
            item.system
        ))
        .row(target_row(facts, item))
        .row(file_row(facts, item))
        .verdict(),
    }
}

/// A thing by the names people know.
pub(super) fn shown(facts: &Facts<'_>, item: &Item) -> String {
    match item.place {
        Some(_) if matches!(item.kind, Some(Kind::Bindings | Kind::Rules)) => item.key.clone(),
        Some(Place::Node(ix)) => facts.graph.name(ix).to_owned(),
        Some(Place::Edge(edge)) => {
            format!("{} → {}", facts.graph.name(edge.source), facts.graph.name(edge.target))
        }
        None => item.key.clone(),
    }
}

fn target_row(facts: &Facts<'_>, item: &Item) -> Evidence {
    let key = [("key", item.key.clone())];
    match item.place {
        Some(Place::Edge(edge)) => facts.edge_row(&edge),
        Some(Place::Node(ix)) if facts.graph.account(ix).is_some() => facts.account_row(ix, &key),
        Some(Place::Node(ix)) if facts.graph.group(ix).is_some() => facts.object_row(ix, "groups", &key),
        Some(Place::Node(ix)) => facts.object_row(ix, "entitlements", &key),
        None => file_row(facts, item),
    }
}

/// The file that speaks of a thing, and what it says.
pub(super) fn file_row(facts: &Facts<'_>, item: &Item) -> Evidence {
    let source = item.source.and_then(|number| facts.policy.declared.get(number));
    let said = item.address.clone().unwrap_or_else(|| "nothing".to_owned());
    Evidence {
        system: item.system.clone(),
        table: "declared".to_owned(),
        id: item.key.clone(),
        facts: BTreeMap::from([
            ("file".to_owned(), source.map(|source| source.file.clone()).unwrap_or_default()),
            ("address".to_owned(), said),
        ]),
        collected: None,
    }
}
