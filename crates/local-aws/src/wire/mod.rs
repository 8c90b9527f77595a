//! Bytes to the account and back: each request is understood, admitted, carried out and answered.
//!
//! Each service has a module with one `call`: operation name and parameters in, answer or error out. [`protocol`]
//! finds the service by the scope of the request's signature, as AWS's own front ends do, and wraps what comes back.

pub(crate) mod autoscaling;
mod cbor;
pub(crate) mod cloudwatch;
pub(crate) mod ec2;
pub(crate) mod elbv2;
pub(crate) mod iam;
pub(crate) mod node;
mod operations;
pub(crate) mod paging;
pub(crate) mod params;
mod protocol;
pub(crate) mod s3;
pub(crate) mod service_quotas;
pub(crate) mod ssm;
pub(crate) mod sts;
pub(crate) mod xml;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body_util::Full;

use self::node::Node;
use self::params::Params;
use self::protocol::{Protocol, Request, read_params, understand, write_answer, write_error};
use crate::account::sts::{Unfit, check_key};
use crate::account::{Account, ApiError, Call, authority, is_mutating};
use crate::fault::Answer;
use crate::shared::Shared;

/// Credentials whose access key id begins like this have expired: a way to try that from outside.
pub(crate) const EXPIRED_KEY: &str = "EXPIRED";

/// An answer as it goes out.
pub(crate) type Reply = Response<Full<Bytes>>;

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(crate) struct LostReply;

impl std::fmt::Display for LostReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the reply is lost on purpose")
    }
}

impl std::error::Error for LostReply {}

/// Answers one request.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    parts: Parts,
    body: Bytes,
) -> Result<Reply, LostReply> {
    let request = match understand(parts, body) {
        Ok(request) => request,
        Err((protocol, error)) => return Ok(write_error(protocol, &error, "none")),
    };
    let shared = &match shared.account().has_region(&request.region) && !is_everywhere(&request) {
        true => shared.in_region(&request.region),
        false => Arc::clone(shared),
    };
    let latency = {
        let mut account = shared.account();
        let pace = account.pace.api_call;
        account.draw(pace)
    };
    shared.clock.sleep(latency).await;
    let upload = shared.account().limits.upload;
    if let Some(a_second) = upload {
        let seconds = request.body.len() as f64 / a_second as f64;
        shared.clock.sleep(Duration::from_secs_f64(seconds)).await;
    }

    let fault = shared.account().faults.meet_call(
        &request.service,
        &request.operation,
        is_mutating(&request.operation),
    );
    if let Some(Answer::Delay(delay)) = fault {
        shared.clock.sleep(delay).await;
    }
    if let Some(Answer::ApplyLate(delay)) = fault {
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            shared.clock.sleep(delay).await;
            apply(&shared, &request, None);
        });
        return Err(LostReply);
    }
    let reply = apply(shared, &request, fault.as_ref());
    match fault {
        Some(Answer::LoseReply) => Err(LostReply),
        _ => Ok(reply),
    }
}

/// Lets the account catch up with the clock, makes the call, and sets what follows from it going.
fn apply(shared: &Arc<Shared>, request: &Request, fault: Option<&Answer>) -> Reply {
    let mut account = shared.account_now();
    let request_id = account.uuid();
    account.sts.calling = Some(request.key.clone());
    let call = (request.service.as_str(), request.operation.as_str());
    let outcome = admit(&mut account, request, fault).and_then(|()| match request.protocol {
        Protocol::S3 => {
            let about = s3::about(&request.parts);
            authority::check_caller(&mut account, call, &about)?;
            s3::call(
                &mut account,
                &request.operation,
                &request.parts,
                &request.body,
            )
        }
        protocol => {
            let params = read_params(request)?;
            authority::check_caller(&mut account, call, &params.sent())?;
            let answer = dispatch(&mut account, call.0, call.1, params)?;
            Ok(write_answer(
                protocol,
                &request.operation,
                &answer,
                &request_id,
            ))
        }
    });
    let call = Call {
        at: account.now(),
        service: request.service.clone(),
        operation: request.operation.clone(),
        key: request.key.clone(),
        error: outcome.as_ref().err().map(|error| error.code.clone()),
    };
    account.calls.push(call);
    account.sts.calling = None;
    drop(account);
    shared.settle();
    outcome.unwrap_or_else(|error| write_error(request.protocol, &error, &request_id))
}

/// All that the local cloud is asked for: services by the names that requests are signed for, operations as AWS spells them.
pub fn operations() -> Vec<(&'static str, &'static str)> {
    let tables = [
        ("ec2", ec2::OPERATIONS),
        ("elasticloadbalancing", elbv2::OPERATIONS),
        ("autoscaling", autoscaling::OPERATIONS),
        ("ssm", ssm::OPERATIONS),
        ("iam", iam::OPERATIONS),
        ("sts", sts::OPERATIONS),
        ("monitoring", cloudwatch::OPERATIONS),
        ("servicequotas", service_quotas::OPERATIONS),
    ];
    let of_tables = tables
        .into_iter()
        .flat_map(|(service, all)| all.iter().map(move |(operation, _)| (service, *operation)));
    let of_s3 = s3::operations().map(|operation| ("s3", operation));
    of_tables.chain(of_s3).collect()
}

/// Makes a call by its API names: what the query and JSON protocols and a runbook's `aws:executeAwsApi` share.
pub(crate) fn dispatch(
    account: &mut Account,
    service: &str,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    match service {
        "ec2" => ec2::call(account, operation, params),
        "elasticloadbalancing" | "elbv2" => elbv2::call(account, operation, params),
        "autoscaling" => autoscaling::call(account, operation, params),
        "monitoring" | "cloudwatch" => cloudwatch::call(account, operation, params),
        "ssm" => ssm::call(account, operation, params),
        "servicequotas" => service_quotas::call(account, operation, params),
        "sts" => sts::call(account, operation, params),
        "iam" => iam::call(account, operation, params),
        other => Err(unknown_service(other)),
    }
}

/// The error of an operation that the local cloud does not have: loud, and by name.
pub(crate) fn unknown_operation(service: &str, operation: &str) -> ApiError {
    ApiError::refused(
        "InvalidAction",
        &format!("the local cloud does not know the operation {operation} of {service}"),
    )
}

fn unknown_service(service: &str) -> ApiError {
    ApiError::refused(
        "InvalidAction",
        &format!("the local cloud does not have the service {service}"),
    )
}

/// Whether it is the same whatever region it is signed for.
fn is_everywhere(request: &Request) -> bool {
    matches!(request.service.as_str(), "iam" | "sts")
}

fn admit(account: &mut Account, request: &Request, fault: Option<&Answer>) -> Result<(), ApiError> {
    if !is_everywhere(request) && !account.has_region(&request.region) {
        return Err(ApiError::refused(
            "InvalidRegion",
            &format!(
                "the local cloud has no region {}, for which this call was signed",
                request.region
            ),
        ));
    }
    if matches!(fault, Some(Answer::Expired)) || request.key.starts_with(EXPIRED_KEY) {
        return Err(credentials_error(request.protocol, Unfit::Expired));
    }
    let token = request.parts.headers.get("x-amz-security-token");
    let token = token.and_then(|token| token.to_str().ok());
    check_key(account, &request.key, token)
        .map_err(|unfit| credentials_error(request.protocol, unfit))?;
    if let Some(Answer::Refuse(code, status, message)) = fault {
        return Err(ApiError::new(code, *status, message));
    }
    let now = account.now();
    let throttled = !account
        .throttle
        .admit(&request.service, &request.operation, now);
    if throttled || matches!(fault, Some(Answer::Throttle)) {
        return Err(throttling_error(&request.service));
    }
    Ok(())
}

/// Credentials that are not good have another code in each protocol.
fn credentials_error(protocol: Protocol, unfit: Unfit) -> ApiError {
    let (code, status) = match (unfit, protocol) {
        (Unfit::Expired, Protocol::Ec2(_)) => ("RequestExpired", 400),
        (Unfit::Expired, Protocol::Json(_) | Protocol::Cbor) => ("ExpiredTokenException", 400),
        (Unfit::Expired, Protocol::Query(_)) => ("ExpiredToken", 403),
        (Unfit::Expired, Protocol::S3) => ("ExpiredToken", 400),
        (Unfit::Unknown, Protocol::Ec2(_)) => ("AuthFailure", 401),
        (Unfit::Unknown, Protocol::Json(_) | Protocol::Cbor) => {
            ("UnrecognizedClientException", 400)
        }
        (Unfit::Unknown, Protocol::Query(_)) => ("InvalidClientTokenId", 403),
        (Unfit::Unknown, Protocol::S3) => ("InvalidAccessKeyId", 403),
    };
    let message = match unfit {
        Unfit::Expired => "The security token included in the request is expired",
        Unfit::Unknown => "The security token included in the request is invalid.",
    };
    ApiError::new(code, status, message)
}

/// The same thing has another code in each service.
fn throttling_error(service: &str) -> ApiError {
    match service {
        "ec2" => ApiError::new("RequestLimitExceeded", 503, "Request limit exceeded."),
        "ssm" => ApiError::refused("ThrottlingException", "Rate exceeded"),
        "servicequotas" => ApiError::refused("TooManyRequestsException", "Rate exceeded"),
        "s3" => ApiError::new("SlowDown", 503, "Please reduce your request rate."),
        _ => ApiError::refused("Throttling", "Rate exceeded"),
    }
}
