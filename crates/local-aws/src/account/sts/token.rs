//! What a JSON Web Token says (RFC 7519). Its signature is taken for good.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::account::ApiError;

/// What a token says about its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// The issuer without its `https://`: conditions and the provider's ARN name it so.
    pub(super) host: String,
    /// `sub`
    pub(super) subject: String,
    /// `aud`
    pub(super) audience: String,
    /// `exp`, in seconds since 1970.
    pub(super) expires: u64,
}

/// Reads a token, or refuses it in AWS's words.
pub(super) fn read(token: &str) -> Result<Claims, ApiError> {
    let not_one = || {
        ApiError::refused(
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    };
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err(not_one());
    };
    let header = json(header).ok_or_else(not_one)?;
    if header["alg"].as_str().is_none() || URL_SAFE_NO_PAD.decode(signature).is_err() {
        return Err(not_one());
    }
    let payload = json(payload).ok_or_else(not_one)?;
    let text = |name: &str| payload[name].as_str().map(str::to_owned);
    let (Some(issuer), Some(subject), Some(audience), Some(expires)) = (
        text("iss"),
        text("sub"),
        text("aud"),
        payload["exp"].as_u64(),
    ) else {
        return Err(ApiError::refused(
            "InvalidIdentityToken",
            "Missing a required claim",
        ));
    };
    Ok(Claims {
        host: issuer.trim_start_matches("https://").to_owned(),
        subject,
        audience,
        expires,
    })
}

fn json(part: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice::<Value>(&bytes)
        .ok()
        .filter(Value::is_object)
}
