//! Bytes to the account and back: which service a request is for, its protocol, its error format.
//!
//! Each service has a module with one `call`: operation name and parameters in, answer or error out. This module
//! finds the service by the scope of the request's signature, as AWS's own front ends do, and wraps what comes back.

pub(crate) mod autoscaling;
pub(crate) mod ec2;
pub(crate) mod elbv2;
pub(crate) mod iam;
pub(crate) mod node;
pub(crate) mod paging;
pub(crate) mod params;
pub(crate) mod s3;
pub(crate) mod ssm;
pub(crate) mod sts;
pub(crate) mod xml;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode, header};
use http_body_util::Full;

use self::node::Node;
use self::params::Params;
use self::xml::{Dialect, write_members};
use crate::account::{Account, ApiError, Call, is_mutating};
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Query(&'static str),
    Ec2(&'static str),
    Json,
    S3,
}

/// A request, understood as far as every protocol allows.
struct Request {
    key: String,
    service: String,
    region: String,
    operation: String,
    protocol: Protocol,
    parts: Parts,
    body: Bytes,
}

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
    let latency = {
        let mut account = shared.account();
        let pace = account.pace.api_call;
        account.draw(pace)
    };
    shared.clock.sleep(latency).await;

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
    let outcome = admit(&mut account, request, fault).and_then(|()| match request.protocol {
        Protocol::S3 => s3::call(
            &mut account,
            &request.operation,
            &request.parts,
            &request.body,
        ),
        protocol => {
            let answer = dispatch(
                &mut account,
                &request.service,
                &request.operation,
                read_params(request)?,
            )?;
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
    drop(account);
    shared.settle();
    outcome.unwrap_or_else(|error| write_error(request.protocol, &error, &request_id))
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
        "ssm" => ssm::call(account, operation, params),
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

fn admit(account: &mut Account, request: &Request, fault: Option<&Answer>) -> Result<(), ApiError> {
    let global = matches!(request.service.as_str(), "iam" | "sts" | "s3");
    if !global && request.region != account.region {
        return Err(ApiError::refused(
            "InvalidRegion",
            &format!(
                "the local cloud has only the region {}; this call was signed for {}",
                account.region, request.region
            ),
        ));
    }
    if matches!(fault, Some(Answer::Expired)) || request.key.starts_with(EXPIRED_KEY) {
        let (code, status) = match request.protocol {
            Protocol::Ec2(_) => ("RequestExpired", 400),
            Protocol::Json => ("ExpiredTokenException", 400),
            Protocol::Query(_) => ("ExpiredToken", 403),
            Protocol::S3 => ("ExpiredToken", 400),
        };
        return Err(ApiError::new(
            code,
            status,
            "The security token included in the request is expired",
        ));
    }
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

/// The same thing has another code in each service.
fn throttling_error(service: &str) -> ApiError {
    match service {
        "ec2" => ApiError::new("RequestLimitExceeded", 503, "Request limit exceeded."),
        "ssm" => ApiError::refused("ThrottlingException", "Rate exceeded"),
        "s3" => ApiError::new("SlowDown", 503, "Please reduce your request rate."),
        _ => ApiError::refused("Throttling", "Rate exceeded"),
    }
}

fn understand(parts: Parts, body: Bytes) -> Result<Request, (Protocol, ApiError)> {
    let scope = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(signature_scope);
    let Some((key, region, service)) = scope else {
        return Err((
            Protocol::Query(""),
            ApiError::new(
                "MissingAuthenticationToken",
                403,
                "Request is missing Authentication Token",
            ),
        ));
    };
    let protocol = match service.as_str() {
        "ec2" => Protocol::Ec2("http://ec2.amazonaws.com/doc/2016-11-15/"),
        "elasticloadbalancing" => {
            Protocol::Query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/")
        }
        "autoscaling" => Protocol::Query("http://autoscaling.amazonaws.com/doc/2011-01-01/"),
        "iam" => Protocol::Query("https://iam.amazonaws.com/doc/2010-05-08/"),
        "sts" => Protocol::Query("https://sts.amazonaws.com/doc/2011-06-15/"),
        "ssm" => Protocol::Json,
        "s3" => Protocol::S3,
        other => return Err((Protocol::Json, unknown_service(other))),
    };
    let operation = match protocol {
        Protocol::S3 => s3::operation(&parts).to_owned(),
        Protocol::Json => parts
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .and_then(|target| target.split_once('.'))
            .map(|(_, operation)| operation.to_owned())
            .unwrap_or_default(),
        Protocol::Query(_) | Protocol::Ec2(_) => form_urlencoded::parse(&body)
            .find(|(key, _)| key == "Action")
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default(),
    };
    Ok(Request {
        key,
        service,
        region,
        operation,
        protocol,
        parts,
        body,
    })
}

/// The access key's id, the region and the service that a request is signed for
/// (`AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...`).
fn signature_scope(authorization: &str) -> Option<(String, String, String)> {
    let credential = authorization.split_once("Credential=")?.1;
    let mut fields = credential.split([',', ' ']).next()?.split('/');
    let key = fields.next()?.to_owned();
    let region = fields.nth(1)?.to_owned();
    let service = fields.next()?.to_owned();
    Some((key, region, service))
}

fn read_params(request: &Request) -> Result<Params, ApiError> {
    if request.protocol == Protocol::Json {
        return serde_json::from_slice(&request.body)
            .map(Params::from_json)
            .map_err(|error| ApiError::refused("SerializationException", &error.to_string()));
    }
    Ok(Params::from_form(
        form_urlencoded::parse(&request.body)
            .into_owned()
            .filter(|(key, _)| key != "Action" && key != "Version"),
    ))
}

fn write_answer(protocol: Protocol, operation: &str, answer: &Node, request_id: &str) -> Reply {
    let mut out = String::new();
    match protocol {
        Protocol::Json => {
            return reply(
                200,
                "application/x-amz-json-1.1",
                answer.to_json().to_string(),
                request_id,
            );
        }
        Protocol::Ec2(namespace) => {
            out.push_str(&format!(
                "<{operation}Response xmlns=\"{namespace}\"><requestId>{request_id}</requestId>"
            ));
            write_members(&mut out, answer, Dialect::Ec2);
            out.push_str(&format!("</{operation}Response>"));
        }
        Protocol::Query(namespace) => {
            out.push_str(&format!(
                "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>"
            ));
            write_members(&mut out, answer, Dialect::Query);
            out.push_str(&format!(
                "</{operation}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
            ));
        }
        Protocol::S3 => unreachable!("S3 writes its own answers"),
    }
    reply(200, "text/xml", out, request_id)
}

fn write_error(protocol: Protocol, error: &ApiError, request_id: &str) -> Reply {
    let mut fields = Node::map()
        .put_as("Code", "Code", error.code.as_str())
        .put_as("Message", "Message", error.message.as_str());
    let (open, close) = match protocol {
        Protocol::Json => {
            let body = serde_json::json!({"__type": error.code, "message": error.message});
            return reply(
                error.status,
                "application/x-amz-json-1.1",
                body.to_string(),
                request_id,
            );
        }
        Protocol::Ec2(_) => (
            "<Response><Errors><Error>".to_owned(),
            format!("</Error></Errors><RequestID>{request_id}</RequestID></Response>"),
        ),
        Protocol::Query(namespace) => {
            let fault = if error.status < 500 {
                "Sender"
            } else {
                "Receiver"
            };
            fields = Node::map()
                .put("Type", fault)
                .put("Code", error.code.as_str())
                .put("Message", error.message.as_str());
            (
                format!("<ErrorResponse xmlns=\"{namespace}\"><Error>"),
                format!("</Error><RequestId>{request_id}</RequestId></ErrorResponse>"),
            )
        }
        Protocol::S3 => (
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>".to_owned(),
            format!("<RequestId>{request_id}</RequestId></Error>"),
        ),
    };
    let mut out = open;
    write_members(&mut out, &fields, Dialect::Query);
    out.push_str(&close);
    reply(error.status, "text/xml", out, request_id)
}

fn reply(status: u16, content_type: &'static str, body: String, request_id: &str) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    if let Ok(value) = header::HeaderValue::from_str(request_id) {
        reply.headers_mut().insert("x-amzn-requestid", value);
    }
    reply
}
