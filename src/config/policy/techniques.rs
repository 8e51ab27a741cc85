//! `techniques.toml`: ways to privilege on AWS that a team knows of beside the published ones. The same form as the built-in list.

use std::sync::Arc;

use muster_effective::aws::escalation::Techniques;
use serde_json::{Value as Json, json};

use crate::diagnostic::{Diagnostic, Place, SourceText};

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    let text = |what: &str| json!({ "type": "string", "description": what });
    let one_of = |names: &[&str], what: &str| json!({ "enum": names, "description": what });
    let permission = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["action", "on"],
        "properties": {
            "action": text("As `iam:PassRole`; without wildcards."),
            "on": {
                "description": "What it is needed on: a word, or the pattern of the ARN of something new.",
                "anyOf": [
                    { "enum": ["*", "self", "target", "policy", "group", "provider", "resource"] },
                    { "type": "string", "pattern": "^arn:\\{partition\\}:" },
                ],
            },
            "passed-to": text("Of `iam:PassRole`: what `iam:PassedToService` will be."),
            "associated": text("Of `iam:PassRole`: the pattern of what `iam:AssociatedResourceArn` will be."),
            "not-denied": { "type": "boolean", "description": "The technique itself grants it: only a denial or an organisation's policy can stand in the way." },
        },
    });
    let resource = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "arn"],
        "properties": {
            "kind": text("As `aws:lambda-function`."),
            "arn": text("The pattern of its ARN, with `{partition}` and `{account}`."),
            "runs": one_of(&["target", "anything"], "As whom it runs; `target` where it is left out."),
        },
        "description": "An existing resource.",
    });
    let when = json!({
        "type": "object",
        "additionalProperties": false,
        "description": "What must be there.",
        "properties": {
            "trusts": { "type": "array", "items": { "type": "string" }, "description": "Services, any of which may assume the target." },
            "instance-profile": { "type": "boolean", "description": "An instance profile holds the target." },
            "resource": resource,
            "policy": one_of(&["of-self", "of-target", "denying-self"], "A managed policy that can be written."),
            "group": one_of(&["of-self", "denying-self"], "A group of the actor."),
            "boundary": { "type": "boolean", "description": "The actor has a boundary." },
            "keys-below": { "type": "integer", "minimum": 0, "description": "The target user has fewer access keys, where that is known." },
            "keys-from": { "type": "integer", "minimum": 0, "description": "The target user has at least so many access keys, where that is known." },
            "console": { "type": "boolean", "description": "Whether the target user has a password, where that is known." },
            "provider": one_of(&["saml"], "The target trusts an identity provider of this kind."),
            "management": { "type": "boolean", "description": "The actor's account manages its organisation." },
        },
    });
    let technique = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id", "name", "takes", "requires", "yields", "references"],
        "properties": {
            "id": { "type": "string", "pattern": "^[a-z0-9-]+$", "description": "Stable; none of the built-in ones." },
            "name": text("What one does, as a sentence without a full stop."),
            "actor": one_of(&["user", "role"], "Who can do it; both where it is left out."),
            "takes": one_of(&["self", "user", "role", "group", "new"], "Whom it varies over."),
            "requires": { "type": "array", "minItems": 1, "items": permission, "description": "Everything that must be allowed." },
            "when": when,
            "yields": one_of(
                &["target", "administrator", "membership", "version", "unbound", "undenied"],
                "What one has afterwards.",
            ),
            "references": { "type": "array", "items": { "type": "string" }, "description": "Where it is described: addresses, or NAME:REST of `[sources]`." },
        },
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "policy/techniques.toml",
        "description": "Ways to privilege on AWS that a team knows of beside the published ones.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "version": text("The day on which the list was last looked through."),
            "sources": { "type": "object", "additionalProperties": { "type": "string" }, "description": "Names for starts of addresses." },
            "without": { "type": "array", "items": { "type": "string" }, "description": "Kinds of resources that the company has none of, as `aws:apprunner-service`: ways by these are no ways." },
            "technique": { "type": "array", "items": technique },
        },
    })
}

/// The built-in techniques with those of a file.
pub(super) fn read(file: &Arc<SourceText>, problems: &mut Vec<Diagnostic>) -> Option<Arc<Techniques>> {
    let built_in = Techniques::builtin().expect("the list in the binary is read by a test of its crate");
    match built_in.with_file(&file.path, &file.text) {
        Ok(all) => Some(Arc::new(all)),
        Err(error) => {
            problems.push(
                Diagnostic::error("CFG010", error.what())
                    .place(Place::new(file, error.at()))
                    .fix("`docs/formats/techniques.md` has the form of the file"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "[[technique]]\nid = \"acme-deploy\"\nname = \"Have the deployer run as a role\"\ntakes = \"role\"\n\
        requires = [{ action = \"ecs:RunTask\", on = \"*\" }]\nyields = \"target\"\nreferences = [\"https://example.com/why\"]\n";

    fn read_text(text: &str) -> (Option<Arc<Techniques>>, Vec<Diagnostic>) {
        let file = Arc::new(SourceText { path: "policy/techniques.toml".to_owned(), text: text.to_owned() });
        let mut problems = Vec::new();
        (read(&file, &mut problems), problems)
    }

    #[test]
    fn a_teams_own_technique_stands_beside_the_built_in_ones() {
        let (all, problems) = read_text(OWN);
        assert_eq!(problems, []);
        let (all, built_in) = (all.unwrap(), Techniques::builtin().unwrap());
        assert_eq!(all.list().len(), built_in.list().len() + 1);
        assert_eq!(all.origins().last(), Some(&("policy/techniques.toml", 1)));
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        let taken = OWN.replace("acme-deploy", Techniques::builtin().unwrap().list()[0].id.as_str());
        let wrong = [
            (OWN.replace("takes", "takse"), "unknown field"),
            (OWN.replace("\"target\"", "\"membership\""), "does not fit"),
            (format!("{OWN}{OWN}"), "is there already"),
            (taken, "is there already"),
            ("[[technique]\n".to_owned(), ""),
            ("without = [\"aws:apprunner-servce\"]\n".to_owned(), "no technique needs"),
        ];
        for (text, what) in wrong {
            let (all, problems) = read_text(&text);
            assert!(all.is_none());
            assert_eq!((problems.len(), problems[0].code.as_str()), (1, "CFG010"), "{text}");
            assert!(problems[0].what.contains(what), "{}", problems[0].what);
            assert!(problems[0].place.is_some());
        }
    }

    #[test]
    fn the_schema_takes_the_built_in_list_and_refuses_what_the_reader_refuses() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let json = |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
        let built_in = include_str!("../../../effective/src/aws/techniques.toml");
        let wrong: Vec<String> = validator.iter_errors(&json(built_in)).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new());
        assert!(validator.is_valid(&json(OWN)));
        for text in
            [OWN.replace("takes", "takse"), OWN.replace("\"role\"", "\"rolle\""), OWN.replace("\"*\"", "\"any\"")]
        {
            assert!(!validator.is_valid(&json(&text)), "{text}");
        }
    }
}
