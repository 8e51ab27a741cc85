//! What a request to AWS goes through beside the policies that always count: a session's own policy, and a VPC endpoint.

use std::path::PathBuf;

use clap::Args;
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::request::Attached;

use super::outcome::Failure;
use super::policy::what_if::document;
use crate::access::aws::Place;
use crate::access::aws::question::Through;
use crate::diagnostic::{Diagnostic, similar};

/// Flags of the questions about requests.
#[derive(Debug, Clone, Default, Args)]
pub struct GoesThrough {
    /// Ask as if everybody acted in a session that was made with the policy of this file
    #[arg(long, value_name = "FILE")]
    pub session_policy: Option<PathBuf>,
    /// Ask as if requests went through this VPC endpoint: its id or ARN
    #[arg(long, value_name = "ID")]
    pub endpoint: Option<String>,
}

impl GoesThrough {
    /// Reads the file and looks for the endpoint in the system.
    ///
    /// # Errors
    /// [`Failure`] when the file is no policy, there is no such endpoint, its policy was not read, or it leads to another service than the
    /// action's.
    pub(in crate::cli) fn read(&self, place: &Place, action: &str) -> Result<Through, Failure> {
        let mut through = Through::default();
        if let Some(file) = &self.session_policy {
            let name = format!("session policy {}", file.display()).into();
            through.session = Some(Attached { name, version: None, document: document(file)? });
        }
        let Some(wanted) = &self.endpoint else { return Ok(through) };
        let estate = place.compiled.estate();
        let id = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let Some(endpoint) = estate.endpoints.iter().find(|one| *one.arn == **wanted || id(&one.arn) == *wanted) else {
            let ids: Vec<String> = estate.endpoints.iter().map(|one| id(&one.arn)).collect();
            let near = similar(wanted, ids.iter().map(String::as_str));
            return Err(Diagnostic::error("CLI001", format!("no VPC endpoint `{wanted}` was read"))
                .cause(format!("the snapshot has {} of them", ids.len()))
                .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
                .into());
        };
        let fact = |name: &str| endpoint.facts.get(name).map(|value| &**value);
        let service = action.split(':').next().unwrap_or_default();
        // com.amazonaws.eu-central-1.s3
        let leads_to = fact("service").and_then(|name| name.split('.').nth(3));
        let reference = place.compiled.reference();
        if let Some(other) = leads_to.filter(|other| *other != service && reference.service(other).is_some()) {
            return Err(Diagnostic::error("CLI001", format!("`{wanted}` leads to `{other}`, and `{action}` does not"))
                .fix(format!("name an endpoint of `{service}`, or leave --endpoint out"))
                .into());
        }
        let Some(policy) = endpoint.policy else {
            return Err(Diagnostic::error("CLI001", format!("the policy of `{wanted}` was not read"))
                .fix("grant `ec2:DescribeVpcEndpoints` and collect again")
                .into());
        };
        through.endpoint = Some(estate.policies[policy as usize].clone());
        through.given.push(("aws:sourcevpce".to_owned(), id(&endpoint.arn)));
        through.given.extend(fact("vpc").map(|vpc| ("aws:sourcevpc".to_owned(), vpc.to_owned())));
        Ok(through)
    }
}
