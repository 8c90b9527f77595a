//! What texts must look like: each form is one constant, with the words for people, the pattern for editors, and the
//! function that decides.

use crate::text::quoted;

/// What a text must look like.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// In words that follow "must be".
    pub is: &'static str,
    /// As a regular expression for the JSON Schema; empty where words say it better.
    pub pattern: &'static str,
    /// Whether a text has the form.
    pub fits: fn(&str) -> bool,
}

impl Form {
    /// A text of a list; the error says what the list must hold.
    pub(super) fn element(&self, text: &str) -> Result<String, String> {
        match (self.fits)(text) {
            true => Ok(text.to_owned()),
            false => Err(format!("must hold {}, not {}", self.is, quoted(text))),
        }
    }
}

/// The longest name of an app or an environment.
pub const NAME_MOST: usize = 20;
/// The longest path of a role: with the account and the longest name, an ARN still fits where AWS takes one.
const ROLE_PATH_MOST: usize = 512;
/// The longest release.
pub const RELEASE_MOST: usize = 128;

/// An app's or an environment's name.
pub const NAME: Form = Form {
    is: "lower-case letters, digits and hyphens, 1 to 20 characters, beginning with a letter and not ending with a hyphen",
    pattern: "^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$",
    fits: is_name,
};

/// A release.
pub const RELEASE: Form = Form {
    is: "1 to 128 visible ASCII characters without spaces",
    pattern: "^[!-~]{1,128}$",
    fits: |text| {
        (1..=RELEASE_MOST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    },
};

/// A region of AWS.
pub const REGION: Form = Form {
    is: "the name of an AWS region",
    pattern: "^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$",
    fits: is_region,
};

/// An AWS account.
pub const ACCOUNT: Form = Form {
    is: "the twelve digits of an AWS account, in quotes",
    pattern: "^[0-9]{12}$",
    fits: |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
};

/// Something on one line.
pub const LINE: Form = Form {
    is: "a text on one line that is not empty",
    pattern: "^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$",
    fits: |text| !text.trim().is_empty() && !text.chars().any(|c| c.is_ascii_control()),
};

/// Any text at all.
pub const ANY: Form = Form {
    is: "a text",
    pattern: "",
    fits: |_| true,
};

/// The path of a URL, with its query if it has one.
pub const PATH: Form = Form {
    is: "a path that begins with `/`",
    pattern: "^/[!\"$-~]*$",
    fits: |text| text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#'),
};

/// The longest path that a target group is checked at
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>).
const HEALTH_PATH_MOST: usize = 1024;

/// The path of a health check.
pub const HEALTH_PATH: Form = Form {
    is: "a path that begins with `/`, of at most 1,024 characters",
    pattern: "^/[!\"$-~]{0,1023}$",
    fits: |text| text.len() <= HEALTH_PATH_MOST && (PATH.fits)(text),
};

/// A JSON pointer (RFC 6901) to something inside a document.
pub const POINTER: Form = Form {
    is: "a JSON pointer that begins with `/`",
    pattern: "^(/([^/~]|~[01])*)+$",
    fits: is_pointer,
};

/// The origin of a URL.
pub const ORIGIN: Form = Form {
    is: "http:// or https://, a host and perhaps a port, without a path",
    pattern: "^https?://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?$",
    fits: is_origin,
};

/// An image, or the parameter that names it.
pub const IMAGE: Form = Form {
    is: "an image (`ami-...`) or the parameter that names one (`ssm:/...`)",
    pattern: "^(ami-[0-9a-f]{8,17}|ssm:/[A-Za-z0-9_./-]+)$",
    fits: |text| {
        is_id("ami-", text)
            || text.strip_prefix("ssm:/").is_some_and(|name| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"_./-".contains(&b))
            })
    },
};

/// An EC2 instance type.
pub const INSTANCE_TYPE: Form = Form {
    is: "an EC2 instance type",
    pattern: "^[a-z0-9-]+\\.[a-z0-9-]+$",
    fits: |text| {
        let part = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        text.split_once('.')
            .is_some_and(|(family, size)| part(family) && part(size))
    },
};

/// The path of a role.
pub const ROLE_PATH: Form = Form {
    is: "a path that begins and ends with `/`, of letters, digits and `+=,.@_-` in between",
    pattern: "^/([A-Za-z0-9+=,.@_-]+/)*$",
    fits: |text| {
        let parts = text
            .strip_prefix('/')
            .map(|rest| rest.split_terminator('/'));
        text.ends_with('/')
            && text.len() <= ROLE_PATH_MOST
            && parts.is_some_and(|mut parts| parts.all(is_of_iam))
    },
};

/// The ARN of a managed policy, of an account or of AWS itself.
pub const MANAGED_POLICY: Form = Form {
    is: "the ARN of a managed policy (`arn:aws:iam::...:policy/...`)",
    pattern: "^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]+$",
    fits: is_managed_policy,
};

/// The ARN of a KMS key: policies name keys, not their aliases.
pub const KMS_KEY: Form = Form {
    is: "the ARN of a KMS key (`arn:aws:kms:...:key/...`)",
    pattern: "^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
    fits: is_kms_key,
};

/// A VPC.
pub const VPC: Form = Form {
    is: "a VPC (`vpc-` and hexadecimal digits)",
    pattern: "^vpc-[0-9a-f]{8,17}$",
    fits: |text| is_id("vpc-", text),
};

/// A subnet.
pub const SUBNET: Form = Form {
    is: "a subnet (`subnet-` and hexadecimal digits)",
    pattern: "^subnet-[0-9a-f]{8,17}$",
    fits: |text| is_id("subnet-", text),
};

/// The name of an environment variable.
pub const VARIABLE: Form = Form {
    is: "letters, digits and underscores, not beginning with a digit",
    pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
    fits: |text| {
        !text.starts_with(|c: char| c.is_ascii_digit())
            && !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    },
};

/// The value of an environment variable or a header.
pub const VALUE: Form = Form {
    is: "a text on one line",
    pattern: "^[^\\u0000-\\u001f\\u007f]*$",
    fits: |text| !text.chars().any(|c| c.is_ascii_control()),
};

/// The name of a header.
pub const HEADER: Form = Form {
    is: "the name of a header",
    pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    fits: |text| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(&b))
    },
};

/// Of letters that IAM takes in names.
fn is_of_iam(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

fn is_kms_key(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let ["arn", partition, "kms", region, account, key] = parts[..] else {
        return false;
    };
    let is_plain = |text: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !text.is_empty() && text.bytes().all(fits)
    };
    let is_id = |id: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !id.is_empty() && id.bytes().all(fits)
    };
    let has_no_digit = !partition.bytes().any(|byte| byte.is_ascii_digit());
    partition.starts_with("aws")
        && is_plain(partition)
        && has_no_digit
        && is_plain(region)
        && (ACCOUNT.fits)(account)
        && key.strip_prefix("key/").is_some_and(is_id)
}

fn is_managed_policy(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else {
        return false;
    };
    let is_partition = |c: u8| c.is_ascii_lowercase() || c == b'-';
    let mut names = resource.strip_prefix("policy/").into_iter();
    partition.starts_with("aws")
        && partition.bytes().all(is_partition)
        && (account == "aws" || (ACCOUNT.fits)(account))
        && names.any(|names| names.split('/').all(is_of_iam))
}

fn is_name(text: &str) -> bool {
    text.len() <= NAME_MOST
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, middle @ .., number] = parts.as_slice() else {
        return false;
    };
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    area.len() == 2
        && letters(area)
        && !middle.is_empty()
        && middle.iter().all(|part| letters(part))
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

fn is_pointer(text: &str) -> bool {
    text.starts_with('/')
        && text
            .split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
}

fn is_origin(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
    else {
        return false;
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => {
            let Some((host, after)) = bracketed.split_once(']') else {
                return false;
            };
            let is_v6 = host
                .bytes()
                .all(|b| b.is_ascii_hexdigit() || b":.".contains(&b));
            (if is_v6 { host } else { "" }, after)
        }
        None => {
            let (host, port) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
            let is_host = host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
            (if is_host { host } else { "" }, port)
        }
    };
    let digits = port.strip_prefix(':');
    let is_port = match digits {
        None => port.is_empty(),
        Some(digits) => {
            digits.len() <= 5
                && digits.bytes().all(|b| b.is_ascii_digit())
                && digits.parse::<u16>().is_ok_and(|port| port > 0)
        }
    };
    !host.is_empty() && is_port
}

fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| {
        (8..=17).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests;
