//! The format of manifests: what loads, what is refused and where, and what items become.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manifests;

use std::collections::BTreeMap;

use manifests::problems;
use muster_connectors::manifest::value::from_json;
use muster_connectors::manifest::{
    CATALOG, Collector, Description, Drafts, Library, Manifest, Merged, Scope, Severity, compare, scaffold,
};
use muster_connectors::record::{
    Account, AccountClass, Employment, EmploymentStatus, Fact, Lifecycle, Raw, Record, RecordKind,
};
use serde_json::{Value as Json, json};

const NOW: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

/// A manifest that loads, with a hole for more.
fn with(more: &str) -> String {
    format!(
        r#"
schema  = 1
id      = "odd"
name    = "Odd"
class   = "saas"
api     = "v1"
checked = "2026-11-20"
[config]
url = {{ type = "url" }}
[secrets]
key = {{ help = "the key" }}
[http]
base = "${{config.url}}"
[auth.key]
kind  = "bearer"
token = "${{secret.key}}"
[check]
get = "/me"
[pager.link]
kind = "link"
{more}
"#
    )
}

const USERS: &str = r#"
[stream.users]
get   = "/users"
items = "."
page  = "link"
[[stream.users.emit]]
as = "account"
id = "id | str"
"#;

/// What items of the streams become when all streams were complete.
fn emitted(
    manifest: &Manifest,
    items: &[(&str, Json)],
    complete: &dyn Fn(&str) -> bool,
) -> (Vec<Record>, Drafts, Merged) {
    let config: BTreeMap<String, Json> =
        BTreeMap::from([("url".to_owned(), json!("https://x.example")), ("org".to_owned(), json!("acme"))]);
    let scope = manifest.scope(&config, NOW);
    let (mut drafts, mut collector) = (Drafts::default(), Collector::default());
    manifest.emit_builtins(&scope, &mut drafts);
    for (stream, item) in items {
        let index = manifest.document().stream.position(stream).unwrap();
        manifest.emit(index, 0, &scope.with_item(from_json(item)), &mut drafts);
    }
    collector.hold(std::mem::take(&mut drafts.held));
    let mut merged = collector.finish(manifest, &scope, complete);
    let mut records = std::mem::take(&mut drafts.records);
    records.extend(std::mem::take(&mut merged.records).into_iter().map(|(_, record)| record));
    (records, drafts, merged)
}

fn account<'a>(records: &'a [Record], id: &str) -> &'a Account {
    let found = records.iter().find_map(|record| match record {
        Record::Account(account) if account.id == id => Some(account),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no account {id}"))
}

fn grants(records: &[Record]) -> Vec<(String, String, Option<String>)> {
    let grant = |record: &Record| match record {
        Record::Grant(grant) => Some((grant.principal.clone(), grant.entitlement.clone(), grant.resource.clone())),
        _ => None,
    };
    records.iter().filter_map(grant).collect()
}

fn loaded(id: &str) -> Manifest {
    CATALOG.iter().find(|entry| entry.id == id).unwrap().manifest().unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn the_whole_catalogue_loads_without_a_warning() {
    for entry in CATALOG {
        let found = problems(entry.text);
        assert_eq!(found, "", "{}", entry.id);
        assert_eq!(entry.manifest().unwrap().id(), entry.id);
    }
}

#[test]
fn a_small_manifest_loads_and_emits() {
    let manifest = Manifest::parse(&with(USERS), None).unwrap();
    let (records, drafts, _) = emitted(&manifest, &[("users", json!({"id": 7, "secret": "x"}))], &|_| true);
    assert!(drafts.losses.is_empty());
    assert_eq!(account(&records, "7").raw, Raw::Object(r#"{"id":7}"#.to_owned()), "only what expressions name is kept");
}

#[test]
fn every_error_names_its_line_column_cause_and_fix() {
    let cases: &[(&str, &str)] = &[
        ("[stream.users]\nget = \"/users\"\nitems = \".\"\n", "21:9: stream `users` does not say how it is paged"),
        ("[stream.users]\nget = \"/users\"\nitems = \".\"\npage = \"lnk\"\n", "did you mean `link`?"),
        ("[stream.users]\nitems = \".\"\npage = \"link\"\n", "stream `users` has no call"),
        ("[stream.users]\nget = \"/users\"\nitms = \".\"\npage = \"link\"\n", "did you mean `items`?"),
        (
            "[stream.users]\nget = \"/users/${confg.url}\"\nitems = \".\"\npage = \"link\"\n",
            "22:17: there is no name `confg` here",
        ),
        ("[stream.users]\nget = \"/users/${config.ulr}\"\nitems = \".\"\npage = \"link\"\n", "did you mean `url`?"),
        (
            "[stream.users]\nget = \"/users/${secret.key}\"\nitems = \".\"\npage = \"link\"\n",
            "`secret` cannot be named here",
        ),
        ("[stream.users]\nget = \"/users/${config.url\"\nitems = \".\"\npage = \"link\"\n", "`${` without its `}`"),
        (
            "[stream.users]\nget = \"/users\"\nfor = \"groups\"\nas = \"g\"\nitems = \".\"\npage = \"link\"\n",
            "there is no `[stream.groups]`",
        ),
        (
            "[stream.users]\nget = \"/users\"\nfor = \"users\"\nas = \"u\"\nitems = \".\"\npage = \"link\"\n",
            "go round in a circle",
        ),
        (
            "[stream.users]\nget = \"/users\"\nover = { config = [\"a\"] }\nitems = \".\"\npage = \"link\"\n",
            "`config` already means something here",
        ),
        ("[pager.bad]\nkind = \"cursor\"\nfrom = \"next\"\n", "a pager of kind `cursor` needs `into`"),
        ("[pager.bad]\nkind = \"cursor\"\nfrom = \"next\"\ninto = \"cursor\"\n", "`cursor` is no place in a request"),
        ("[pager.bad]\nkind = \"none\"\nsize = 5\n", "`size` means nothing to a pager of kind `none`"),
        ("[auth.bad]\nkind = \"basic\"\ntoken = \"x\"\n", "auth of kind `basic` needs `user`"),
        ("[[error]]\nthen = \"gap\"\n", "has neither `status` nor `when`"),
        ("[[error]]\nstatus = [999]\nthen = \"gap\"\n", "999 is no HTTP status"),
        ("[[error]]\nstatus = [404]\nthen = \"ignore\"\n", "ignore"),
        ("[[derive]]\non = \"account\"\nneeds = [\"usrs\"]\nset = { mfa = \"true\" }\n", "there is no `[stream.usrs]`"),
    ];
    for (more, expected) in cases {
        let more = if more.starts_with("[stream.users]") { (*more).to_owned() } else { format!("{USERS}{more}") };
        let text = with(&more);
        let Err(found) = Manifest::parse(&text, None) else { panic!("it loads: {more}") };
        let told: String = found.iter().map(|problem| format!("{problem}\n")).collect();
        assert!(told.contains(expected), "{more}\nshould say `{expected}` and says\n{told}");
        let errors = found.iter().filter(|problem| problem.severity == Severity::Error);
        errors.for_each(|problem| assert!(problem.fix.is_some() && problem.line > 1, "{problem}"));
    }
}

#[test]
fn expressions_that_would_go_wrong_silently_are_refused() {
    let cases = [
        ("id | strr", "did you mean `str`?"),
        ("id is nonne", "there is no test `nonne`"),
        ("'x' ~ id", "`~` joins whatever there is"),
        ("name * 9", "`*` multiplies texts"),
        ("'a' if id == none else 'b'", "write `is none`"),
        ("id.lower()", "is a call"),
        ("id | map('states')", "there is no `[map.states]`"),
        ("itm.id", "`itm` is spelled like `item`"),
        ("id | str |", "is no expression"),
        ("range(9)", "there is no function `range`"),
        ("'unfinished", "is no expression"),
    ];
    for (expression, expected) in cases {
        let told = problems(&with(&USERS.replace("id | str", expression)));
        assert!(told.contains(expected), "`{expression}` should say `{expected}` and says\n{told}");
        assert!(told.contains("28:"), "{told}");
    }
}

#[test]
fn emits_are_checked_against_the_records() {
    let cases = [
        ("as = \"account\"", "as = \"acount\"", "did you mean `account`?"),
        ("as = \"account\"", "as = \"member\"", "did you mean `membership`?"),
        ("id = \"id | str\"", "login = \"x\"", "account has no `id`"),
        ("id = \"id | str\"", "id = \"id | str\"\nlast_login = \"x\"", "it is called `last_activity`"),
        ("id = \"id | str\"", "id = \"id | str\"\nlogn = \"x\"", "did you mean `login`?"),
        ("id = \"id | str\"", "id = \"id | str\"\nlifecycle = \"'actve'\"", "did you mean `active`?"),
        ("id = \"id | str\"", "id = \"id | str\"\nlogin = 7", "a text in quotes"),
        ("id = \"id | str\"", "id = \"login\"", "the id looks like a name"),
    ];
    for (old, new, expected) in cases {
        let told = problems(&with(&USERS.replace(old, new)));
        assert!(told.contains(expected), "`{new}` should say `{expected}` and says\n{told}");
    }
    let map = format!("{USERS}lifecycle = \"state | map('state')\"\n[map.state]\non = \"activ\"\n");
    assert!(problems(&with(&map)).contains("did you mean `active`?"));
}

#[test]
fn actions_say_how_they_are_seen_and_undone_or_that_they_cannot_be() {
    let action = "[action.suspend]\non = \"account\"\nrisk = \"reversible\"\ncall = { method = \"POST\", path = \"/users/${account.id}/suspend\" }\n";
    let told = problems(&with(&format!("{USERS}{action}")));
    assert!(told.contains("can be undone and does not say how") && told.contains("nobody could see"), "{told}");
    let irreversible = action.replace("reversible", "irreversible");
    assert_eq!(problems(&with(&format!("{USERS}{irreversible}"))), "");
    let lossy = action.replace("reversible", "lossy");
    assert!(problems(&with(&format!("{USERS}{lossy}"))).contains("`loss` goes with"));
    let wrong = irreversible.replace("account.id", "acount.id");
    assert!(problems(&with(&format!("{USERS}{wrong}"))).contains("did you mean `account`?"));
    let get = irreversible.replace("POST", "GET");
    assert!(problems(&with(&format!("{USERS}{get}"))).contains("changes nothing"));
}

fn value_of(expression: &str, item: &Json) -> Result<Json, String> {
    let text =
        format!("{}\n[map.state]\non = \"active\"\n_null = \"pending\"\n", USERS.replace("id | str", expression));
    let manifest = Manifest::parse(&with(&text), None).map_err(|problems| format!("{problems:?}"))?;
    let stream = manifest.document().stream.get("users").unwrap();
    let scope = manifest.scope(&BTreeMap::new(), NOW).with_item(from_json(item));
    let value = stream.emit[0].fields.get("id").unwrap().eval(&scope).map_err(|error| error.to_string())?;
    Ok(muster_connectors::manifest::value::to_json(&value))
}

#[test]
fn filters_do_what_the_page_says() {
    let item = json!({
        "n": 7, "big": 18_446_744_073_709_551_615_u64, "t": " Ada ", "e": "", "null": null, "yes": "Yes", "list": [1, 2, 2, null], "state": "on", "off": "off",
        "when": "2026-11-20T10:00:00+01:00", "day": "2026-11-20", "us": "11/20/2026", "s": 1_763_628_000, "ms": 1_763_628_000_500_i64, "zero": 0,
        "epoch": "1970-01-01T00:00:00.000Z", "rows": [{"k": {"v": "a"}, "on": true}, {"k": {"v": "b"}, "on": false}], "map": {"x": {"r": 1}, "y": {"r": 2}},
        "@odata.type": "#user"
    });
    let cases: &[(&str, Json)] = &[
        ("n | str", json!("7")),
        ("big | str", json!("18446744073709551615")),
        ("t | trim | lower", json!("ada")),
        ("missing.deep.er", json!(null)),
        ("n.deep", json!(null)),
        ("missing | lower | str", json!(null)),
        ("missing | default(e) | default('x')", json!("x")),
        ("item['@odata.type'] | after('#')", json!("user")),
        ("item.null is none and missing is none and e is not none", json!(true)),
        ("'null' in item and 'nothing' not in item", json!(true)),
        ("'a' if n > 7 else 'b' if n == 7 else 'c'", json!("b")),
        ("list | len", json!(4)),
        ("list | unique | len", json!(3)),
        ("list | without(2) | join(',')", json!("1")),
        ("list | with(9) | last", json!(9)),
        ("2 in list and not (3 in list)", json!(true)),
        ("'da' in t and (t | contains('A'))", json!(true)),
        ("rows | where('on') | pluck('k.v') | first", json!("a")),
        ("rows | where('k.v', 'b') | len", json!(1)),
        ("map | values | pluck('r') | join('+')", json!("1+2")),
        ("map | entries | pluck('key') | join(',')", json!("x,y")),
        ("yes | bool", json!(true)),
        ("'12' | int", json!(12)),
        ("'a/b/c' | split('/') | last", json!("c")),
        ("'a/b' | before('/') | prefix('x:')", json!("x:a")),
        ("missing | prefix('x:')", json!(null)),
        ("when | date", json!("2026-11-20T09:00:00Z")),
        ("day | date", json!("2026-11-20T00:00:00Z")),
        ("us | date('%m/%d/%Y')", json!("2026-11-20T00:00:00Z")),
        ("s | date('epoch_s')", json!("2025-11-20T08:40:00Z")),
        ("ms | date('epoch_ms') | epoch", json!(1_763_628_000)),
        ("day | date | strftime('%d.%m.%Y')", json!("20.11.2026")),
        ("(when | date) > (day | date)", json!(true)),
        ("state | map('state')", json!("active")),
        ("item.null | map('state')", json!("pending")),
        ("off | map('state') | default('other')", json!("other")),
        ("e | date", json!(null)),
        ("[t, n]", json!([" Ada ", 7])),
        ("{'a': n}", json!({"a": 7})),
        ("rows | json", json!("[{\"k\":{\"v\":\"a\"},\"on\":true},{\"k\":{\"v\":\"b\"},\"on\":false}]")),
    ];
    for (expression, expected) in cases {
        assert_eq!(value_of(expression, &item).as_ref(), Ok(expected), "{expression}");
    }
    for (expression, expected) in [
        ("'x' + missing", "impossible"),
        ("t | date", "found no instant"),
        ("n | lower", "`lower` needs a text and got number"),
        ("t | pluck('a')", "`pluck` needs a list"),
    ] {
        let error = value_of(expression, &item).unwrap_err();
        assert!(error.contains(expected) || error.contains("unsupported types"), "{expression}: {error}");
        assert!(error.contains("line 28"), "{error}");
        assert!(!error.contains("Ada"), "values are not quoted: {error}");
    }
}

#[test]
fn null_is_never_and_missing_is_unreadable() {
    let manifest =
        Manifest::parse(&with(&format!("{USERS}last_activity = \"seen | date | else_never\"\nmfa = \"mfa\"\n")), None)
            .unwrap();
    let item = |json: Json| ("users", json);
    let items = [
        item(json!({"id": 1, "seen": null, "mfa": false})),
        item(json!({"id": 2, "mfa": true})),
        item(json!({"id": 3, "seen": "2026-01-01T00:00:00Z", "mfa": ["totp"]})),
        item(json!({"id": 4, "seen": "yesterday"})),
        item(json!({"seen": null})),
    ];
    let (records, drafts, _) = emitted(&manifest, &items, &|_| true);
    assert_eq!(account(&records, "1").last_activity, Fact::Never);
    assert_eq!(account(&records, "1").mfa, Fact::Absent);
    assert_eq!(account(&records, "2").last_activity, Fact::Unreadable);
    assert_eq!(account(&records, "2").mfa, Fact::Known(vec!["unspecified".to_owned()]));
    assert_eq!(account(&records, "3").mfa, Fact::Known(vec!["totp".to_owned()]));
    assert_eq!(account(&records, "3").password_changed, Fact::Unsupported);
    assert_eq!(drafts.losses.len(), 2, "{:?}", drafts.losses);
    assert_eq!(drafts.losses[0].ids, ["4"], "the record is lost by name");
    assert!(drafts.losses[1].why.contains("`id` is null or empty"));
}

#[test]
fn words_that_no_table_has_are_unknown_and_told() {
    let text = format!("{USERS}lifecycle = \"state | map('state')\"\n[map.state]\non = \"active\"\n");
    let manifest = Manifest::parse(&with(&text), None).unwrap();
    let (records, drafts, _) = emitted(
        &manifest,
        &[("users", json!({"id": 1, "state": "hibernating"})), ("users", json!({"id": 2, "state": "on"}))],
        &|_| true,
    );
    assert_eq!(account(&records, "1").lifecycle, Lifecycle::Unknown);
    assert_eq!(account(&records, "2").lifecycle, Lifecycle::Active);
    let (word, times) = drafts.words.iter().next().unwrap();
    assert_eq!((word.table.as_str(), word.word.as_str(), word.field, *times), ("state", "hibernating", "lifecycle", 1));
}

#[test]
fn github_merges_three_lists_into_one_account_and_derives_only_from_a_complete_one() {
    let manifest = loaded("github");
    let items = [
        (
            "saml",
            json!({"samlIdentity": {"nameId": "Ada@acme.example"}, "scimIdentity": null, "user": {"databaseId": 1, "login": "ada"}}),
        ),
        ("no_2fa", json!({"id": 2, "login": "bob"})),
        ("members", json!({"id": 1, "login": "ada", "type": "User"})),
        ("members", json!({"id": 2, "login": "bob", "type": "User"})),
        ("no_2fa", json!({"id": 99, "login": "gone"})),
    ];
    let with_level =
        |stream: &str, scope: Scope| if stream == "members" { scope.with("level", "admin".into()) } else { scope };
    let config = BTreeMap::from([("org".to_owned(), json!("acme"))]);
    let run = |complete: bool| {
        let scope = manifest.scope(&config, NOW);
        let (mut drafts, mut collector) = (Drafts::default(), Collector::default());
        for (stream, item) in &items {
            let index = manifest.document().stream.position(stream).unwrap();
            manifest.emit(index, 0, &with_level(stream, scope.clone()).with_item(from_json(item)), &mut drafts);
        }
        collector.hold(std::mem::take(&mut drafts.held));
        let merged = collector.finish(&manifest, &scope, &|stream| complete || stream != "no_2fa");
        assert!(drafts.losses.is_empty() && merged.losses.is_empty(), "{:?}{:?}", drafts.losses, merged.losses);
        let mut records = drafts.records;
        records.extend(merged.records.iter().map(|(_, record)| record.clone()));
        (records, merged)
    };
    let (records, merged) = run(true);
    let ada = account(&records, "1");
    // A machine is a `User` to GitHub, too.
    assert_eq!((ada.login.as_deref(), ada.class, ada.lifecycle), (Some("ada"), None, Lifecycle::Active));
    assert_eq!(ada.emails, ["ada@acme.example"]);
    assert_eq!(ada.mfa, Fact::Known(vec!["unspecified".to_owned()]));
    assert_eq!(account(&records, "2").mfa, Fact::Absent);
    assert_eq!(
        merged.strangers,
        [(RecordKind::Account, "99".to_owned())],
        "an id that only an enriching list knows is no account"
    );
    assert!(grants(&records).contains(&("1".into(), "org:owner".into(), Some("org:acme".into()))));

    let (records, merged) = run(false);
    assert_eq!(account(&records, "1").mfa, Fact::Unsupported, "an incomplete list proves nothing");
    assert_eq!(account(&records, "2").mfa, Fact::Absent, "what it did say stands");
    assert!(merged.withheld.iter().any(|(kind, field, _)| *kind == RecordKind::Account && *field == "mfa"));
}

#[test]
fn the_order_in_which_replies_came_changes_nothing() {
    let manifest = loaded("okta");
    let user = manifest.document().stream.position("users").unwrap();
    let factors = manifest.document().stream.position("factors").unwrap();
    let scope = manifest.scope(&BTreeMap::from([("base_url".to_owned(), json!("https://acme.okta.com"))]), NOW);
    let live = json!({"id": "u1", "status": "ACTIVE", "lastLogin": "2026-01-02T00:00:00.000Z", "profile": {"login": "a", "email": "A@x"}});
    let gone = json!({"id": "u1", "status": "DEPROVISIONED", "lastLogin": null, "profile": {"login": "a"}});
    let held = |order: &[usize]| {
        let mut collector = Collector::default();
        for step in order {
            let mut drafts = Drafts::default();
            match step {
                0 => manifest.emit(
                    user,
                    0,
                    &scope.with("pass", "current".into()).with_item(from_json(&live)),
                    &mut drafts,
                ),
                1 => manifest.emit(
                    user,
                    1,
                    &scope.with("pass", "deprovisioned".into()).with_item(from_json(&gone)),
                    &mut drafts,
                ),
                _ => {
                    let item = from_json(
                        &json!([{"factorType": "push", "status": "ACTIVE"}, {"factorType": "sms", "status": "INACTIVE"}]),
                    );
                    manifest.emit(factors, 0, &scope.with("user", from_json(&live)).with_item(item), &mut drafts);
                }
            }
            assert!(drafts.losses.is_empty(), "{:?}", drafts.losses);
            collector.hold(drafts.held);
        }
        collector.finish(&manifest, &scope, &|_| true).records
    };
    let first = held(&[0, 1, 2]);
    assert_eq!(first, held(&[2, 1, 0]));
    let records: Vec<Record> = first.into_iter().map(|(_, record)| record).collect();
    let account = account(&records, "u1");
    assert_eq!(account.lifecycle, Lifecycle::Deprovisioned, "the later pass counts");
    assert_eq!(
        account.last_activity,
        Fact::Known("2026-01-02T00:00:00Z".parse().unwrap()),
        "a null overrules no instant"
    );
    assert_eq!(account.mfa, Fact::Known(vec!["push".to_owned()]));
}

#[test]
fn slack_says_nothing_of_second_factors_that_it_was_not_shown() {
    let manifest = loaded("slack");
    let user = |id: &str, more: Json| {
        let mut item = json!({"id": id, "team_id": "T1", "name": id, "deleted": false, "profile": {"email": "X@y.example", "real_name": "X"}});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("users", item)
    };
    let items = [
        user("U1", json!({"is_admin": true, "has_2fa": false})),
        user("U2", json!({"deleted": true})),
        user("U3", json!({"is_bot": true})),
        user("U4", json!({"is_restricted": true, "is_invited_user": true})),
        user("USLACKBOT", json!({})),
    ];
    let (records, drafts, _) = emitted(&manifest, &items, &|_| true);
    assert!(drafts.losses.is_empty(), "{:?}", drafts.losses);
    assert_eq!(account(&records, "U1").mfa, Fact::Absent);
    assert_eq!(account(&records, "U2").mfa, Fact::Unreadable);
    assert_eq!(account(&records, "U2").lifecycle, Lifecycle::Disabled);
    assert_eq!(account(&records, "U3").class, Some(AccountClass::Service));
    assert_eq!(account(&records, "U4").lifecycle, Lifecycle::Pending);
    assert_eq!(account(&records, "USLACKBOT").class, Some(AccountClass::System));
    let roles: Vec<String> = grants(&records).into_iter().map(|(_, role, _)| role).collect();
    assert_eq!(roles, ["admin", "bot", "multi_channel_guest"]);
}

#[test]
fn the_latest_sign_in_of_a_log_counts_whatever_its_order() {
    let manifest = loaded("slack");
    let user = json!({"id": "U1", "team_id": "T1", "name": "a", "deleted": false, "profile": {}});
    let log = |at: i64| ("access_logs", json!({"user_id": "U1", "date_last": at}));
    let (records, _, _) = emitted(&manifest, &[log(2000), ("users", user), log(3000), log(1000)], &|_| true);
    assert_eq!(account(&records, "U1").last_activity, Fact::Known(jiff::Timestamp::from_second(3000).unwrap()));
}

#[test]
fn bamboohr_keeps_future_and_former_people_with_their_last_day() {
    let manifest = loaded("bamboohr");
    let employees = manifest.document().stream.position("employees").unwrap();
    let last_days = manifest.document().stream.position("last_days").unwrap();
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let scope = manifest.scope(&BTreeMap::from([("company".to_owned(), json!("acme"))]), now);
    let (mut drafts, mut collector) = (Drafts::default(), Collector::default());
    let person = |id: &str, status: &str, hired: &str| json!({"employeeId": id, "firstName": "A", "lastName": "B", "status": status, "hireDate": hired, "workEmail": "A@x.example"});
    for (partition, item) in [
        person("1", "Active", "2020-01-01"),
        person("2", "Active", "2027-01-01"),
        person("3", "Inactive", "0000-00-00"),
    ]
    .iter()
    .enumerate()
    {
        let scope = scope.with("state", "active".into());
        manifest.emit(employees, partition as u64, &scope.with_item(from_json(item)), &mut drafts);
        let end = if partition == 2 { "2026-10-31" } else { "0000-00-00" };
        let scope =
            scope.with("employee", from_json(item)).with_item(from_json(&json!({"id": "x", "terminationDate": end})));
        manifest.emit(last_days, 0, &scope, &mut drafts);
    }
    assert!(drafts.losses.is_empty(), "{:?}", drafts.losses);
    collector.hold(std::mem::take(&mut drafts.held));
    let merged = collector.finish(&manifest, &scope, &|_| true);
    assert!(merged.losses.is_empty(), "{:?}", merged.losses);
    let employment = |id: &str| -> Employment {
        let found = merged.records.iter().find_map(|(_, record)| match record {
            Record::Employment(employment) if employment.id == id => Some((**employment).clone()),
            _ => None,
        });
        found.unwrap()
    };
    assert_eq!((employment("1").status, employment("1").end), (EmploymentStatus::Active, None));
    assert_eq!(employment("2").status, EmploymentStatus::Future);
    assert_eq!(
        (employment("3").status, employment("3").end),
        (EmploymentStatus::Terminated, Some("2026-10-31".parse().unwrap()))
    );
    assert_eq!(employment("3").start, None);
}

#[test]
fn paths_are_encoded_and_never_empty() {
    let manifest = Manifest::parse(&with("[stream.users]\nget = \"/a/${config.url}/b\"\nitems = \".\"\npage = \"link\"\nquery = { x = \"${config.url}\", y = 5 }\n"), None).unwrap();
    let call = manifest.document().stream.get("users").unwrap().call.as_ref().unwrap();
    let path = |url: &str| {
        call.path.as_ref().unwrap().path(&manifest.scope(&BTreeMap::from([("url".to_owned(), json!(url))]), NOW))
    };
    assert_eq!(path("x/../y?z=1#ä").unwrap(), "/a/x%2F..%2Fy%3Fz%3D1%23%C3%A4/b");
    for bad in ["", ".", ".."] {
        assert!(path(bad).is_err(), "{bad:?}");
    }
    assert_eq!(call.query.get("y").unwrap().text(&Scope::new()).unwrap().as_deref(), Some("5"));
}

/// Its lists are SQL; the description knows the calls that remediation reads back with.
const SQL_ALONE: &str = "snowflake";

#[test]
fn every_manifest_agrees_with_its_vendors_description() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog");
    for entry in CATALOG {
        let manifest = Manifest::load(&folder.join(format!("{}.toml", entry.id))).unwrap();
        let specs = &manifest.document().test.as_ref().unwrap().spec;
        let descriptions: Vec<Description> =
            specs.iter().map(|spec| Description::load(&folder.join(spec.get_ref())).unwrap()).collect();
        let compared = compare(&manifest, &descriptions);
        let told: String = compared.problems.iter().map(|problem| format!("{problem}\n")).collect();
        assert_eq!(told, "", "{}", entry.id);
        assert!(
            descriptions.is_empty() || compared.names > 20 || entry.id == SQL_ALONE,
            "{}: only {} names were compared",
            entry.id,
            compared.names
        );
    }
    for id in ["bamboohr", "entra", "github", "google-workspace", "okta", "slack"] {
        let manifest = Manifest::load(&folder.join(format!("{id}.toml"))).unwrap();
        let test = manifest.document().test.as_ref().unwrap();
        let descriptions: Vec<Description> =
            test.spec.iter().map(|spec| Description::load(&folder.join(spec.get_ref())).unwrap()).collect();
        let compared = compare(&manifest, &descriptions);
        assert!(compared.calls >= manifest.document().stream.len(), "{id}: {} calls", compared.calls);
        assert!(compared.open * 5 < compared.names, "{id}: {} names of unknown shape", compared.open);
    }
}

#[test]
fn a_slip_in_a_path_a_query_or_a_field_is_found_by_comparing() {
    let description = || {
        let json = json!({"openapi": "3.0.0", "servers": [{"url": "https://x.example"}], "paths": {"/users": {"get": {
            "parameters": [{"name": "limit", "in": "query"}],
            "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"properties": {"id": {"type": "integer"}, "login": {"type": "string"}}}}}}}}}}}});
        vec![Description::parse("x.json".to_owned(), json).unwrap()]
    };
    let told = |stream: &str| {
        let manifest = Manifest::parse(&with(stream).replace("[check]\nget = \"/me\"\n", ""), None).unwrap();
        compare(&manifest, &description()).problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    assert_eq!(told(USERS), "");
    assert!(told(&USERS.replace("id | str", "ident | str")).contains("`ident` is in no reply of `users`"));
    assert!(told(&USERS.replace("/users", "/user")).contains("no description has GET /user"));
    assert!(told(&USERS.replace("items = ", "query = { limt = \"5\" }\nitems = ")).contains("did you mean `limit`?"));
    let excused = USERS.replace("id | str", "ident | str") + "[test]\nundescribed = [\"users: ident\", \"/gone\"]\n";
    let told = told(&excused);
    assert!(!told.contains("is in no reply") && told.contains("`/gone` needs no excuse"), "{told}");
}

#[test]
fn a_scaffolded_manifest_loads_and_a_folder_of_manifests_is_a_library() {
    let folder = tempfile::tempdir().unwrap();
    let written = scaffold("my-app", folder.path()).unwrap();
    assert_eq!(written.len(), 3);
    let manifest = Manifest::load(&written[0]).unwrap();
    assert_eq!(manifest.warnings(), []);
    assert!(scaffold("my-app", folder.path()).unwrap_err().to_string().contains("is there already"));
    assert!(scaffold("My App", folder.path()).is_err());
    let library = Library::load(folder.path()).unwrap();
    assert!(library.ids().contains(&"my-app") && library.ids().contains(&"okta"));
    assert!(library.find("nothing").is_none());
    std::fs::write(folder.path().join("z.toml"), std::fs::read_to_string(&written[0]).unwrap()).unwrap();
    assert!(Library::load(folder.path()).unwrap_err()[0].what.contains("two manifests are called `my-app`"));
}

#[test]
fn the_manifest_of_the_page_for_newcomers_loads() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manifests.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(problems(example), "");
    let known = ["account", "credential", "entitlement", "grant", "resource"];
    let manifest = Manifest::parse(example, None).unwrap();
    assert_eq!(manifest.kinds().len(), known.len());
    assert_eq!(manifest.parent(manifest.document().stream.position("project_members").unwrap()), Some(2));
}

#[test]
fn json_is_the_same_manifest_with_the_same_positions() {
    let toml = with(USERS);
    let json = r#"{
  "schema": 1, "id": "odd", "name": "Odd", "class": "saas", "api": "v1", "checked": "2026-11-20",
  "config": {"url": {"type": "url"}},
  "secrets": {"key": {"help": "the key"}},
  "http": {"base": "${config.url}"},
  "auth": {"key": {"kind": "bearer", "token": "${secret.key}"}},
  "check": {"get": "\/me"},
  "pager": {"link": {"kind": "link"}},
  "stream": {"users": {
    "get": "/users", "items": ".", "page": "link",
    "emit": [{"as": "account", "id": "id | str"}]
  }}
}
"#;
    assert_eq!(problems(json), problems(&toml));
    let manifest = Manifest::parse(json, None).unwrap();
    let (records, _, _) = emitted(&manifest, &[("users", json!({"id": 7}))], &|_| true);
    assert_eq!(account(&records, "7").id, "7");
    // Line and column are those of the JSON.
    let told = problems(&json.replace("id | str", "id | string"));
    assert!(told.contains("11:44: there is no filter `string`"), "{told}");
    let told = problems(&json.replace("\"items\"", "\"itmes\""));
    assert!(told.contains("unknown field `itmes`") && told.contains("did you mean `items`?"), "{told}");
    let told = problems(&json.replace("\"class\": \"saas\"", "\"class\": null"));
    assert!(told.contains("2:53: `null` is no value"), "{told}");
    let told = problems(&json.replace("\"link\"}}", "\"link\"},}"));
    assert!(told.contains("8:") && told.contains("it is no JSON"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("odd.json"), json).unwrap();
    assert!(Library::load(folder.path()).unwrap().ids().contains(&"odd"));
}

#[test]
fn a_signed_token_can_be_the_credential_itself() {
    let auth = |more: &str| {
        let jwt = r#"jwt = { alg = "RS256", key = "${secret.key}", claims = { iss = "a" } }"#;
        with(USERS).replace("kind  = \"bearer\"\ntoken = \"${secret.key}\"", &format!("{jwt}\n{more}"))
    };
    for good in [
        r#"kind = "bearer""#,
        "kind = \"bearer\"\ntoken = \"${jwt}\"",
        "kind = \"headers\"\nheaders = { Authorization = \"Bearer ${jwt}\", X-Token-Type = \"KEYPAIR_JWT\" }",
    ] {
        assert_eq!(problems(&auth(good)), "", "{good}");
    }
    let told = problems(&auth("kind = \"headers\"\nheaders = { X-Key = \"x\" }"));
    assert!(told.contains("signed and never sent") && told.contains("`${jwt}`"), "{told}");
    let told = problems(&auth("kind = \"basic\"\nuser = \"x\""));
    assert!(told.contains("`jwt` means nothing to auth of kind `basic`"), "{told}");
    let told = problems(&with(USERS).replace("${secret.key}", "${jwt}"));
    assert!(told.contains("`jwt` cannot be named here"), "{told}");
}

#[test]
fn a_pattern_takes_a_part_of_a_text_in_linear_time() {
    let users = |more: &str| with(&format!("{USERS}{more}\n"));
    let fields = r#"
login = "item.dn | regex_group('^uid=([^,]+),')"
title = 'item.dn | regex_group("ou=(\\w+),ou=(\\w+)", 2)'
"#;
    let manifest = Manifest::parse(&users(fields), None).unwrap();
    let items = [
        ("users", json!({"id": 1, "dn": "uid=ada,ou=deck,ou=ships"})),
        ("users", json!({"id": 2, "dn": "cn=none"})),
        ("users", json!({"id": 3, "dn": null})),
        ("users", json!({"id": 4, "dn": format!("uid={}", "a".repeat(200_000))})),
    ];
    let (records, drafts, _) = emitted(&manifest, &items, &|_| true);
    assert!(drafts.losses.is_empty(), "{:?}", drafts.losses);
    assert_eq!(account(&records, "1").login.as_deref(), Some("ada"));
    assert_eq!(account(&records, "1").title.as_deref(), Some("ships"));
    assert_eq!((&account(&records, "2").login, &account(&records, "3").login), (&None, &None));
    for (pattern, why) in [
        ("regex_group('(')", "unclosed group"),
        ("regex_group('a+')", "no group"),
        ("regex_group('(a)(?=b)')", "look-around"),
        ("regex_group(item.pattern)", "without a pattern"),
    ] {
        let told = problems(&users(&format!("login = '''\nitem.dn | {pattern}'''")));
        assert!(told.contains(why), "{pattern}: {told}");
    }
}

#[test]
fn what_cannot_be_read_by_its_changes_is_refused() {
    let users = |delta: &str, more: &str| {
        with(&USERS.replace("page  = \"link\"", &format!("page = \"link\"\n{more}\ndelta = {{ {delta} }}")))
    };
    let timed = r#"key = "id", into = "query.since", value = "${since}", overlap_s = 300"#;
    let linked = r#"key = "id", link = "next", removed = "item.gone", sees_deletes = true"#;
    assert_eq!(problems(&users(timed, "")), "");
    assert_eq!(problems(&users(linked, "")), "");
    let keyless = timed.replace("key = \"id\", ", "");
    let hasty = timed.replace(", overlap_s = 300", "");
    let same = timed.replace("${since}", "yesterday");
    let both = format!("{timed}, link = \"next\"");
    let blind = linked.replace("removed = \"item.gone\", ", "");
    let daily = format!("{timed}, full_every = \"daily\"");
    for (delta, more, why) in [
        (keyless.as_str(), "", "missing field `key`"),
        (&hasty, "", "has no overlap"),
        (&same, "", "does not name `since`"),
        (&both, "", "does not say what it asks for"),
        ("key = \"id\"", "", "does not say what it asks for"),
        (&blind, "", "sees deletions and not how"),
        (&daily, "", "`daily` is no span of time"),
        (timed, "over = { state = [\"on\", \"off\"] }", "read in parts"),
    ] {
        let told = problems(&users(delta, more));
        assert!(told.contains(why), "{delta}: {told}");
    }
    let told = problems(&format!(
        "{}[[stream.users.emit]]\nas = \"account\"\nenriches = true\nid = \"id | str\"\n",
        users(timed, "")
    ));
    assert!(told.contains("read and forgotten"), "{told}");
    let cursor = r#"page = { kind = "cursor", from = "c", into = "query.c" }"#;
    let told = problems(&users(linked, "").replace("page = \"link\"", cursor));
    assert!(told.contains("goes on from an address"), "{told}");
}

#[test]
fn a_list_may_be_empty_for_a_reason_and_beside_the_accounts() {
    let guests = |as_kind: &str, why: &str, more: &str| {
        let stream = format!(
            "[stream.guests]\nget = \"/guests\"\nitems = \".\"\npage = \"link\"\nmay_be_empty = \"{why}\"\n[[stream.guests.emit]]\nas = \"{as_kind}\"\nid = \"id | str\"\n{more}"
        );
        with(&format!("{USERS}{stream}"))
    };
    assert_eq!(problems(&guests("account", "nobody may be a guest", "")), "");
    let alone = with(&USERS.replace("page  = \"link\"\n", "page  = \"link\"\nmay_be_empty = \"why not\"\n"));
    for (text, why) in [
        (guests("account", " ", ""), "no reason is given"),
        (guests("person", "nobody may work here", ""), "where nobody works"),
        (
            guests("account", "nobody may be a guest", "enriches = true\nlogin = \"item.login\"\n"),
            "no records of its own",
        ),
        (alone, "no other stream yields the accounts"),
    ] {
        let told = problems(&text);
        assert!(told.contains(why), "{why}: {told}");
    }
}
