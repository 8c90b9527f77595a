//! The conditions of rules on the wire.

use crate::account::ApiError;
use crate::account::elbv2::conditions::Condition;
use crate::wire::node::Node;
use crate::wire::params::Params;

/// The conditions of a list; none when the list was not sent.
pub(super) fn read(sent: Vec<Params>) -> Result<Option<Vec<Condition>>, ApiError> {
    if sent.is_empty() {
        return Ok(None);
    }
    sent.into_iter()
        .map(read_one)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn read_one(mut params: Params) -> Result<Condition, ApiError> {
    let field = params.required("Field")?;
    let plain = params.texts(&["Values"]);
    let name = match field.as_str() {
        "host-header" => "HostHeaderConfig",
        "path-pattern" => "PathPatternConfig",
        "http-header" => "HttpHeaderConfig",
        "query-string" => "QueryStringConfig",
        "http-request-method" => "HttpRequestMethodConfig",
        "source-ip" => "SourceIpConfig",
        _ => {
            return Err(ApiError::validation(&format!(
                "Condition field '{field}' must be one of '[http-header, query-string, http-request-method, host-header, path-pattern, source-ip]'"
            )));
        }
    };
    let mut config = params.structure(&[name]).unwrap_or_default();
    let condition = match field.as_str() {
        "query-string" => Condition::Query(read_pairs(&mut config)?),
        "http-header" => Condition::Header(
            config.required("HttpHeaderName")?,
            config.texts(&["Values"]),
        ),
        _ => {
            let mut values = plain;
            values.extend(config.texts(&["Values"]));
            match field.as_str() {
                "host-header" => Condition::Host(values),
                "path-pattern" => Condition::Path(values),
                "http-request-method" => Condition::Method(values),
                _ => Condition::SourceIp(values),
            }
        }
    };
    config.finish()?;
    params.finish()?;
    Ok(condition)
}

fn read_pairs(config: &mut Params) -> Result<Vec<(Option<String>, String)>, ApiError> {
    config
        .structures(&["Values"])
        .into_iter()
        .map(|mut pair| {
            let key = pair.text("Key");
            let value = pair.required("Value")?;
            pair.finish()?;
            Ok((key, value))
        })
        .collect()
}

/// Conditions as AWS shows them.
pub(super) fn show(conditions: &[Condition]) -> Node {
    Node::list(conditions.iter().map(|condition| {
        let node = Node::map().put("Field", condition.field());
        let values = |values: &[String]| Node::map().put("Values", Node::list(values));
        match condition {
            Condition::Host(hosts) => node
                .put("Values", Node::list(hosts))
                .put("HostHeaderConfig", values(hosts)),
            Condition::Path(paths) => node
                .put("Values", Node::list(paths))
                .put("PathPatternConfig", values(paths)),
            Condition::Header(name, had) => node.put(
                "HttpHeaderConfig",
                Node::map()
                    .put("HttpHeaderName", name)
                    .put("Values", Node::list(had)),
            ),
            Condition::Query(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| {
                    Node::map()
                        .put_some("Key", key.as_ref())
                        .put("Value", value)
                });
                node.put(
                    "QueryStringConfig",
                    Node::map().put("Values", Node::list(pairs)),
                )
            }
            Condition::Method(methods) => node.put("HttpRequestMethodConfig", values(methods)),
            Condition::SourceIp(blocks) => node.put("SourceIpConfig", values(blocks)),
        }
    }))
}
