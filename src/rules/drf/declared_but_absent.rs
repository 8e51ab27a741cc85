use muster_reports::view::Severity;

use super::not_declared::file_row;
use crate::controls::CHG;
use crate::drift::declared::{Kind, Side};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-005",
    slug: "declared-but-absent",
    title: "Declared but absent",
    severity: Severity::Low,
    controls: &[CHG],
    population: Population::Declared,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "An account, group, role, policy, membership, attachment, binding or rule that declared state has and the target, read completely, has not.",
        matters: "Somebody removed it by hand: whoever relies on it is stopped, and the next apply brings it back.",
        evidence: "The address of the declaration and its file.",
        fix: "Apply the declared state, or take the declaration out of it.",
        limits: "Where the target was not read completely nothing is said to be absent. Reads Terraform state of AWS IAM and Kubernetes objects as YAML.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Declared(place) = subject else { return Verdict::NotApplicable };
    let item = &facts.declared().items()[place];
    match &item.side {
        Side::Both => Verdict::Pass,
        Side::Target => Verdict::NotApplicable,
        Side::Unknown(why) => Verdict::NotEvaluated(why.clone()),
        Side::Declared => Failure::new(format!(
            "The {} {} is declared for {} and not there.",
            item.kind.map_or("object", Kind::noun),
            item.key,
            item.system
        ))
        .row(file_row(facts, item))
        .verdict(),
    }
}
