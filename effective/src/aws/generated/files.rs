//! Generated accounts as files that the `aws` connector reads.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::document::{FULL_ACCESS, FULL_RESOURCE_ACCESS, PERIMETER_RCP, REGION_SCP, ROOT_SCP};
use super::{Generator, Sizes};

const CONFIG: &str = r#"# Written by `make_estate aws`.

[muster]
timezone = "UTC"
now      = "2026-11-02T06:00:00Z"

[[system]]
name      = "aws"
connector = "aws"
folder    = "aws"
collected = "2026-11-02T04:20:00Z"
"#;

impl Generator<'_> {
    /// Writes accounts below `folder`: `aws/<number>/authorization-details.json` each, `aws/organization.json` where there are several, and a
    /// `muster.toml` that reads them. Policies of buckets are in no file that the AWS CLI prints of an account, and left out.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn write(&self, folder: &Path, accounts: u32, sizes: Sizes) -> io::Result<()> {
        let aws = folder.join("aws");
        let mut numbers = Vec::new();
        for place in 0..accounts {
            let account = self.account(place, sizes);
            put(&aws.join(&account.number).join("authorization-details.json"), &account.details)?;
            numbers.push(account.number);
        }
        if accounts > 1 {
            put(&aws.join("organization.json"), &organization(&numbers))?;
        }
        fs::write(folder.join("muster.toml"), CONFIG)
    }
}

fn put(path: &Path, value: &Value) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = BufWriter::new(fs::File::create(path)?);
    serde_json::to_writer(&mut out, value)?;
    out.flush()
}

/// The same tree as [`super::bind`] gives an estate.
fn organization(numbers: &[String]) -> Value {
    let units: Vec<String> = (0..10).map(|unit| super::unit(unit).to_string()).collect();
    let mut everywhere: Vec<&str> = vec!["r-gene"];
    everywhere.extend(units.iter().chain(numbers).map(String::as_str));
    let bound: Vec<&str> = units.iter().step_by(2).map(String::as_str).collect();
    let policy = |id: &str, arn: String, of: &str, text: &str, targets: &[&str]| {
        let targets: Vec<Value> = targets.iter().map(|target| json!({"TargetId": target})).collect();
        json!({"PolicySummary": {"Id": id, "Arn": arn, "Name": id, "Type": of}, "Content": text, "Targets": targets})
    };
    let (scp, rcp) = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY");
    let own = |of: &str, id: &str| format!("arn:aws:organizations::999999999999:policy/o-generated/{of}/{id}");
    json!({
        "Organization": {"Id": "o-generated", "Arn": "arn:aws:organizations::999999999999:organization/o-generated", "FeatureSet": "ALL",
            "MasterAccountId": numbers.first()},
        "Accounts": numbers.iter().map(|number| json!({"Id": number, "Arn": format!("arn:aws:organizations::999999999999:account/o-generated/{number}"),
            "Name": format!("account-{number}"), "State": "ACTIVE"})).collect::<Vec<_>>(),
        "Roots": [{"Id": "r-gene", "Arn": "arn:aws:organizations::999999999999:root/o-generated/r-gene", "Name": "Root"}],
        "OrganizationalUnits": units.iter().map(|id| json!({"Id": id, "Name": id, "ParentId": "r-gene"})).collect::<Vec<_>>(),
        "AccountParents": (0_usize..).zip(numbers).map(|(place, number)| (number.clone(), json!(super::unit(place).to_string())))
            .collect::<serde_json::Map<_, _>>(),
        "Policies": [
            policy("p-FullAWSAccess", "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess".to_owned(), scp, FULL_ACCESS, &everywhere),
            policy("p-root", own("service_control_policy", "p-root"), scp, ROOT_SCP, &["r-gene"]),
            policy("p-regions", own("service_control_policy", "p-regions"), scp, REGION_SCP, &bound),
            policy("p-RCPFullAWSAccess", "arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess".to_owned(), rcp,
                FULL_RESOURCE_ACCESS, &everywhere),
            policy("p-perimeter", own("resource_control_policy", "p-perimeter"), rcp, PERIMETER_RCP, &["r-gene"]),
        ],
    })
}
