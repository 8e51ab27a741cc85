//! People about whom the role catalogue and the matrix of duties have something to say.

use super::{ENGINEERING, FINANCE, Holds, IT, Person, RESEARCH, SALES, SUPPORT, contractor, employee};

/// The title by which attributes alone make somebody a domain administrator.
pub(crate) const DOMAIN_TITLE: &str = "Domain Administrator";

/// Their rows of the feeds.
pub(super) fn cast() -> Vec<Person> {
    use Holds::{Active, Nothing};
    let mut head = employee(4177, "Leopold", "Trauttmann", FINANCE)
        .holds(Active, Active, Nothing)
        .case("duties", "approves expenses in one system and runs payments in another");
    head.title = "Head of Treasury";
    vec![
        employee(4171, "Mirela", "Dumitrescu", SALES)
            .case("roles", "works in Sales and is not in the group that Sales gives"),
        employee(4172, "Casper", "Nyqvist", FINANCE)
            .hired("2019-05-01")
            .left("2026-07-31")
            .holds(Nothing, Nothing, Nothing)
            .case("EDG-04", "the former position of somebody who moved"),
        employee(4172, "Casper", "Nyqvist", ENGINEERING)
            .hired("2026-08-01")
            .case("EDG-04", "moved from Finance to Engineering three months ago, and is still in Finance's group"),
        employee(4173, "Ottilie", "Brandhorst", SUPPORT)
            .hired("2020-02-03")
            .left("2026-10-18")
            .holds(Nothing, Nothing, Nothing)
            .case("EDG-04", "the former position of somebody who moved"),
        employee(4173, "Ottilie", "Brandhorst", RESEARCH)
            .hired("2026-10-19")
            .case("EDG-04", "moved two weeks ago; what the former department gave may stay for a month")
            .silent(&["LCM-006", "LCM-009"]),
        employee(4174, "Radovan", "Kovacevic", FINANCE)
            .case("duties", "keeps vendors and runs payments with one account, the latter through a nested group"),
        employee(4175, "Hedda", "Lindholm", FINANCE)
            .case("duties", "keeps vendors and runs payments; a control makes it tolerable until next year")
            .silent(&["SOD-001", "SOD-002"]),
        employee(4176, "Constance", "Abara", FINANCE)
            .case("duties", "keeps vendors and runs payments; the control that made it tolerable ran out in June"),
        head,
        employee(4178, "Sunniva", "Bakken", FINANCE)
            .case("duties", "keeps vendors and owns a group that gives payments"),
        employee(4179, "Jolanda", "Weissgerber", FINANCE)
            .case("roles", "has payroll through its role, and the training that goes with it")
            .silent(&["SOD-004", "XPR-009", "LCM-016"]),
        employee(4180, "Philippa", "Marchetti", FINANCE)
            .case("roles", "was given payroll past its role, and has not been trained"),
        employee(4182, "Anneke", "Terhorst", SALES)
            .hired("2018-03-01")
            .left("2023-06-30")
            .holds(Nothing, Nothing, Nothing)
            .case("EDG-01", "the first employment of somebody who came back"),
        employee(4182, "Anneke", "Terhorst", SUPPORT)
            .hired("2026-03-02")
            .case("EDG-01", "came back after almost three years, to a CRM account with her old role"),
        contractor(1021, "Ruxandra", "Ionescu", FINANCE)
            .hired("2026-02-02")
            .ends(Some("2027-01-31"))
            .case("roles", "an external in a role that is reserved for employees"),
    ]
}

/// Titles that a role gives something to.
pub(super) fn appoint(people: &mut [Person]) {
    let appointed = |person: &&mut Person| matches!(person.local.as_str(), "ingrid.vestergaard" | "rafael.monteiro");
    for person in people.iter_mut().filter(appointed) {
        debug_assert_eq!(person.department, super::DEPARTMENTS[IT].0);
        person.title = DOMAIN_TITLE;
    }
}
