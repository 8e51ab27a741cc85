//! Connections to AWS: who we are, roles in other accounts, and one way to make a call and to read its failure.
//!
//! Every call waits for one of the run's permits, ends when the run is cancelled, and fails with an [`ApiError`] that knows
//! which permission it was and what to do. Retries are the SDK's own (standard mode: jitter, `Retry-After`, a budget).

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Live;
use crate::scope::Gap;
use crate::secret::Secret;
use crate::{ConnectorError, Run};

/// Name of our sessions in the account's own audit log.
pub(super) const SESSION_NAME: &str = "muster";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);

/// What all calls of one run share.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    permits: Arc<Semaphore>,
    pub(super) cancel: CancellationToken,
    /// Calls under way at once.
    pub(super) concurrency: usize,
    /// Tries of one call.
    pub(super) attempts: u32,
    /// When all calls end, and how long after the first that is.
    until: Option<(Instant, Duration)>,
}

impl Limits {
    pub(super) fn new(run: &Run, attempts: u32) -> Self {
        let concurrency = run.concurrency.max(1);
        let permits = Arc::new(Semaphore::new(concurrency));
        Self { permits, cancel: run.cancel.clone(), concurrency, attempts, until: None }
    }

    /// Waits for nothing after `time` from now: a call without an answer by then has none.
    pub(super) fn within(self, time: Duration) -> Self {
        Self { until: Some((Instant::now() + time, time)), ..self }
    }

    /// Runs `work` under a permit, until the run is cancelled or its time is up.
    pub(super) async fn run<T>(&self, call: &'static str, work: impl Future<Output = T>) -> Result<T, ApiError> {
        let permitted = async {
            let _permit = self.permits.acquire().await;
            work.await
        };
        self.unless_ended(call, permitted).await
    }

    /// Sleeps, until the run is cancelled or its time is up.
    pub(super) async fn pause(&self, call: &'static str, time: Duration) -> Result<(), ApiError> {
        self.unless_ended(call, tokio::time::sleep(time)).await
    }

    async fn unless_ended<T>(&self, call: &'static str, work: impl Future<Output = T>) -> Result<T, ApiError> {
        tokio::select! {
            biased;
            error = self.ended(call) => Err(error),
            answer = work => Ok(answer),
        }
    }

    /// Why a call is given up, once it has to be.
    async fn ended(&self, call: &'static str) -> ApiError {
        let late = async {
            match self.until {
                Some((at, time)) => {
                    tokio::time::sleep_until(at).await;
                    time
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => ApiError::stopped(call),
            time = late => ApiError::unreachable(call, format!("no answer within {} s of the first question", time.as_secs())),
        }
    }
}

/// Who a credential is.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) arn: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(super) partition: String,
}

/// Credentials for one account.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) config: SdkConfig,
    pub(super) caller: Caller,
    pub(super) limits: Limits,
    /// Override of every endpoint, from the settings or the SDK's own environment.
    pub(super) endpoint: Option<String>,
}

/// Why there is no session in an account.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) gap: Gap,
    /// Whether that is an answer: there is no role, or it is refused.
    pub(super) is_refused: bool,
}

impl Session {
    /// Connects with the configured credentials and asks who they are.
    pub(super) async fn connect(live: &Live, secret: Option<&Secret>, limits: Limits) -> Result<Self, ConnectorError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(live.regions[0].clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(limits.attempts))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            );
        if let Ok(name) = AppName::new("muster") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &live.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = &live.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let (Some(key), Some(secret)) = (&live.access_key_id, secret) {
            loader = loader.credentials_provider(Credentials::new(key, secret.expose(), None, None, "muster.toml"));
        }
        let connect = "sts:GetCallerIdentity";
        let failed = |error: ApiError| error.for_connector("cannot tell who the credential is; nothing was read");
        let config = limits.run(connect, Box::pin(loader.load())).await.map_err(failed)?;
        let sts = aws_sdk_sts::Client::new(&config);
        let answer = call(&limits, connect, sts.get_caller_identity().send()).await.map_err(failed)?;
        let (Some(account), Some(arn)) = (answer.account, answer.arn) else {
            return Err(failed(ApiError::bad_answer(connect, "the answer lacks account or ARN")));
        };
        let partition = arn.split(':').nth(1).unwrap_or("aws").to_owned();
        let endpoint = config.endpoint_url().map(str::to_owned);
        Ok(Self { config, caller: Caller { account, arn, partition }, limits, endpoint })
    }

    /// A session in `account`, by the role that the settings name. The caller's own account needs none.
    pub(super) async fn for_account(&self, live: &Live, account: &str) -> Result<Self, Closed> {
        if account == self.caller.account {
            return Ok(self.clone());
        }
        let Some(role) = &live.role else {
            let gap = Gap::new("AWS010", format!("account {account} was not read: no role to assume in it"))
                .cause(format!("the credential `{}` belongs to account {}", self.caller.arn, self.caller.account))
                .fix("set `role` to the name of a role that exists in every member account");
            return Err(Closed { gap, is_refused: true });
        };
        let arn = format!("arn:{}:iam::{account}:role/{role}", self.caller.partition);
        let sts = aws_sdk_sts::Client::new(&self.config);
        let request =
            sts.assume_role().role_arn(&arn).role_session_name(SESSION_NAME).set_external_id(live.external_id.clone());
        let assumed = call(&self.limits, "sts:AssumeRole", request.send()).await.map_err(|error| {
            let external = match &live.external_id {
                Some(id) => format!("with external id `{id}`"),
                None => "without an external id".to_owned(),
            };
            let gap = Gap::new("AWS010", format!("account {account} was not read: cannot assume `{arn}` {external}"))
                .cause(error.to_string());
            let is_refused = error.kind == ErrorKind::Denied;
            let gap = if is_refused {
                gap.fix(format!(
                    "create the role `{role}` in account {account}, let its trust policy name `{}`{}, and allow the caller \
                     `sts:AssumeRole` on it",
                    self.caller.arn,
                    if live.external_id.is_some() { " with this external id as `sts:ExternalId`" } else { "" }
                ))
            } else {
                gap.fix(error.fix())
            };
            Closed { gap, is_refused }
        })?;
        let mut provider = AssumeRoleProvider::builder(&arn).session_name(SESSION_NAME).configure(&self.config);
        if let Some(id) = &live.external_id {
            provider = provider.external_id(id);
        }
        let config = self
            .config
            .clone()
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider.build().await))
            .identity_cache(aws_config::identity::IdentityCache::lazy().build())
            .build();
        let caller_arn = assumed.assumed_role_user.map_or(arn, |user| user.arn);
        let caller = Caller { account: account.to_owned(), arn: caller_arn, partition: self.caller.partition.clone() };
        Ok(Self { config, caller, limits: self.limits.clone(), endpoint: self.endpoint.clone() })
    }

    /// One call. `name` is the IAM permission it needs. Boxed: a request of the SDK takes 25 kB while it waits for its turn.
    pub(super) fn call<'a, T, E, F>(&'a self, name: &'static str, request: F) -> BoxFuture<'a, Result<T, ApiError>>
    where
        F: Future<Output = Result<T, SdkError<E>>> + Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        call(&self.limits, name, request)
    }

    /// The SDK's configuration for `region`.
    pub(super) fn config_for(&self, region: &str) -> SdkConfig {
        self.config.clone().into_builder().region(Region::new(region.to_owned())).build()
    }
}

fn call<'a, T, E, F>(limits: &'a Limits, name: &'static str, request: F) -> BoxFuture<'a, Result<T, ApiError>>
where
    F: Future<Output = Result<T, SdkError<E>>> + Send + 'a,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    Box::pin(async move { limits.run(name, request).await?.map_err(|error| ApiError::from_sdk(name, &error)) })
}

/// Sorts failures by what a reader can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorKind {
    /// The run was cancelled.
    Stopped,
    /// The permission is missing.
    Denied,
    /// The credential itself is not accepted.
    Credential,
    /// Still throttled after all retries.
    Throttled,
    /// The thing asked for does not exist.
    NotFound,
    /// Any other error the service named.
    Refused,
    /// Not an answer of this API: an HTML page, a missing field, a marker that leads back.
    BadAnswer,
    /// No answer.
    Unreachable,
}

/// A call that failed after the retries it deserved.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: {message}")]
pub(super) struct ApiError {
    /// IAM permission of the call.
    pub(super) call: &'static str,
    /// What to do about it.
    pub(super) kind: ErrorKind,
    /// What was answered.
    pub(super) message: String,
}

impl ApiError {
    fn stopped(call: &'static str) -> Self {
        Self { call, kind: ErrorKind::Stopped, message: "the run was stopped".to_owned() }
    }

    pub(super) fn bad_answer(call: &'static str, message: impl Into<String>) -> Self {
        Self { call, kind: ErrorKind::BadAnswer, message: message.into() }
    }

    /// A failure that the service answered with an error code.
    pub(super) fn from_code(call: &'static str, status: u16, code: Option<&str>, message: &str) -> Self {
        let kind = match code {
            Some(
                "AccessDenied"
                | "AccessDeniedException"
                | "UnauthorizedOperation"
                | "AuthorizationError"
                | "AuthorizationErrorException"
                | "AccessDeniedForDependencyException"
                | "NotAuthorized"
                | "KMSAccessDeniedException"
                | "AWS.SimpleQueueService.AccessDenied",
            ) => ErrorKind::Denied,
            Some(
                "InvalidClientTokenId"
                | "UnrecognizedClientException"
                | "SignatureDoesNotMatch"
                | "InvalidSignatureException"
                | "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidAccessKeyId"
                | "AuthFailure"
                | "InvalidToken"
                | "IncompleteSignature"
                | "MissingAuthenticationToken"
                | "RequestExpired",
            ) => ErrorKind::Credential,
            Some(
                "Throttling"
                | "ThrottlingException"
                | "ThrottledException"
                | "RequestThrottled"
                | "RequestThrottledException"
                | "TooManyRequestsException"
                | "RequestLimitExceeded"
                | "SlowDown"
                | "LimitExceededException",
            ) => ErrorKind::Throttled,
            Some(
                "NoSuchEntity"
                | "ResourceNotFoundException"
                | "NotFoundException"
                | "NoSuchBucketPolicy"
                | "NoSuchPublicAccessBlockConfiguration"
                | "OwnershipControlsNotFoundError"
                | "NoSuchBucket"
                | "NotFound"
                | "ReportNotPresent"
                | "AWSOrganizationsNotInUseException"
                | "ClusterNotFoundException",
            ) => ErrorKind::NotFound,
            Some(_) => ErrorKind::Refused,
            None if status == 403 => ErrorKind::Denied,
            None if status == 429 => ErrorKind::Throttled,
            None => ErrorKind::BadAnswer,
        };
        let message = match code {
            Some(code) if message.is_empty() => code.to_owned(),
            Some(code) => format!("{code}: {message}"),
            None if message.is_empty() => format!("HTTP {status} without an error this API knows"),
            None => format!("HTTP {status}: {message}"),
        };
        Self { call, kind, message }
    }

    fn from_sdk<E>(call: &'static str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                let unread = || causes(context.err());
                let message = context.err().message().map_or_else(unread, str::to_owned);
                Self::from_code(call, status, context.err().code(), &message)
            }
            SdkError::ResponseError(_) if is_caused_by::<hyper::Error>(error) => {
                Self::unreachable(call, format!("the answer broke off: {}", causes(error)))
            }
            SdkError::ResponseError(context) => {
                Self::bad_answer(call, format!("HTTP {}: {}", context.raw().status().as_u16(), causes(error)))
            }
            _ if is_caused_by::<CredentialsError>(error) => Self {
                call,
                kind: ErrorKind::Credential,
                message: format!("no request could be made: {}", causes(error)),
            },
            SdkError::ConstructionFailure(_) => {
                Self { call, kind: ErrorKind::Refused, message: format!("no request could be made: {}", causes(error)) }
            }
            _ => Self::unreachable(call, causes(error)),
        }
    }

    /// No answer: the connection failed, was cut or took too long.
    pub(super) fn unreachable(call: &'static str, message: String) -> Self {
        Self { call, kind: ErrorKind::Unreachable, message }
    }

    /// What to do about it.
    pub(super) fn fix(&self) -> String {
        match self.kind {
            ErrorKind::Stopped => "run the collection again".to_owned(),
            ErrorKind::Denied => format!("allow `{}` to the credential, then collect this system again", self.call),
            ErrorKind::Credential => "give a valid, unexpired credential; `aws sts get-caller-identity` with the same \
                                      environment or profile shows whether it works. A region that is not enabled for \
                                      the account answers the same"
                .to_owned(),
            ErrorKind::Throttled => {
                "collect again later, or with a lower `concurrency`; `attempts` says how often one call is tried"
                    .to_owned()
            }
            ErrorKind::NotFound | ErrorKind::Refused => {
                "see the message; collect again once it no longer applies".to_owned()
            }
            ErrorKind::BadAnswer => {
                "check `endpoint` and any proxy in between; if AWS itself answered so, collect again".to_owned()
            }
            ErrorKind::Unreachable => "check network, proxy, `regions` and `endpoint`, then collect again".to_owned(),
        }
    }

    fn code(&self) -> &'static str {
        match self.kind {
            ErrorKind::Stopped => "AWS000",
            ErrorKind::Denied => "AWS001",
            ErrorKind::Credential => "AWS002",
            ErrorKind::Throttled => "AWS003",
            ErrorKind::NotFound | ErrorKind::Refused => "AWS004",
            ErrorKind::BadAnswer => "AWS005",
            ErrorKind::Unreachable => "AWS006",
        }
    }

    /// The failure as a gap: `what` says what was not read.
    pub(super) fn gap(&self, what: impl Into<String>) -> Gap {
        Gap::new(self.code(), what).cause(self.to_string()).fix(self.fix())
    }

    fn for_connector(self, what: &str) -> ConnectorError {
        match self.kind {
            ErrorKind::Stopped => ConnectorError::Stopped,
            ErrorKind::Denied
            | ErrorKind::Credential
            | ErrorKind::Throttled
            | ErrorKind::NotFound
            | ErrorKind::Refused
            | ErrorKind::BadAnswer
            | ErrorKind::Unreachable => ConnectorError::Failed(self.gap(what)),
        }
    }
}

/// Whether an `E` is among the error and its causes.
fn is_caused_by<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<E>)
}

/// An error's own words and those of its causes, never their `Debug`: that of the SDK holds whole answers, and an answer may
/// hold a secret.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    for error in std::iter::successors(Some(error), |error| error.source()) {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&words);
        }
    }
    text
}

/// Follows the pages of one list and notices when they lead in a circle.
#[derive(Debug)]
pub(super) struct Pages {
    call: &'static str,
    seen: BTreeSet<String>,
    count: u64,
}

impl Pages {
    pub(super) fn of(call: &'static str) -> Self {
        Self { call, seen: BTreeSet::new(), count: 0 }
    }

    /// The marker of the page after this one. `more` is the service's own word where it has one: IAM's `IsTruncated`.
    pub(super) fn next(&mut self, more: bool, marker: Option<String>) -> Result<Option<String>, ApiError> {
        self.count += 1;
        match marker.filter(|marker| !marker.is_empty()) {
            Some(marker) if more => {
                if !self.seen.insert(marker.clone()) {
                    let message =
                        format!("page {} names the marker `{marker}` that was followed before: a loop", self.count);
                    return Err(ApiError::bad_answer(self.call, message));
                }
                Ok(Some(marker))
            }
            None if more => {
                let message = format!("page {} says that more follow and gives no marker", self.count);
                Err(ApiError::bad_answer(self.call, message))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// [`Pages::next`] for services whose only sign of a further page is its token.
    pub(super) fn token(&mut self, token: Option<String>) -> Result<Option<String>, ApiError> {
        let more = token.as_deref().is_some_and(|token| !token.is_empty());
        self.next(more, token)
    }
}

/// The SDK's instant as ours; `None` when it is outside the years −9999 to 9999.
pub(super) fn instant(time: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_answered_in_time_is_not_waited_for() {
        let cancel = CancellationToken::new();
        let run = Run { now: Timestamp::UNIX_EPOCH, cancel: cancel.clone(), concurrency: 1, memory: None };
        let limits = Limits::new(&run, 1).within(Duration::ZERO);
        let error = limits.run("ecs:ListTasks", std::future::pending::<()>()).await.unwrap_err();
        assert_eq!((error.kind, error.call), (ErrorKind::Unreachable, "ecs:ListTasks"));
        assert_eq!(limits.pause("ecs:ListTasks", Duration::MAX).await.unwrap_err().kind, ErrorKind::Unreachable);
        assert_eq!(Limits::new(&run, 1).run("ecs:ListTasks", async { 7 }).await.unwrap(), 7);
        cancel.cancel();
        let error = limits.run("ecs:ListTasks", std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Stopped, "a run that is stopped was not late");
    }
}
