//! A page about an account for programs: the same sentences, with the evidence field by field.

use serde_json::{Value as Json, json};

use super::account::{Page, department, standing, word};
use crate::check::links::candidates;
use crate::people::churn::percent;
use crate::people::{Candidate, Comparison};

impl Page<'_> {
    /// The whole page.
    pub(in crate::cli) fn json(&self) -> Json {
        let (graph, people) = (&self.estate.graph, &self.estate.people);
        let node = graph.node(self.account);
        let class = people.class(self.account);
        let affiliated = people.affiliation(graph, self.account, self.now);
        let listed = |candidates: &[Candidate]| -> Vec<Json> {
            candidates.iter().map(|candidate| self.candidate_json(candidate)).collect()
        };
        let rungs: Vec<Json> = self
            .prober
            .rungs(self.account)
            .iter()
            .map(|rung| {
                json!({
                    "strategy": rung.name,
                    "answer": rung.answer.as_str(),
                    "compared": rung.compared,
                    "candidates": listed(&rung.candidates),
                })
            })
            .collect();
        let (link, found) = candidates(self.estate, self.account);
        json!({
            "system": graph.system_name(node.system),
            "account": graph.text(node.id),
            "name": graph.name(self.account),
            "situation": people.situation(self.account, self.now).as_str(),
            "class": { "class": class.class.to_string(), "because": class.evidence },
            "affiliation": {
                "affiliation": affiliated.affiliation.map(|known| known.to_string()),
                "because": affiliated.evidence,
            },
            "link": link,
            "verdict": self.verdict(),
            "remedy": self.remedy(),
            "candidates": listed(found),
            "rungs": rungs,
            "decisions": people.decided().on(self.account).map(|(decision, _)| decision.sentence()).collect::<Vec<_>>(),
        })
    }

    fn candidate_json(&self, candidate: &Candidate) -> Json {
        let people = &self.estate.people;
        let comparisons: Vec<Json> = candidate.comparisons.iter().map(|one| self.comparison_json(one)).collect();
        json!({
            "person": people.key(candidate.person),
            "name": people.name(candidate.person),
            "department": department(self.estate, candidate.person, self.now),
            "standing": word(&standing(self.estate, candidate.person, self.now)),
            "confidence": percent(candidate.confidence),
            "strategy": candidate.strategy,
            "evidence": candidate.evidence,
            "survives_gap": self.prober.survives_gap(self.account, candidate.person),
            "comparisons": comparisons,
        })
    }

    /// A field of both sides and what it weighs: bits above nought speak for the pair, below it against.
    fn comparison_json(&self, one: &Comparison) -> Json {
        let people = &self.estate.people;
        json!({
            "field": people.text(one.field),
            "likeness": one.level,
            "account": one.account.map(|text| people.text(text)),
            "person": one.person.map(|text| people.text(text)),
            "bits": (f64::from(one.bits) * 10.0).round() / 10.0,
        })
    }
}
