//! The way to AWS, and in plain words why there is none.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::aws::credentials::Signer;
use crate::aws::web_identity::{NoSession, WebIdentity};
use crate::aws::{Access, Aws, NoAccess};
use crate::cause::FailedCall;
use crate::config::Config;
use crate::http_client::HttpClient;
use crate::id_token::IdTokens;
use crate::inputs::{Given, Identity, Inputs};
use crate::outcome::EXIT_UNEXPECTED;
use crate::text;
use net_clock::{Clock, Network};

use super::EarlyExit;
use super::clock::is_loopback;
use crate::probe::Endpoint;

/// Clients for the config's region.
pub(super) async fn connect(
    config: &Config,
    inputs: &Inputs,
    network: &Network,
    clock: &Clock,
) -> Result<Aws, EarlyExit> {
    connect_in(config.region.clone(), inputs, network, clock).await
}

/// Clients for a region; for the environment's own, if none is given.
pub(super) async fn connect_in(
    region: Option<String>,
    inputs: &Inputs,
    network: &Network,
    clock: &Clock,
) -> Result<Aws, EarlyExit> {
    if let Some(endpoint) = &inputs.endpoint_url {
        answers(endpoint, network).await?;
    }
    let access = Access {
        region,
        endpoint_url: inputs
            .endpoint_url
            .as_ref()
            .map(|given| given.value.clone()),
        keys: None,
        tape: None,
    };
    let signer = match &inputs.role_arn {
        Some(role) => Signer::WebIdentity(Box::new(web_identity(role, inputs, network, clock)?)),
        None => Signer::Found {
            until: session_end(&inputs.identity),
        },
    };
    let connected = Aws::connect_as(&access, network, signer).await;
    connected.map_err(|none| match none {
        NoAccess::Region => EarlyExit::bad_input(
            "no region: set `region` in bg-deploy.toml under the environment, pass --region, or set AWS_REGION",
        ),
        NoAccess::Credentials(words) => EarlyExit::bad_input(format!(
            "no AWS credentials: {words}\n\
             in GitHub Actions, give the input role-arn, or let aws-actions/configure-aws-credentials run first (each with \
             `permissions: id-token: write`); elsewhere, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )),
        NoAccess::WebIdentity(NoSession::Refused(why)) => EarlyExit::refused(why),
        NoAccess::WebIdentity(NoSession::Unreachable(why)) => EarlyExit {
            exit_code: EXIT_UNEXPECTED,
            text: format!("no AWS credentials: {why}\nnothing was changed; run this again"),
            concerns: Vec::new(),
        },
    })
}

/// Somebody is at an endpoint on this machine. A call would find out as well, but only when it was tried for half a minute.
async fn answers(endpoint: &Given, network: &Network) -> Result<(), EarlyExit> {
    let url = &endpoint.value;
    let parsed = Endpoint::parse(url);
    let Some(there) = parsed.ok().filter(|_| is_loopback(url)) else {
        return Ok(());
    };
    let connected = network.connect(&there.host, there.port).await;
    connected.map(drop).map_err(|why| EarlyExit {
        exit_code: EXIT_UNEXPECTED,
        text: format!(
            "nobody answers at {url} ({}): {why}; is `bg-deploy local-aws` running?",
            endpoint.from
        ),
        concerns: Vec::new(),
    })
}

/// Who the job is to AWS.
fn web_identity(
    role: &Given,
    inputs: &Inputs,
    network: &Network,
    clock: &Clock,
) -> Result<WebIdentity, EarlyExit> {
    let role_arn = &role.value;
    if !is_role(role_arn) {
        return Err(EarlyExit::bad_input(format!(
            "{}: {} is no role's ARN, such as arn:aws:iam::123456789012:role/deployer",
            role.from,
            text::quoted(role_arn)
        )));
    }
    let ci = &inputs.ci;
    if !ci.is_github {
        return Err(EarlyExit::bad_input(format!(
            "{}: a role is assumed here for a job of GitHub Actions only; elsewhere leave it out, and set AWS_PROFILE to a \
             profile with role_arn",
            role.from
        )));
    }
    let identity = &inputs.identity;
    let (Some(address), Some(right)) = (&identity.token_address, &identity.token_right) else {
        return Err(EarlyExit::bad_input(format!(
            "{}: this job may not ask GitHub for an identity token: add to the job in the workflow\n  \
             permissions:\n    id-token: write\n    contents: read\n\
             (a job's permissions replace the workflow's; a pull request from a fork never gets this one)",
            role.from
        )));
    };
    let http = HttpClient::new(&inputs.proxies, network, clock).map_err(EarlyExit::bad_input)?;
    let number = |text: &Option<String>| {
        let digits = text.iter().flat_map(|text| text.chars());
        let digits: String = digits.filter(char::is_ascii_digit).take(20).collect();
        digits
    };
    let actions = &ci.actions;
    let (run, attempt) = (number(&actions.run_id), number(&actions.run_attempt));
    Ok(WebIdentity {
        role_arn: role_arn.clone(),
        session_name: format!("bg-deploy-{run}-{attempt}"),
        tokens: IdTokens::new(address, right, http, clock),
        clock: clock.clone(),
    })
}

/// `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`
fn is_role(arn: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, role] = parts[..] else {
        return false;
    };
    let is_plain = |letter: char| letter.is_ascii_graphic();
    prefix == "arn"
        && partition.starts_with("aws")
        && (service, region) == ("iam", "")
        && account.len() == 12
        && account.chars().all(|digit| digit.is_ascii_digit())
        && role
            .strip_prefix("role/")
            .is_some_and(|name| !name.is_empty())
        && arn.chars().all(is_plain)
}

/// When the session in the variables ends; what cannot be read was not said.
fn session_end(identity: &Identity) -> Option<SystemTime> {
    let text = identity.session_ends.as_deref()?;
    let end = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(end.into())
}

/// Why AWS refused us, if that is what the error is: nothing was changed, and it is for the user to mend.
pub(super) fn explain_denied(error: &anyhow::Error) -> Option<String> {
    let failure = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<FailedCall>())?;
    let remedy = failure.refusal()?.remedy;
    Some(format!("{error:#}\n{remedy}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outcome::EXIT_BAD_INPUT;
    use crate::secret::Secret;

    const ROLE: &str = "arn:aws:iam::123456789012:role/ci/deployer";

    fn told(inputs: &Inputs, role: &str) -> String {
        let given = Given::new("--role-arn", role);
        let made = web_identity(&given, inputs, &Network::tcp(), &Clock::real());
        match made {
            Ok(identity) => identity.session_name,
            Err(failure) => {
                assert_eq!(failure.exit_code, EXIT_BAD_INPUT);
                failure.text
            }
        }
    }

    #[test]
    fn a_role_wants_an_arn_a_job_of_github_and_its_permission() {
        let mut inputs = Inputs::default();
        assert!(told(&inputs, "deployer").contains("is no role's ARN"));
        assert!(told(&inputs, ROLE).contains("AWS_PROFILE"));
        inputs.ci.is_github = true;
        let missing = told(&inputs, ROLE);
        assert!(
            missing.contains("permissions:\n    id-token: write"),
            "{missing}"
        );
        inputs.identity.token_address = Some(Secret::new("https://pipelines.example/token?v=2"));
        assert_eq!(told(&inputs, ROLE), missing);
        inputs.identity.token_right = Some(Secret::new("right"));
        inputs.ci.actions.run_id = Some("7".to_owned());
        inputs.ci.actions.run_attempt = Some("2; rm".to_owned());
        assert_eq!(told(&inputs, ROLE), "bg-deploy-7-2");
    }

    #[test]
    fn a_role_s_arn_is_told_from_others() {
        assert!(is_role(ROLE));
        assert!(is_role("arn:aws-cn:iam::123456789012:role/x"));
        for other in [
            "",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12345678901:role/x",
            "arn:aws:sts::123456789012:assumed-role/x/y",
            "arn:aws:iam::123456789012:role/x\n::error::",
        ] {
            assert!(!is_role(other), "{other}");
        }
    }

    #[test]
    fn the_end_of_a_session_is_read_as_the_aws_cli_writes_it() {
        let end = |text: &str| {
            session_end(&Identity {
                session_ends: Some(text.to_owned()),
                ..Identity::default()
            })
        };
        let minute = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        assert_eq!(end("1970-01-01T00:01:00Z"), Some(minute));
        assert_eq!(end("1970-01-01T01:01:00+01:00"), Some(minute));
        assert_eq!(end("soon"), None);
    }
}
