//! Which of the services that not every region has are offered in which region, as AWS publishes it: public parameters below
//! [`TREE`] (Systems Manager User Guide, "Calling public parameters for AWS services, Regions, endpoints…").
//!
//! Without them a host that does not exist cannot be told from a network that is broken.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::resource_policies::{parsed, text};
use super::super::session::{ApiError, Session};
use super::super::signed::{Request, Service};

/// Permission of the call.
pub(super) const READ: &str = "ssm:GetParameters";
const TREE: &str = "/aws/service/global-infrastructure/regions";
/// Names in one call (API reference of GetParameters).
const NAMES: usize = 10;

/// The services, by their name in the tree.
pub(super) const SERVICES: [&str; 2] = ["apprunner", "bedrock-agentcore"];

/// The regions that answer for the tree, as the page lists them.
const ANSWERING: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ap-east-1",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "sa-east-1",
];

/// What is published.
#[derive(Debug)]
pub(super) enum Offered {
    /// Nothing, outside the partition `aws`: for it alone the parameters are documented.
    Unpublished,
    /// Of each region whether each of [`SERVICES`] is offered there. A region that is not in it is not in the tree.
    In(BTreeMap<String, [bool; 2]>),
}

/// A region that is not in the tree is not one that has neither.
pub(super) fn unknown(region: &str) -> ApiError {
    ApiError::bad_answer(READ, format!("AWS publishes no region `{region}`"))
}

/// What is published of `regions`.
pub(super) async fn read(session: &Session, client: &reqwest::Client, regions: &[String]) -> Result<Offered, ApiError> {
    if session.caller.partition != "aws" {
        return Ok(Offered::Unpublished);
    }
    // A region that the account uses anyway: service control policies often deny the others.
    let home = regions.iter().map(String::as_str).find(|region| ANSWERING.contains(region)).unwrap_or("us-east-1");
    let service = Service::new(session, client, "ssm", home, READ).await?;
    let mut offered = BTreeMap::new();
    for regions in regions.chunks(NAMES / (SERVICES.len() + 1)) {
        let mut names = Vec::new();
        for region in regions {
            names.push(format!("{TREE}/{region}"));
            names.extend(SERVICES.map(|service| format!("{TREE}/{region}/services/{service}")));
        }
        let request = Request::json(READ, "1.1", "AmazonSSM.GetParameters", &json!({ "Names": names }));
        let answer = parsed(READ, &service.send(&request).await?)?;
        let known = answer.get("Parameters").and_then(Value::as_array).into_iter().flatten();
        let known: Vec<String> = known.filter_map(|parameter| text(parameter, "/Name")).collect();
        for region in regions.iter().filter(|region| known.contains(&format!("{TREE}/{region}"))) {
            let has = |service: &str| known.contains(&format!("{TREE}/{region}/services/{service}"));
            offered.insert(region.clone(), SERVICES.map(has));
        }
    }
    Ok(Offered::In(offered))
}
