//! The people of acme: a cast whose stories are planted by hand, and a crowd in which nothing is wrong.
//!
//! Every person says which accounts it has. The writers of the exports turn that into records and, where a story makes it
//! wrong, into truth. The crowd's names share no surname with the cast, so that no convention for account names can take
//! one for the other.

use jiff::Timestamp;
use jiff::civil::Date;

use super::clock::{at, day, morning, now, shift};
use super::rng::Rng;

/// What HR says about an employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Leave,
    Terminated,
    Future,
}

/// Which feed a person stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    Hr,
    Contractors,
}

impl Feed {
    /// The feed's system name.
    pub(crate) const fn system(self) -> &'static str {
        match self {
            Self::Hr => "hr",
            Self::Contractors => "contractors",
        }
    }
}

/// What a person has in one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Nothing,
    Active,
    Disabled,
}

/// One employment of one person: a row of a feed.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) given: String,
    pub(crate) family: String,
    /// `given.family` in ASCII: the local part of the address, and the key of the cast.
    pub(crate) local: String,
    /// A former local part that still receives mail.
    pub(crate) former: Option<String>,
    pub(crate) feed: Feed,
    pub(crate) status: Status,
    pub(crate) worker_type: &'static str,
    pub(crate) hire: Date,
    pub(crate) last_day: Option<Date>,
    pub(crate) manager: String,
    pub(crate) department: &'static str,
    pub(crate) title: &'static str,
    pub(crate) place: &'static Place,
    /// The minute of an immediate termination.
    pub(crate) effective: Option<Timestamp>,
    pub(crate) recorded: Timestamp,
    pub(crate) company: &'static str,
    pub(crate) ad: Holds,
    pub(crate) scim: Holds,
    pub(crate) crm: Holds,
    /// Last use in the directory and in the CRM where the story fixes it.
    pub(crate) ad_seen: Option<Timestamp>,
    pub(crate) crm_seen: Option<Timestamp>,
    /// Lifecycle case and story, for the cast.
    pub(crate) case: &'static str,
    pub(crate) story: &'static str,
    /// Rules that a careless reading of this person would raise.
    pub(crate) silent: &'static [&'static str],
}

/// An office.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) city: &'static str,
    pub(crate) zone: &'static str,
}

pub(crate) const PLACES: [Place; 6] = [
    Place { city: "Berlin", zone: "Europe/Berlin" },
    Place { city: "Lisbon", zone: "Europe/Lisbon" },
    Place { city: "Toronto", zone: "America/Toronto" },
    Place { city: "Singapore", zone: "Asia/Singapore" },
    Place { city: "Nairobi", zone: "Africa/Nairobi" },
    Place { city: "Los Angeles", zone: "America/Los_Angeles" },
];

/// Departments with their titles, from the most common one to the head's.
const DEPARTMENTS: [(&str, [&str; 4]); 10] = [
    ("Engineering", ["Software Engineer", "Senior Software Engineer", "Quality Engineer", "Head of Engineering"]),
    ("IT Operations", ["Systems Engineer", "Network Engineer", "Service Desk Analyst", "Head of IT"]),
    ("Sales", ["Account Executive", "Sales Engineer", "Inside Sales Representative", "Head of Sales"]),
    ("Customer Support", ["Support Specialist", "Support Engineer", "Team Lead Support", "Head of Support"]),
    ("Marketing", ["Content Editor", "Campaign Specialist", "Designer", "Head of Marketing"]),
    ("Finance", ["Accountant", "Controller", "Payroll Specialist", "Chief Financial Officer"]),
    ("People", ["HR Partner", "Recruiter", "People Analyst", "Head of People"]),
    ("Research, Data & Insight", ["Data Scientist", "Research Engineer", "Data Analyst", "Head of Research"]),
    ("Legal", ["Counsel", "Paralegal", "Privacy Specialist", "General Counsel"]),
    ("Logistics", ["Planner", "Warehouse Supervisor", "Fleet Coordinator", "Head of Logistics"]),
];

/// Position in [`DEPARTMENTS`] of the cast's departments.
const ENGINEERING: usize = 0;
const IT: usize = 1;
const SALES: usize = 2;
const SUPPORT: usize = 3;
const FINANCE: usize = 5;
const RESEARCH: usize = 7;

const CROWD_ACTIVE: usize = 296;
const CROWD_LEFT: usize = 20;
const CROWD_CONTRACTORS: usize = 18;

/// Every row of both feeds, sorted by id and hire date.
#[derive(Debug, Clone)]
pub(crate) struct Company {
    pub(crate) people: Vec<Person>,
}

impl Company {
    /// The company, always the same.
    pub(crate) fn new() -> Self {
        let mut people = cast();
        crowd(&mut people);
        appoint_managers(&mut people);
        people.sort_by(|a, b| (&a.id, a.hire).cmp(&(&b.id, b.hire)));
        Self { people }
    }

    /// The current employment of a member of the cast.
    pub(crate) fn get(&self, local: &str) -> &Person {
        let mut rows = self.people.iter().filter(|person| person.local == local);
        let first = rows.next().unwrap_or_else(|| panic!("`{local}` is nobody at acme"));
        rows.fold(first, |latest, row| if row.hire > latest.hire { row } else { latest })
    }
}

impl Person {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    pub(crate) fn email(&self) -> String {
        format!("{}@acme.example", self.local)
    }

    /// Whether a present record ended the employment more than the tolerance of 24 h ago.
    pub(crate) fn has_left(&self) -> bool {
        self.status == Status::Terminated && self.last_day.is_some_and(|last| last < day("2026-11-01"))
    }

    /// Whether the end lies further back than an account that is off is kept: more than a year.
    pub(crate) fn left_long_ago(&self) -> bool {
        self.has_left() && self.last_day.is_some_and(|last| last < day("2025-10-31"))
    }

    /// Whether an external's end date passed without a record that says so.
    pub(crate) fn overran(&self) -> bool {
        self.feed == Feed::Contractors
            && self.status == Status::Active
            && self.last_day.is_some_and(|last| last < day("2026-11-01"))
    }

    /// Numbers that belong to this person and purpose.
    pub(crate) fn rng(&self, purpose: &str) -> Rng {
        Rng::of(&format!("{purpose}:{}:{}", self.id, self.hire))
    }

    fn case(mut self, case: &'static str, story: &'static str) -> Self {
        self.case = case;
        self.story = story;
        self
    }

    fn silent(mut self, rules: &'static [&'static str]) -> Self {
        self.silent = rules;
        self
    }

    fn holds(mut self, ad: Holds, scim: Holds, crm: Holds) -> Self {
        (self.ad, self.scim, self.crm) = (ad, scim, crm);
        self
    }

    fn left(mut self, last_day: &str) -> Self {
        self.status = Status::Terminated;
        self.last_day = Some(day(last_day));
        self.recorded = morning(&mut self.rng("recorded"), shift(day(last_day), -12));
        self
    }

    fn hired(mut self, on: &str) -> Self {
        self.hire = day(on);
        self.recorded = morning(&mut self.rng("recorded"), shift(self.hire, -7));
        self
    }

    fn reached_as(mut self, local: &str) -> Self {
        local.clone_into(&mut self.local);
        self
    }

    fn at(mut self, place: usize) -> Self {
        self.place = &PLACES[place];
        self
    }

    fn ends(mut self, last_day: Option<&str>) -> Self {
        self.last_day = last_day.map(day);
        self
    }

    fn seen(mut self, ad: Option<&str>, crm: Option<&str>) -> Self {
        self.ad_seen = ad.map(at);
        self.crm_seen = crm.map(at);
        self
    }
}

/// An employee at work with an account in the directory and nothing else; the cast starts from here.
fn employee(number: u32, given: &str, family: &str, department: usize) -> Person {
    let (department, titles) = &DEPARTMENTS[department];
    let local = format!("{}.{}", ascii(given), ascii(family));
    let mut rng = Rng::of(&local);
    let hire = shift(day("2025-09-01"), -rng.between(0, 2900));
    Person {
        id: format!("{number:06}"),
        given: given.to_owned(),
        family: family.to_owned(),
        local,
        former: None,
        feed: Feed::Hr,
        status: Status::Active,
        worker_type: "Employee",
        hire,
        last_day: None,
        manager: String::new(),
        department,
        title: titles[usize::from(rng.chance(40)) + usize::from(rng.chance(15))],
        place: rng.pick(&PLACES[..5]),
        effective: None,
        recorded: morning(&mut rng, shift(hire, -7)),
        company: "",
        ad: Holds::Active,
        scim: Holds::Nothing,
        crm: Holds::Nothing,
        ad_seen: None,
        crm_seen: None,
        case: "",
        story: "",
        silent: &[],
    }
}

/// An external worker whose contract runs on for months.
fn contractor(number: u32, given: &str, family: &str, department: usize) -> Person {
    const COMPANIES: [&str; 5] =
        ["Lumatech GmbH", "Northwind Staffing", "Kaveri Systems Pvt. Ltd.", "Ondelea S.A.", "selbstständig"];
    let mut person = employee(number, given, family, department);
    let mut rng = person.rng("contract");
    person.id = format!("C-{number}");
    person.local.push_str(".ext");
    person.feed = Feed::Contractors;
    person.company = *rng.pick(&COMPANIES);
    person.worker_type = match person.company {
        "selbstständig" => "Freelancer",
        "Northwind Staffing" => "Zeitarbeit",
        _ => "Lieferant",
    };
    person.hire = shift(day("2026-07-01"), -rng.between(0, 500));
    person.last_day = Some(shift(day("2026-12-15"), rng.between(0, 400)));
    person.recorded = morning(&mut rng, shift(person.hire, -5));
    person
}

/// The cast. Stories that play only inside one system (admins, old keys) are told where that system is written.
fn cast() -> Vec<Person> {
    use Holds::{Active, Nothing};
    let mut cast = leavers();
    cast.extend(externals());
    cast.extend(vec![
        // Joiners, movers and returners in whom nothing is wrong.
        employee(4101, "Sinéad", "Gallagher", SALES)
            .hired("2017-05-02")
            .left("2024-03-31")
            .holds(Nothing, Nothing, Nothing)
            .case("EDG-01", "the ended employment of a rehire; her accounts carry the new employee id"),
        employee(4102, "Sinéad", "Gallagher", SALES)
            .hired("2026-02-02")
            .holds(Active, Active, Active)
            .case("EDG-01", "rehired under a new employee id with her old address")
            .silent(&["LCM-001", "LCM-003", "LCM-014", "ORP-001", "ORP-002"]),
        employee(4103, "Kwabena", "Asante-Boateng", FINANCE)
            .hired("2016-09-01")
            .left("2023-08-31")
            .holds(Nothing, Nothing, Nothing)
            .case("EDG-01", "the first of two employments under one employee id"),
        employee(4103, "Kwabena", "Asante-Boateng", FINANCE)
            .hired("2025-04-01")
            .holds(Active, Active, Nothing)
            .case("EDG-01", "two employments under one employee id, the second one runs")
            .silent(&["LCM-001", "LCM-003", "LCM-014"]),
        {
            let mut person = employee(4104, "Anneliese", "Brandtner", SUPPORT)
                .hired("2018-01-15")
                .holds(Active, Active, Active)
                .case("EDG-03", "new family name and address; sign-in name and CRM login are still the old ones")
                .silent(&["ORP-001", "ORP-002", "ORP-005"]);
            person.former = Some("anneliese.kellermann".to_owned());
            person
        },
        employee(4105, "Alexander", "Moreau-Petit", SALES)
            .reached_as("alex.moreau-petit")
            .hired("2019-02-01")
            .left("2023-05-31")
            .holds(Nothing, Nothing, Nothing)
            .case("EDG-02", "left years ago; his address was given away since"),
        employee(4106, "Alexandra", "Moreau-Petit", SALES)
            .reached_as("alex.moreau-petit")
            .hired("2025-08-18")
            .holds(Active, Active, Active)
            .case("EDG-02", "has the address of somebody who left; every account carries her own employee id")
            .silent(&["LCM-001", "LCM-014", "ORP-002"]),
        {
            let mut person = employee(4107, "Rosalind", "Achterberg", RESEARCH)
                .holds(Active, Active, Nothing)
                .seen(Some("2026-10-02T07:12:00Z"), None)
                .case("EDG-12", "on leave since October: employed, and her account may stay")
                .silent(&["LCM-001", "LCM-003"]);
            person.status = Status::Leave;
            person
        },
        {
            let mut person = employee(4108, "Matteo", "Bellandi", ENGINEERING)
                .hired("2026-11-16")
                .case("EDG-09", "starts in two weeks; the account waits for him, never used")
                .silent(&["LCM-001", "ORP-001", "DOR-001"]);
            person.status = Status::Future;
            person.recorded = at("2026-10-28T09:31:00Z");
            person
        },
        employee(4109, "Zofia", "Mazurek-Lis", ENGINEERING)
            .hired("2026-07-01")
            .holds(Active, Active, Nothing)
            .case("EDG-11", "a contractor who became an employee; her account carries the employee id")
            .silent(&["LCM-001", "LCM-003", "LCM-008"]),
        employee(4110, "Florian", "Ostermayer", FINANCE)
            .ends(Some("2026-12-31"))
            .holds(Active, Active, Nothing)
            .case("EDG-08", "has given notice; the last day is still to come")
            .silent(&["LCM-001"]),
        employee(4111, "Charlotte", "Vandenbroucke", SUPPORT)
            .left("2026-11-01")
            .at(0)
            .holds(Active, Nothing, Nothing)
            .seen(Some("2026-10-30T14:40:00Z"), None)
            .case("EDG-06", "left at the end of yesterday, Berlin time: seven hours ago, within the tolerance")
            .silent(&["LCM-001", "LCM-014"]),
        employee(4112, "Desmond", "Okafor-Price", SALES)
            .left("2026-11-01")
            .at(5)
            .holds(Active, Nothing, Active)
            .seen(Some("2026-10-30T22:05:00Z"), Some("2026-10-31T01:20:00Z"))
            .case("EDG-06", "leaves at the end of 1 November in Los Angeles, which is two hours from now (the clocks changed that night)")
            .silent(&["LCM-001", "LCM-014"]),
        employee(4113, "Lucía", "Echeverría", SUPPORT)
            .case("EDG-28", "locked by failed sign-ins: active, in use, hers")
            .silent(&["ORP-001", "DOR-001"]),
        employee(4114, "Björn", "Þórsson", ENGINEERING)
            .holds(Active, Active, Nothing)
            .case("EDG-03", "letters outside ASCII in the names; plain ones in the address")
            .silent(&["ORP-001", "ORP-002"]),
        // Two people whom one login fits equally well.
        employee(4121, "John", "Smithers", SALES).hired("2016-04-01"),
        employee(4122, "Jane", "Smithers", SALES).hired("2018-09-03"),
        employee(4123, "Mateus", "Carvalhal", ENGINEERING).hired("2017-02-01"),
        employee(4124, "Mónica", "Carvalhal", ENGINEERING).hired("2021-11-15"),
        // One person, two accounts.
        employee(4125, "Lorenzo", "Quadrio", FINANCE).holds(Active, Active, Nothing),
        employee(4126, "Saoirse", "Kinsella", ENGINEERING),
        employee(4127, "Farid", "Benali", RESEARCH).holds(Active, Active, Nothing),
        // Administrators.
        employee(4131, "Ingrid", "Vestergaard", IT),
        employee(4132, "Rafael", "Monteiro", IT),
        employee(4133, "Petra", "Zelenka", IT),
        employee(4134, "Chinedu", "Ezeudu", IT),
        employee(4135, "Oskar", "Lindqvist", IT),
        employee(4136, "Elif", "Karaca", ENGINEERING),
        employee(4137, "Viktor", "Ahlgren", ENGINEERING),
        employee(4138, "Noor", "Al-Hashimi", ENGINEERING),
        employee(4139, "Kofi", "Mensah-Addo", ENGINEERING),
        employee(4140, "Luca", "Ferrarotti", ENGINEERING),
        employee(4141, "Beatriz", "Salgado", SALES).holds(Active, Nothing, Active),
        employee(4142, "Dmitri", "Volkonsky", SALES).holds(Active, Nothing, Active),
        employee(4143, "Hana", "Kobayakawa", SUPPORT).holds(Active, Nothing, Active),
        // Not seen for months, in one system only.
        employee(4151, "Greta", "Wallinder", RESEARCH)
            .seen(Some("2026-06-12T05:03:00Z"), None)
            .case("dormant", "last signed in 143 days ago"),
        employee(4152, "Emeka", "Nwosu-Obi", IT)
            .hired("2019-10-01")
            .seen(Some("2026-04-06T04:47:00Z"), None)
            .case("dormant", "last signed in 210 days ago"),
        employee(4153, "Silvia", "Rossettini", SALES)
            .hired("2020-03-02")
            .holds(Active, Nothing, Active)
            .seen(None, Some("2026-05-05T04:58:00Z"))
            .case("dormant", "last seen in the CRM 181 days ago"),
        employee(4154, "Tarek", "Mansouri", SUPPORT)
            .hired("2021-06-01")
            .holds(Active, Nothing, Active)
            .seen(None, Some("2026-07-05T04:11:00Z"))
            .case("hostile", "last seen in the CRM 120 days ago; the display name there carries terminal escapes"),
        employee(4155, "Anouk", "Verhoeven", ENGINEERING),
        employee(4156, "Tendai", "Moyo-Banda", ENGINEERING),
        employee(4157, "Ewan", "Drummond", ENGINEERING),
        employee(4158, "Wolfgang", "Pachler", SALES).hired("2015-04-01"),
    ]);
    cast
}

/// People whose employment ended, by a record that is present.
fn leavers() -> Vec<Person> {
    use Holds::{Active, Disabled, Nothing};
    vec![
        employee(4001, "Tomasz", "Wieczorek", FINANCE)
            .left("2026-10-09")
            .holds(Active, Active, Nothing)
            .case("EDG-06", "left on 9 October; nobody switched anything off"),
        {
            let mut person = employee(4002, "Ngozi", "Okonkwo-Bell", SALES)
                .left("2026-10-14")
                .holds(Disabled, Active, Active)
                .case("EDG-06", "dismissed on 14 October at 13:30 UTC; only the directory account was disabled");
            person.effective = Some(at("2026-10-14T13:30:00Z"));
            person.recorded = at("2026-10-14T13:22:00Z");
            person
        },
        employee(4003, "Henrik", "Solbergsen", ENGINEERING)
            .left("2026-09-30")
            .holds(Disabled, Disabled, Nothing)
            .case("EDG-29", "left on 30 September; an AWS user with a live key stayed behind"),
        {
            let mut person = employee(4004, "Priya", "Raghunathan", RESEARCH)
                .left("2026-10-12")
                .seen(Some("2026-10-22T09:26:00Z"), None)
                .case("EDG-07", "left on 12 October, recorded on the 26th; the account was used in between");
            person.recorded = at("2026-10-26T10:04:00Z");
            person
        },
        employee(4005, "Caio", "Figueiredo", SUPPORT)
            .left("2026-10-02")
            .holds(Disabled, Nothing, Disabled)
            .seen(Some("2026-10-06T11:15:00Z"), None)
            .case("EDG-06", "left on 2 October, signed in on the 6th, disabled on the 7th"),
        employee(4006, "Ulrike", "Hagedorn", SALES)
            .left("2026-09-18")
            .holds(Disabled, Nothing, Active)
            .seen(None, Some("2026-09-29T16:31:00Z"))
            .case("EDG-29", "left on 18 September; the CRM account is alive and was used on the 29th"),
        employee(4007, "Dewi", "Hartono", ENGINEERING)
            .left("2026-10-05")
            .holds(Disabled, Nothing, Nothing)
            .case("EDG-29", "left on 5 October; the AWS console was used nine days later"),
        employee(4008, "Yusuf", "Demirtas", SALES)
            .left("2026-08-28")
            .holds(Disabled, Disabled, Disabled)
            .case("owner", "left on 28 August; still named as owner of a group and of an integration")
            .silent(&["LCM-001", "LCM-003", "DOR-001"]),
        employee(4009, "Marguerite", "Lacroix", ENGINEERING)
            .left("2026-07-31")
            .holds(Disabled, Nothing, Nothing)
            .case("owner", "left on 31 July; still named as owner of an AWS role")
            .silent(&["LCM-001", "LCM-003", "DOR-001"]),
        employee(4010, "Bartholomew", "Quillfeather", IT)
            .left("2026-10-23")
            .case("EDG-06", "left on 23 October; the directory account is active"),
        employee(4011, "Aoife", "Brennan-Daly", SUPPORT)
            .left("2026-08-14")
            .holds(Disabled, Disabled, Disabled)
            .case("EDG-28", "left in August; everything was switched off the same day")
            .silent(&["LCM-001", "LCM-003", "LCM-014", "DOR-001", "ORP-001"]),
    ]
}

/// People of the contractors' feed.
fn externals() -> Vec<Person> {
    use Holds::{Active, Disabled, Nothing};
    vec![
        contractor(1001, "Nadège", "Fontanel", ENGINEERING).ends(None).case("EDG-10", "works without an end date"),
        contractor(1002, "Sandeep", "Kulkarni", RESEARCH).ends(None).case("EDG-10", "works without an end date"),
        contractor(1003, "Jürgen", "Stadelmaier", IT).ends(None).case("EDG-10", "works without an end date"),
        contractor(1004, "Isolde", "Krähenbühl", FINANCE)
            .ends(Some("2026-09-30"))
            .case("EDG-10", "the contract ended on 30 September; nobody recorded it, the account is active"),
        contractor(1005, "Marek", "Dvořáček", ENGINEERING)
            .ends(Some("2026-10-15"))
            .case("EDG-10", "the contract ended on 15 October; nobody recorded it, the account is active"),
        contractor(1006, "Thandiwe", "Mokoena", SALES)
            .ends(Some("2026-09-11"))
            .holds(Active, Nothing, Active)
            .case("EDG-10", "the contract ended on 11 September; nobody recorded it, two accounts are active"),
        contractor(1007, "Gustavo", "Ibarrola", SUPPORT)
            .left("2026-10-16")
            .holds(Disabled, Active, Nothing)
            .case("EDG-10", "the contract ended by record on 16 October; the expense account is alive"),
        contractor(1008, "Agnieszka", "Pawlikowska", ENGINEERING)
            .hired("2025-10-01")
            .ends(Some("2027-03-31"))
            .case("EDG-10", "extended in time: until 30 September at first, now until 31 March 2027")
            .silent(&["LCM-007", "LCM-008"]),
        contractor(1009, "Stéphane", "Rochambeau", SUPPORT)
            .ends(Some("2026-08-31"))
            .holds(Disabled, Nothing, Disabled)
            .case("EDG-10", "the contract ran out and the accounts were disabled, though nobody recorded it")
            .silent(&["LCM-008", "LCM-001", "DOR-001"]),
        {
            let mut person = contractor(1010, "Zofia", "Mazurek-Lis", ENGINEERING)
                .hired("2025-03-01")
                .left("2026-06-30")
                .holds(Nothing, Nothing, Nothing)
                .case("EDG-11", "the ended contract of somebody who is an employee now");
            person.company = "Kaveri Systems Pvt. Ltd.";
            person
        },
        contractor(1011, "Pilar", "Etxebarria", FINANCE)
            .left("2026-07-15")
            .holds(Disabled, Disabled, Nothing)
            .case("EDG-10", "the contract ended by record and everything was switched off")
            .silent(&["LCM-001", "LCM-003", "LCM-008", "DOR-001"]),
    ]
}

/// People in whom nothing is wrong.
fn crowd(people: &mut Vec<Person>) {
    let mut rng = Rng::new(0x00ac_ae26);
    let mut taken: Vec<String> = people.iter().map(|person| person.local.clone()).collect();
    let mut next = |rng: &mut Rng| loop {
        let (given, family) = *rng.pick(&CULTURES);
        let (given, family) = (*rng.pick(given), *rng.pick(family));
        let local = format!("{}.{}", ascii(given), ascii(family));
        if !taken.contains(&local) {
            taken.push(local);
            return (given, family);
        }
    };
    for number in 0..CROWD_ACTIVE + CROWD_LEFT {
        let (given, family) = next(&mut rng);
        let department =
            if number < DEPARTMENTS.len() { number } else { usize::try_from(weighted(&mut rng)).expect("an index") };
        let mut person = employee(5001 + u32::try_from(number).expect("a small number"), given, family, department);
        let office = DEPARTMENTS[department].0;
        let sells = matches!(office, "Sales" | "Customer Support" | "Marketing");
        let holds = if number < CROWD_ACTIVE { Holds::Active } else { Holds::Disabled };
        let when = |yes: bool| if yes { holds } else { Holds::Nothing };
        person = person.holds(holds, when(rng.chance(60)), when(sells));
        if number < DEPARTMENTS.len() {
            person.title = DEPARTMENTS[department].1[3];
            person.hire = shift(day("2014-02-03"), i64::try_from(number).expect("a small number") * 61);
        } else if number >= CROWD_ACTIVE {
            let last = shift(day("2026-10-10"), -rng.between(0, 480));
            person.hire = shift(last, -rng.between(200, 2500));
            person = person.left(&last.to_string());
        } else if rng.chance(4) {
            person.worker_type = "Intern";
            person.hire = shift(day("2026-08-15"), -rng.between(0, 120));
            person.last_day = Some(shift(day("2027-01-31"), rng.between(0, 120)));
        }
        people.push(person);
    }
    for number in 0..CROWD_CONTRACTORS {
        let (given, family) = next(&mut rng);
        let department = usize::try_from(weighted(&mut rng)).expect("an index");
        let mut person = contractor(1101 + u32::try_from(number).expect("a small number"), given, family, department);
        if rng.chance(25) {
            person.scim = Holds::Active;
        }
        people.push(person);
    }
}

/// A department: half of the company builds, runs or sells.
fn weighted(rng: &mut Rng) -> u64 {
    match rng.below(10) {
        0..=2 => 0,
        3 => 1,
        4 => 2,
        5 => 3,
        _ => rng.below(10),
    }
}

/// Every department reports to its first person, those to the head of Finance, who happens to run the company.
fn appoint_managers(people: &mut [Person]) {
    let head = |department: &str| {
        let position = DEPARTMENTS.iter().position(|(name, _)| *name == department).expect("a known department");
        format!("{:06}", 5001 + position)
    };
    let chief = head("Finance");
    for person in people {
        let manager = head(person.department);
        person.manager = match () {
            () if person.id == chief => String::new(),
            () if person.id == manager => chief.clone(),
            () => manager,
        };
    }
}

/// Given and family names of people who do not exist, by culture; no family name is also one of the cast's.
const CULTURES: [(&[&str], &[&str]); 10] = [
    (
        &["Mira", "Jonas", "Lena", "Felix", "Clara", "Jakob", "Sophie", "Moritz", "Käthe", "Jörg"],
        &["Schneider", "Vogel", "Krüger", "Lindner", "Baumann", "Seidel", "Größ", "Winkler", "Haas", "Roth"],
    ),
    (
        &["Amina", "Emre", "Zeynep", "Cem", "Leyla", "Kerem", "Defne", "Ozan"],
        &["Yılmaz", "Kaya", "Şahin", "Aydın", "Çelik", "Arslan", "Koç", "Özdemir"],
    ),
    (
        &["Wanjiru", "Otieno", "Akinyi", "Kamau", "Nia", "Baraka", "Zawadi", "Juma"],
        &["Kariuki", "Odhiambo", "Mwangi", "Njoroge", "Wambui", "Kiptoo", "Achieng", "Mutua"],
    ),
    (
        &["Wei", "Mei", "Jun", "Xiu", "Hao", "Ling", "Bo", "Yan"],
        &["Chen", "Zhang", "Huang", "Zhao", "Xu", "Sun", "Guo", "Lin"],
    ),
    (
        &["Inês", "Tiago", "Joana", "Rui", "Catarina", "Nuno", "Marta", "Duarte"],
        &["Ferreira", "Sousa", "Gonçalves", "Ribeiro", "Pinto", "Araújo", "Leitão", "Fonseca"],
    ),
    (
        &["Aditi", "Arjun", "Kavya", "Rohan", "Meera", "Vikram", "Ananya", "Nikhil"],
        &["Sharma", "Iyer", "Banerjee", "Patel", "Reddy", "Menon", "Chatterjee", "Desai"],
    ),
    (
        &["Emily", "Oliver", "Grace", "Nathan", "Abigail", "Marcus", "Hazel", "Owen"],
        &["Whitfield", "Carver", "Ellison", "Hargrove", "Bennett", "Thorne", "Mercer", "O'Rourke"],
    ),
    (
        &["Katarzyna", "Piotr", "Agata", "Michał", "Ewa", "Łukasz", "Hanna", "Wojciech"],
        &["Kowalczyk", "Wójcik", "Lewandowski", "Zieliński", "Dąbrowska", "Król", "Jabłoński", "Nowicka"],
    ),
    (
        &["Yuki", "Haruto", "Aoi", "Ren", "Sakura", "Daichi", "Naomi", "Kenta"],
        &["Tanaka", "Suzuki", "Watanabe", "Ito", "Yamamoto", "Nakamura", "Kato", "Yoshida"],
    ),
    (
        &["Layla", "Omar", "Yasmin", "Karim", "Salma", "Hassan", "Rania", "Samir"],
        &["Haddad", "Nasser", "Khoury", "Farouk", "Saleh", "Rahman", "Aziz", "Darwish"],
    ),
];

/// Lower-case ASCII for a sign-in name.
pub(crate) fn ascii(name: &str) -> String {
    name.chars().fold(String::new(), |mut out, letter| {
        match letter {
            'ä' | 'Ä' => out.push_str("ae"),
            'ö' | 'Ö' => out.push_str("oe"),
            'ü' | 'Ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            'þ' | 'Þ' => out.push_str("th"),
            'é' | 'è' | 'ê' | 'ě' => out.push('e'),
            'á' | 'ã' | 'ą' => out.push('a'),
            'í' | 'ı' => out.push('i'),
            'ó' => out.push('o'),
            'ú' => out.push('u'),
            'ç' | 'Ç' | 'č' => out.push('c'),
            'ş' | 'Ş' => out.push('s'),
            'ł' | 'Ł' => out.push('l'),
            'ń' => out.push('n'),
            'ř' => out.push('r'),
            '\'' | ' ' => {}
            other => out.extend(other.to_lowercase()),
        }
        out
    })
}

/// A last use in the days before the end of an employment.
pub(crate) fn used_before(rng: &mut Rng, last_day: Date) -> Timestamp {
    let day = shift(last_day, -rng.between(1, 9));
    morning(rng, day)
}

/// When an account of this person was made: a few days before the first day at work, never in the future.
pub(crate) fn account_made(person: &Person, purpose: &str) -> Timestamp {
    let made = morning(&mut person.rng(purpose), shift(person.hire, -4));
    if made < now() { made } else { at("2026-10-29T08:20:00Z") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn about_four_hundred_people_work_here() {
        let company = Company::new();
        assert!((380..=420).contains(&company.people.len()), "{}", company.people.len());
    }

    #[test]
    fn only_planted_people_share_an_address() {
        let mut locals: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for person in Company::new().people {
            assert!(person.local.is_ascii(), "{}", person.local);
            locals.entry(person.local).or_default().push(person.id);
        }
        let shared: Vec<_> = locals.into_iter().filter(|(_, ids)| ids.len() > 1).map(|(local, _)| local).collect();
        assert_eq!(shared, ["alex.moreau-petit", "kwabena.asante-boateng", "sinead.gallagher"]);
    }

    #[test]
    fn no_family_name_of_the_crowd_is_one_of_the_cast() {
        let cast: Vec<String> = cast().into_iter().map(|person| ascii(&person.family)).collect();
        for (_, families) in CULTURES {
            for family in families {
                assert!(!cast.contains(&ascii(family)), "{family}");
            }
        }
    }
}
