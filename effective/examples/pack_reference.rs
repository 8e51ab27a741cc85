//! Packs the AWS reference data from the files of its publishers: `cargo run -p muster-effective --example pack_reference -- FOLDER`.
//!
//! FOLDER holds `aws-actions.jsonl.gz`, `aws-resource-types.jsonl.gz`, `aws-condition-keys.jsonl.gz`, `aws-services.json`,
//! `aws-permission-tags.json`, `aws-managed-policies.jsonl.gz` and `about.json` (the `about` lines of the result); `effective/data/README.md`
//! says where each comes from. Out come the two packed files beside that page, sorted, so that equal input gives equal bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).ok_or("say the folder that the publishers' files are in")?;
    let folder = Path::new(&folder);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    write(&data.join("aws-reference.jsonl.gz"), &reference(folder)?)?;
    write(&data.join("aws-managed-policies.jsonl.gz"), &managed(folder)?)
}

fn reference(folder: &Path) -> Outcome<Vec<Value>> {
    let mut packed = about(folder, |of| of != "policies")?;
    let services = json_of(&folder.join("aws-services.json"))?;
    let rcp: BTreeSet<&str> = texts(&services["rcpSupportedServices"]).collect();
    for (service, name) in services["serviceNames"].as_object().ok_or("no `serviceNames`")? {
        packed.push(json!({"service": service, "name": name, "rcp": rcp.contains(service.as_str())}));
    }
    for row in lines(&folder.join("aws-resource-types.jsonl.gz"))? {
        let name = format!("{}:{}", text(&row["service"]), text(&row["type"]));
        packed.push(json!({"resource": name, "arn": row["arn"]}));
    }
    let mut keys = BTreeMap::new();
    for row in lines(&folder.join("aws-condition-keys.jsonl.gz"))? {
        keys.entry(text(&row["key"]).to_owned()).or_insert(row["type"].clone());
    }
    packed.extend(keys.into_iter().map(|(key, of)| json!({"key": key, "type": of})));
    let tags = json_of(&folder.join("aws-permission-tags.json"))?;
    let mut risks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (risk, actions) in tags["iam"].as_object().ok_or("no `iam`")? {
        for action in texts(actions) {
            risks.entry(action).or_default().push(risk);
        }
    }
    let mut actions = BTreeMap::new();
    for row in lines(&folder.join("aws-actions.jsonl.gz"))? {
        let name = text(&row["action"]);
        let mut keys: BTreeSet<&str> = texts(&row["conditionKeys"]).collect();
        let (mut required, mut optional) = (BTreeSet::new(), BTreeSet::new());
        for resource in row["resources"].as_array().ok_or("no `resources`")? {
            keys.extend(texts(&resource["conditionKeys"]));
            let of = if resource["required"] == true { &mut required } else { &mut optional };
            of.insert(text(&resource["name"]));
        }
        let mut line = json!({"action": name, "level": row["level"]});
        for (field, values) in [("required", required), ("resources", optional), ("keys", keys)] {
            if !values.is_empty() {
                line[field] = json!(values);
            }
        }
        if let Some(risks) = risks.get(name) {
            line["risk"] = json!(risks);
        }
        actions.insert(name.to_lowercase(), line);
    }
    packed.extend(actions.into_values());
    Ok(packed)
}

fn managed(folder: &Path) -> Outcome<Vec<Value>> {
    let mut packed = about(folder, |of| of == "policies")?;
    let mut policies = BTreeMap::new();
    for row in lines(&folder.join("aws-managed-policies.jsonl.gz"))? {
        let arn = text(&row["arn"]).to_owned();
        let document = serde_json::to_string(&row["document"])?;
        let line = json!({"policy": arn, "version": row["version"], "updated": row["updated"], "document": document});
        policies.insert(arn, line);
    }
    packed.extend(policies.into_values());
    Ok(packed)
}

fn about(folder: &Path, keep: impl Fn(&str) -> bool) -> Outcome<Vec<Value>> {
    let all = json_of(&folder.join("about.json"))?;
    Ok(all
        .as_array()
        .ok_or("`about.json` is a list")?
        .iter()
        .filter(|line| keep(text(&line["about"])))
        .cloned()
        .collect())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn json_of(path: &Path) -> Outcome<Value> {
    Ok(serde_json::from_slice(&fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?)?)
}

fn lines(path: &Path) -> Outcome<Vec<Value>> {
    let mut all = String::new();
    let file = fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    GzDecoder::new(file).read_to_string(&mut all)?;
    all.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn write(path: &Path, rows: &[Value]) -> Outcome<()> {
    let mut out = GzEncoder::new(fs::File::create(path)?, Compression::best());
    for row in rows {
        writeln!(out, "{row}")?;
    }
    out.finish()?;
    Ok(())
}
