//! What a row means, and what one costs that cannot be used.

use muster_connectors::record::{EmploymentStatus, Fact, RecordKind};
use muster_connectors::scope::ScopeState;

use crate::{account_list, accounts, collect_bytes, employments, only_gap, people, persons};

#[tokio::test]
async fn each_bad_row_is_listed_with_its_place_and_costs_only_itself() {
    let read = people(
        "employee_id,start,end,status\n\
         1,2020-01-01,,active\n\
         2,2020-02-30,,active\n\
         3,2020-01-01,2019-01-01,active\n\
         ,2020-01-01,,active\n\
         5,2020-01-01,,active,surplus\n\
         6,2020-01-01,,active\n\
         7,2020-01-01,,on the moon\n\
         8,2020-01-01,,active\n\
         9,2020-01-01,,active\n",
    )
    .await;
    let (state, gaps) = read.ended(RecordKind::Employment);
    assert_eq!(state, ScopeState::Partial);
    let listed: Vec<(&str, &str)> = gaps.iter().map(|gap| (gap.code.as_str(), gap.at.as_deref().unwrap())).collect();
    assert_eq!(
        listed,
        [
            ("COL105", "p.csv:3:2"),
            ("COL107", "p.csv:4:3"),
            ("COL106", "p.csv:5:1"),
            ("COL104", "p.csv:6"),
            ("COL109", "p.csv:8:4")
        ]
    );
    let ids: Vec<&str> = persons(&read).iter().map(|person| person.id.as_str()).collect();
    assert_eq!(ids, ["1", "6", "7", "8", "9"]);
    assert_eq!(employments(&read)[2].status, EmploymentStatus::Unknown, "an unknown word costs only its field");
    assert_eq!(read.ended(RecordKind::Person).1.len(), 4, "a status says nothing about the person");
}

#[tokio::test]
async fn an_unreadable_instant_of_an_account_costs_only_the_field() {
    let read = accounts(
        "id,last login,created\n1,soon,2020-01-01\n2,2026-01-01,2020-01-01\n3,,\n4,unknown,\n5,2026-01-01T00:00:00Z,\n",
    )
    .await;
    let states: Vec<_> = account_list(&read).iter().map(|account| account.last_activity.state().as_str()).collect();
    assert_eq!(states, ["unreadable", "known", "none", "unreadable", "known"]);
    assert_eq!(only_gap(&read, RecordKind::Account).at.as_deref(), Some("a.csv:2:2"));
}

#[tokio::test]
async fn a_day_and_month_in_unknown_order_is_an_error_that_asks() {
    let read = people("employee_id,end\n1,\n2,25/12/2026\n3,03/04/2026\n").await;
    assert_eq!(read.ended(RecordKind::Employment).0, ScopeState::Failed);
    let gap = only_gap(&read, RecordKind::Employment);
    assert_eq!(gap.code, "COL114");
    assert!(gap.what.contains("p.csv:3:2") && gap.fix.as_deref().unwrap().contains("%d/%m/%Y"), "{gap:?}");
    let text = b"employee_id,end\n1,25/12/2026\n2,03/04/2026\n";
    let read = collect_bytes("p.csv", text, "yields = \"people\", dates = [\"%d/%m/%Y\"]").await;
    read.assert_complete();
    assert_eq!(employments(&read)[1].end.unwrap().to_string(), "2026-04-03");
}

#[tokio::test]
async fn the_config_says_what_a_systems_own_words_mean() {
    let settings = "yields = \"people\", values = { status = { \"X9\" = \"terminated\", \"\" = \"active\" } }";
    let read = collect_bytes("p.csv", b"employee_id,status\n1,x9\n2,a\n", settings).await;
    read.assert_complete();
    assert_eq!(employments(&read)[0].status, EmploymentStatus::Terminated);
    let settings = "yields = \"accounts\", values = { last_activity = { \"\" = \"never\" }, class = { \"?\" = \"\" } }";
    let read = collect_bytes("a.csv", b"id,type,last login\n1,?,\n", settings).await;
    read.assert_complete();
    assert_eq!((account_list(&read)[0].class, &account_list(&read)[0].last_activity), (None, &Fact::Never));
}

#[tokio::test]
async fn identical_duplicates_are_one_and_conflicting_ones_are_listed() {
    let read = accounts("id,name\n1,Ann\n2,Bo\n1,Ann\n").await;
    read.assert_complete();
    assert_eq!(account_list(&read).len(), 2);
    let read = accounts("id,name\n1,Ann\n2,Bo\n1,Anne\n3,Cy\n4,Di\n1,Anna\n").await;
    let (state, gaps) = read.ended(RecordKind::Account);
    assert_eq!((state, gaps.len()), (ScopeState::Partial, 2));
    assert!(gaps[1].what.contains("line 7") && gaps[1].what.contains("line 2"), "{:?}", gaps[1]);
    assert_eq!(account_list(&read)[0].name.as_deref(), Some("Ann"), "the first is kept");
}

#[tokio::test]
async fn a_person_with_several_contracts_is_one_person() {
    let read =
        people("employee_id,contract id,name,start,end\n1,A,Ann,2018-01-01,2019-12-31\n1,B,Ann,2024-01-01,\n").await;
    read.assert_complete();
    assert_eq!(persons(&read).len(), 1);
    let ids: Vec<&str> = employments(&read).iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["1/A", "1/B"]);
    let read = people("employee_id,contract id,name\n1,A,Ann\n1,B,Bo\n2,A,Cy\n").await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Partial, "two names for one person");
    assert_eq!(read.ended(RecordKind::Employment).0, ScopeState::Complete);
}

#[tokio::test]
async fn a_row_that_is_refused_tells_nothing_of_the_person() {
    // Change 2 is told twice, differently: neither its names nor its addresses are anybody's.
    let changes = "employee_id,name,email,start,sequence,status\n\
         1,Ann Old,ann@x.example,2018-01-01,1,active\n\
         1,Ann New,new@x.example,2018-01-01,2,active\n\
         1,Bob Other,bob@x.example,2018-01-01,2,terminated\n\
         1,Ann New,new@x.example,2018-01-01,2,active\n\
         2,Cy,cy@x.example,2018-01-01,1,active\n\
         2,Di,di@x.example,2018-01-01,1,active\n";
    let read = people(changes).await;
    let told: Vec<_> = persons(&read)
        .iter()
        .map(|one| (one.id.as_str(), one.legal_name.as_deref(), one.emails.clone(), one.previous_names.clone()))
        .collect();
    assert_eq!(told, [("1", Some("Ann Old"), vec!["ann@x.example".to_owned()], Vec::new())]);
    let (state, gaps) = read.ended(RecordKind::Person);
    let places: Vec<_> = gaps.iter().map(|gap| (gap.code.as_str(), gap.at.as_deref().unwrap())).collect();
    assert_eq!((state, places), (ScopeState::Partial, vec![("COL108", "p.csv:4:1"), ("COL108", "p.csv:7:1")]));
    // With several contracts, the person is whoever the rows that are left describe.
    let read = people("employee_id,contract id,name\n1,A,Ann\n1,A,Bob\n1,B,Cy\n").await;
    let names: Vec<_> = persons(&read).iter().map(|one| one.legal_name.as_deref()).collect();
    assert_eq!(names, [Some("Cy")]);
    let read = people("employee_id,contract id,name\n1,A,Ann\n1,B,Cy\n").await;
    assert_eq!(only_gap(&read, RecordKind::Person).at.as_deref(), Some("p.csv:3:3"));
}

#[tokio::test]
async fn words_for_nothing_are_nothing_and_roles_need_a_mapping() {
    let read =
        people("employee_id,status,start,end\n1,-,2020-01-01,N/A\n2,NULL,2020-01-01,0000-00-00\n3,n/a,2020-01-01,-\n")
            .await;
    read.assert_complete();
    assert!(employments(&read).iter().all(|one| one.end.is_none() && one.status == EmploymentStatus::Unknown));
    let read = accounts("id,roles\n1,Admin\n").await;
    read.assert_complete();
    assert!(read.of(RecordKind::Grant).is_empty(), "what a system yields is known before its files are opened");
    assert_eq!(account_list(&read)[0].attributes.get("roles").map(String::as_str), Some("Admin"));
}

#[tokio::test]
async fn unmapped_columns_of_people_make_no_conflict() {
    let read = people("row,employee_id,name\n1,7,Ann\n2,7,Ann\n").await;
    read.assert_complete();
    assert_eq!(persons(&read).len(), 1);
}

#[tokio::test]
async fn of_people_only_what_the_config_names_is_kept_as_attributes() {
    let file = "employee_id,name,Mobile,Salary\n7,Ann, +49 171 1 ,1000\n8,Bob,,1000\n";
    let read = people(file).await;
    assert!(persons(&read).iter().all(|person| person.attributes.is_empty()));
    let read = collect_bytes("p.csv", file.as_bytes(), "yields = \"people\", attributes = [\"mobile\"]").await;
    read.assert_complete();
    let kept: Vec<_> = persons(&read).iter().map(|person| person.attributes.clone()).collect();
    assert_eq!(kept, [[("Mobile".to_owned(), "+49 171 1".to_owned())].into(), [].into()]);
    let read = collect_bytes("p.csv", file.as_bytes(), "yields = \"people\", attributes = [\"Mobiles\"]").await;
    let gap = only_gap(&read, RecordKind::Person);
    assert_eq!((gap.code.as_str(), gap.what.as_str()), ("COL103", "the header has no column `Mobiles`"));
    assert!(gap.fix.as_deref().unwrap().contains("did you mean `Mobile`? Correct `attributes`"), "{gap:?}");
}
