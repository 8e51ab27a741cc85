//! What a case says, and what is said about one that makes no sense.

use super::*;

const GOOD: &str = r#"{"id":"a","identityPolicies":[{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}],"boundaries":null,"request":{"principal":"arn:aws:iam::111122223333:user/bob","action":"s3:GetObject","resource":"arn:aws:s3:::b/k","context":{"aws:SecureTransport":true}},"expected":"Allowed"}"#;

#[test]
fn a_case_agrees_or_shows_the_statement_that_decided() {
    let case = Case::read(GOOD).unwrap();
    assert_eq!((case.notes.len(), case.disagreement(&case.evaluate())), (0, String::new()));
    assert_eq!(case.request.context["aws:securetransport"], ["true"]);
    let wrong = Case::read(&GOOD.replace("\"Allowed\"", "\"ExplicitlyDenied\"")).unwrap();
    let told = wrong.disagreement(&wrong.evaluate());
    assert!(told.starts_with("expected ExplicitlyDenied, the policies say Allowed\n"), "{told}");
    assert!(
        told.contains("allowed by identity policies: identity policy 1, statement 0 `Read`, bytes 37..102: {\"Sid\":"),
        "{told}"
    );
}

#[test]
fn what_makes_no_sense_is_said_with_its_place_and_the_fix() {
    for (from, to, told, at) in [
        ("\"id\":\"a\",", "", "`id` is missing", "{"),
        ("\"Allowed\"", "\"Yes\"", "write one of Allowed", "\"Yes\""),
        ("\"principal\":\"arn:aws:iam::111122223333:user/bob\"", "\"principal\":\"bob\"", "no ARN", "\"bob\""),
        ("s3:GetObject", "s3:*", "is no action", "\"s3:*\""),
        ("{\"aws:SecureTransport\":true}", "{\"a:b\":null}", "leave the key out", "null"),
        ("{\"aws:SecureTransport\":true}", "{\"a:b\":\"1\",\"A:B\":\"2\"}", "knows no case", "\"A:B\""),
        ("\"boundaries\":null", "\"scps\":{}", "a list of levels", "{}"),
        ("\"boundaries\":null", "\"scps\":[{\"level\":\"o\"}]", "no `policies`", "{\"level\""),
        ("\"boundaries\":null", "\"mode\":\"lax\"", "`strict` or `open`", "\"lax\""),
        ("\"boundaries\":null", "\"boundaries\":[5]", "a policy document", "5"),
        ("\"request\":", "\"question\":", "no `request`", "{"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let faults = Case::read(&text).unwrap_err();
        let fault =
            faults.iter().find(|fault| fault.what.contains(told)).unwrap_or_else(|| panic!("{text}: {faults:?}"));
        assert!(text[fault.span.clone()].starts_with(at), "{}: {}", fault.what, &text[fault.span.clone()]);
    }
    assert!(Case::read("{").unwrap_err()[0].what.starts_with("no JSON"));
}

#[test]
fn keys_that_nobody_reads_and_odd_policies_are_noted() {
    let text = GOOD.replacen("\"id\"", "\"ticket\":5,\"id\"", 1).replacen("\"Effect\"", "\"effect\"", 1);
    let notes = Case::read(&text).unwrap().notes;
    assert!(
        notes[0].what.contains("nobody reads: ticket") && &text[notes[0].span.clone()] == "\"ticket\"",
        "{notes:?}"
    );
    assert!(notes[1].what.contains("written `Effect`") && &text[notes[1].span.clone()] == "\"effect\"", "{notes:?}");
}

#[test]
fn principals_of_every_kind_are_read() {
    for (written, principal) in [
        (r#"{"type":"Anonymous"}"#, "Anonymous"),
        (r#""ec2.amazonaws.com""#, "Service"),
        (r#""arn:aws:iam::111122223333:saml-provider/x""#, "Federated"),
        (r#""arn:aws:iam::111122223333:root""#, "Root"),
        (r#""arn:aws:sts::111122223333:assumed-role/r/s""#, "Session"),
        (r#"{"type":"Session","role":"arn:aws:iam::111122223333:role/r"}"#, "Session"),
        (
            r#"{"type":"FederatedUser","arn":"arn:aws:sts::111122223333:federated-user/f","user":"arn:aws:iam::111122223333:user/bob"}"#,
            "FederatedUser",
        ),
    ] {
        let text = GOOD.replacen("\"arn:aws:iam::111122223333:user/bob\"", written, 1);
        let case = Case::read(&text).unwrap();
        assert!(format!("{:?}", case.request.principal).starts_with(principal), "{written}");
    }
}
