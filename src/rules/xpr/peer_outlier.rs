use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::Severity;

use crate::controls::LP;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-003",
    slug: "peer-outlier",
    title: "Peer outlier",
    severity: Severity::Low,
    controls: &[LP],
    population: Population::Edges,
    needs: &[Need::ALL_EMPLOYMENTS],
    options: &[
        Setting {
            name: "peers",
            default: 10,
            about: "people of one department and title with an account there from which they can be compared (RULES of the catalogue)",
        },
        Setting {
            name: "percent",
            default: 10,
            about: "share of the peers below which holding something stands out (our choice: with ten peers, nobody else)",
        },
        Setting {
            name: "holders",
            default: 3,
            about: "peers up to which it stands out, however many do the work (RULES of the catalogue: a role for three people is not a role)",
        },
        Setting {
            name: "z",
            default: 3,
            about: "standard deviations above the peers' mean from which it stands out (three: the usual bound of an outlier)",
        },
    ],
    manual: Manual {
        finds: "A grant or membership that hardly anybody of the same department and title holds.",
        matters: "Access that the work asks for is held by those who do the work. What only one of them holds was given for another reason, or is left over.",
        evidence: "The grant, the person's department and title, how many peers there are and how many of them hold it.",
        fix: "Ask the manager whether the work needs it; revoke it where it does not, and write the role down where it does.",
        limits: "People are alike by HR's department and title alone, and compared with those of them who have an account in the same scope. Groups of fewer people are not compared. Only what an account holds directly is counted.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    if facts.graph.account(edge.source).is_none() || !facts.is_active(edge.source) {
        return Verdict::NotApplicable;
    }
    let Some(person) = facts.people.link(edge.source).map(|link| link.person) else { return Verdict::NotApplicable };
    let Some((peers, holders)) = facts.peers(person, facts.graph.node(edge.source).scope, edge.target) else {
        return match facts.work(person) {
            Some(_) => Verdict::NotEvaluated("HR names no department and title of the holder".to_owned()),
            None => Verdict::NotApplicable,
        };
    };
    if i64::from(peers) < facts.option(&RULE, "peers").max(2) {
        return Verdict::NotApplicable;
    }
    // Of holding or not, the deviation of a holder from the mean p is (1 - p) / √(p (1 - p)): its square is (1 - p) / p.
    let (peers, holders) = (i64::from(peers), i64::from(holders.max(1)));
    let z = facts.option(&RULE, "z");
    let stands_out = holders <= facts.option(&RULE, "holders")
        && holders * 100 < facts.option(&RULE, "percent") * peers
        && peers - holders >= z * z * holders;
    let Some(work) = facts.work(person).filter(|_| stands_out) else { return Verdict::Pass };
    let text = |text| facts.people.text_or_empty(text).to_owned();
    let mut row = facts.edge_row(&edge);
    row.facts.insert("peers".to_owned(), peers.to_string());
    row.facts.insert("holders".to_owned(), holders.to_string());
    row.facts.insert("department".to_owned(), text(work.department));
    row.facts.insert("title".to_owned(), text(work.title));
    let failure = Failure::new(format!(
        "{} holds {} in {}, as {holders} of {peers} people who are {} in {} do.",
        facts.people.name(person),
        facts.graph.name(edge.target),
        facts.graph.system_name(facts.graph.node(edge.target).system),
        text(work.title),
        text(work.department),
    ))
    .row(row)
    .row(facts.employment_row(work));
    if facts.access.level(facts.graph, edge.target) >= Some(PrivilegeLevel::Privileged) {
        return failure.severity(raised(RULE.severity), "what is held is privileged").verdict();
    }
    failure.verdict()
}
