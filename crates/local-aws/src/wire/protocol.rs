//! The protocols: what a request says in each, and how answers and errors are written.

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode, header};
use http_body_util::Full;

use super::cbor;
use super::node::Node;
use super::params::Params;
use super::xml::{Dialect, write_members};
use super::{Reply, s3, sts, unknown_service};
use crate::account::ApiError;

/// How requests and answers are written, with the namespace of its XML.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Query(&'static str),
    Ec2(&'static str),
    /// With the type of its bodies, which has the version.
    Json(&'static str),
    Cbor,
    S3,
}

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";

/// A request, understood as far as every protocol allows.
pub(super) struct Request {
    pub(super) key: String,
    pub(super) service: String,
    pub(super) region: String,
    pub(super) operation: String,
    pub(super) protocol: Protocol,
    pub(super) parts: Parts,
    pub(super) body: Bytes,
}

pub(super) fn understand(parts: Parts, body: Bytes) -> Result<Request, (Protocol, ApiError)> {
    let scope = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(signature_scope)
        .or_else(|| unsigned_scope(&parts, &body));
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
        "monitoring" => of_cloudwatch(&parts),
        "ssm" | "servicequotas" => Protocol::Json(JSON_1_1),
        "s3" => Protocol::S3,
        other => return Err((Protocol::Json(JSON_1_1), unknown_service(other))),
    };
    let operation = match protocol {
        Protocol::S3 => s3::operation(&parts).to_owned(),
        Protocol::Json(_) => parts
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .and_then(|target| target.split_once('.'))
            .map(|(_, operation)| operation.to_owned())
            .unwrap_or_default(),
        Protocol::Cbor => {
            // `/service/NAME/operation/NAME`
            let path = parts.uri.path();
            path.rsplit('/').next().unwrap_or_default().to_owned()
        }
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

/// CloudWatch is asked in three protocols, each of which says by its headers which one it is.
fn of_cloudwatch(parts: &Parts) -> Protocol {
    if parts.headers.contains_key(cbor::HEADER) {
        return Protocol::Cbor;
    }
    match parts.headers.contains_key("x-amz-target") {
        true => Protocol::Json(JSON_1_0),
        false => Protocol::Query("http://monitoring.amazonaws.com/doc/2010-08-01/"),
    }
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

/// The scope of the one request that needs no signature.
fn unsigned_scope(parts: &Parts, body: &[u8]) -> Option<(String, String, String)> {
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    let mut form = form_urlencoded::parse(body);
    let is_one = form.any(|(key, value)| key == "Action" && value == sts::UNSIGNED);
    is_one.then(|| (String::new(), String::new(), "sts".to_owned()))
}

pub(super) fn read_params(request: &Request) -> Result<Params, ApiError> {
    let read = match request.protocol {
        Protocol::Json(_) => {
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())
        }
        Protocol::Cbor => cbor::read(&request.body),
        _ => return Ok(read_form(&request.body)),
    };
    read.map(Params::from_json)
        .map_err(|error| ApiError::refused("SerializationException", &error))
}

fn read_form(body: &[u8]) -> Params {
    Params::from_form(
        form_urlencoded::parse(body)
            .into_owned()
            .filter(|(key, _)| key != "Action" && key != "Version"),
    )
}

pub(super) fn write_answer(
    protocol: Protocol,
    operation: &str,
    answer: &Node,
    request_id: &str,
) -> Reply {
    let mut out = String::new();
    match protocol {
        Protocol::Json(kind) => {
            return reply(200, kind, answer.to_json().to_string(), request_id);
        }
        Protocol::Cbor => return reply_in_cbor(200, answer, request_id),
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

pub(super) fn write_error(protocol: Protocol, error: &ApiError, request_id: &str) -> Reply {
    let mut fields = Node::map()
        .put_as("Code", "Code", error.code.as_str())
        .put_as("Message", "Message", error.message.as_str());
    let (open, close) = match protocol {
        Protocol::Json(kind) => {
            let body = serde_json::json!({"__type": error.code, "message": error.message});
            let mut reply = reply(error.status, kind, body.to_string(), request_id);
            if kind == JSON_1_0 {
                name_for_query(&mut reply, error);
            }
            return reply;
        }
        Protocol::Cbor => {
            let body = Node::map()
                .put("__type", error.code.as_str())
                .put("message", error.message.as_str());
            let mut reply = reply_in_cbor(error.status, &body, request_id);
            name_for_query(&mut reply, error);
            return reply;
        }
        Protocol::Ec2(_) => (
            "<Response><Errors><Error>".to_owned(),
            format!("</Error></Errors><RequestID>{request_id}</RequestID></Response>"),
        ),
        Protocol::Query(namespace) => {
            fields = Node::map()
                .put("Type", fault(error))
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

fn reply_in_cbor(status: u16, body: &Node, request_id: &str) -> Reply {
    let mut reply = reply(status, "application/cbor", cbor::write(body), request_id);
    let name = header::HeaderValue::from_static(cbor::NAME);
    reply.headers_mut().insert(cbor::HEADER, name);
    reply
}

/// Who once asked a service by query finds the code by which it knew the error in a header.
fn name_for_query(reply: &mut Reply, error: &ApiError) {
    let words = format!("{};{}", error.code, fault(error));
    if let Ok(value) = header::HeaderValue::from_str(&words) {
        reply.headers_mut().insert("x-amzn-query-error", value);
    }
}

/// Whose fault it is.
fn fault(error: &ApiError) -> &'static str {
    match error.status {
        ..500 => "Sender",
        _ => "Receiver",
    }
}

fn reply(
    status: u16,
    content_type: &'static str,
    body: impl Into<Bytes>,
    request_id: &str,
) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
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
