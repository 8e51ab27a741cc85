//! What each principal may use and when it last did: IAM's *service last accessed* data, down to actions where IAM tracks them.
//!
//! AWS makes a report for one principal at a time: the job is started, looked at until it ends, and read page by page. Source: IAM
//! API Reference, "GenerateServiceLastAccessedDetails" and "GetServiceLastAccessedDetails"; IAM User Guide, "Refine permissions in
//! AWS using last accessed information": the trailing 400 days, attempts count, denied ones as well, and a use appears
//! within four hours.

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{AccessAdvisorUsageGranularityType, JobStatusType, ServiceLastAccessed};
use futures::StreamExt;

use super::details::{Accessed, ActionUse, Details, ServiceUse};
use super::outcome::Stopped;
use super::session::{ApiError, ErrorKind, Pages, Session, instant};

const GENERATE: &str = "iam:GenerateServiceLastAccessedDetails";
const GET: &str = "iam:GetServiceLastAccessedDetails";
/// Services a page may hold; the API's limit is 1000.
const PAGE: i32 = 1000;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Looks at an unfinished job before giving up: about two minutes.
const LOOKS: u32 = 30;

/// Reads it of every user and role, some at a time, in their order. The second value says why it is not known of some.
pub(super) async fn read(
    session: &Session,
    client: &Client,
    details: &Details,
) -> Result<(Vec<Accessed>, Option<String>), Stopped> {
    let users = details.user_detail_list.iter().map(|user| user.arn.as_str());
    let arns = users.chain(details.role_detail_list.iter().map(|role| role.arn.as_str()));
    let reading: Vec<_> = arns.map(|arn| principal(session, client, arn)).collect();
    let mut answers = futures::stream::iter(reading).buffered(session.limits.concurrency);
    let (mut read, mut unread) = (Vec::new(), None);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(found) => read.extend(found),
            Err(error) if error.kind == ErrorKind::Stopped => return Err(Stopped),
            Err(error) => {
                // Without the permission for one principal there is none for the next.
                let is_last = matches!(error.kind, ErrorKind::Denied | ErrorKind::Credential | ErrorKind::Throttled);
                unread.get_or_insert_with(|| error.to_string());
                if is_last {
                    break;
                }
            }
        }
    }
    Ok((read, unread))
}

/// `None` when the principal was deleted since it was listed.
async fn principal(session: &Session, client: &Client, arn: &str) -> Result<Option<Accessed>, ApiError> {
    let request = client
        .generate_service_last_accessed_details()
        .arn(arn)
        .granularity(AccessAdvisorUsageGranularityType::ActionLevel);
    let job = match session.call(GENERATE, request.send()).await {
        Ok(answer) => answer.job_id.ok_or_else(|| ApiError::bad_answer(GENERATE, "the answer has no JobId"))?,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut all = Vec::new();
    let mut pages = Pages::of(GET);
    let mut marker: Option<String> = None;
    let (mut looks, mut wait) = (0, FIRST_WAIT);
    loop {
        let request = client.get_service_last_accessed_details().job_id(&job).max_items(PAGE);
        let page = session.call(GET, request.set_marker(marker.clone()).send()).await?;
        match page.job_status {
            JobStatusType::Completed => {}
            JobStatusType::InProgress => {
                looks += 1;
                if looks == LOOKS {
                    return Err(ApiError::bad_answer(
                        GET,
                        format!("the report of `{arn}` was not ready in two minutes"),
                    ));
                }
                session.limits.pause(GET, wait).await?;
                wait = (wait * 2).min(LONGEST_WAIT);
                continue;
            }
            other => {
                let why = page.error.map_or_else(|| other.as_str().to_owned(), |error| error.message);
                return Err(ApiError::bad_answer(GET, format!("the report of `{arn}` failed: {why}")));
            }
        }
        all.extend(page.services_last_accessed.into_iter().map(service));
        match pages.next(page.is_truncated, page.marker)? {
            Some(next) => marker = Some(next),
            None => return Ok(Some(Accessed { arn: arn.to_owned(), services_last_accessed: all })),
        }
    }
}

fn service(service: ServiceLastAccessed) -> ServiceUse {
    let actions = service.tracked_actions_last_accessed.unwrap_or_default().into_iter();
    ServiceUse {
        last_authenticated: service.last_authenticated.as_ref().and_then(instant),
        service_namespace: service.service_namespace,
        tracked_actions_last_accessed: actions
            .filter_map(|action| {
                let last_accessed_time = action.last_accessed_time.as_ref().and_then(instant);
                Some(ActionUse { action_name: action.action_name?, last_accessed_time })
            })
            .collect(),
    }
}
