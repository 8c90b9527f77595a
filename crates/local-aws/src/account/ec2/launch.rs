//! Launching instances: what a launch says is resolved and checked as a whole, then becomes instances.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::instances::{Instance, Lifecycle, Volume};
use super::launch_data::{LaunchData, Profile, TemplateChoice};
use super::{
    State, check_id, disks, encryption, first_seen, images, launch_templates, lives, network, room,
};
use crate::account::lag::Eye;
use crate::account::{Account, ApiError, Tags, iam, ssm};
use crate::fault::Gap;

/// A call of RunInstances.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// What it says itself.
    pub data: LaunchData,
    /// The template below it.
    pub template: Option<TemplateChoice>,
    /// As many at least.
    pub min: usize,
    /// As many at most.
    pub max: usize,
    /// Two calls with the same token are one.
    pub client_token: Option<String>,
    /// AWS's own tags, which only AWS's services may give.
    pub system_tags: Tags,
}

/// The architecture of an instance type: Graviton families have a `g` after their number.
pub fn architecture(instance_type: &str) -> &'static str {
    let family = instance_type.split('.').next().unwrap_or_default();
    let after_number = family.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let attributes = after_number.trim_start_matches(|letter: char| letter.is_ascii_digit());
    if attributes.contains('g') || family == "a1" {
        "arm64"
    } else {
        "x86_64"
    }
}

/// Whether this has the form of an instance type: a family with its generation, and one of AWS's sizes.
fn is_instance_type(name: &str) -> bool {
    let Some((family, size)) = name.split_once('.') else {
        return false;
    };
    let is_family = family.starts_with(|letter: char| letter.is_ascii_lowercase())
        && family.contains(|letter: char| letter.is_ascii_digit());
    let multiple = size.strip_suffix("xlarge");
    is_family
        && (["nano", "micro", "small", "medium", "large", "metal"].contains(&size)
            || size.starts_with("metal-")
            || multiple.is_some_and(|times| times.bytes().all(|digit| digit.is_ascii_digit())))
}

/// A launch that can succeed: everything it names exists.
#[derive(Clone, Debug)]
struct Ready {
    data: LaunchData,
    image: String,
    instance_type: String,
    subnet: String,
    groups: Vec<String>,
    profile: Option<String>,
    template: Option<(String, u64)>,
}

fn invalid(message: &str) -> ApiError {
    ApiError::refused("InvalidParameterValue", message)
}

/// The image of a launch, a parameter resolved.
fn resolve_image(account: &Account, image: Option<&str>) -> Result<String, ApiError> {
    let image =
        image.ok_or_else(|| ApiError::missing("The request must contain the parameter ImageId"))?;
    let Some(name) = image.strip_prefix("resolve:ssm:") else {
        return Ok(image.to_owned());
    };
    ssm::parameter(account, name).ok_or_else(|| {
        invalid(&format!(
            "The parameter {name} does not exist or is not of the type aws:ec2:image"
        ))
    })
}

/// How many bytes of user data there may be, before they are encoded
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html>).
const USER_DATA_MOST: usize = 16_384;

fn check_user_data(text: &str) -> Result<(), ApiError> {
    match STANDARD.decode(text.trim()) {
        Err(_) => Err(invalid("Invalid BASE64 encoding of user data.")),
        Ok(bytes) if bytes.len() > USER_DATA_MOST => Err(invalid(&format!(
            "User data is limited to {USER_DATA_MOST} bytes"
        ))),
        Ok(_) => Ok(()),
    }
}

/// The name of the instance profile of a launch: EC2 has to see it, and the role in it. Codes and words are those that clients try
/// again after (terraform-provider-aws, `aws_instance`).
fn resolve_profile(account: &Account, profile: &Profile) -> Result<String, ApiError> {
    let (kind, words, given) = match profile {
        Profile::Name(name) => ("name", "Invalid IAM Instance Profile name", name),
        Profile::Arn(arn) => ("arn", "Invalid IAM Instance Profile ARN", arn),
    };
    let found = iam::instance_profile(&account.iam, given);
    let Some(found) = found.filter(|found| account.sees(Eye::Launch, &found.arn)) else {
        return Err(invalid(&format!(
            "Value ({given}) for parameter iamInstanceProfile.{kind} is invalid. {words}"
        )));
    };
    if !iam::is_role_seen(account, found) {
        return Err(invalid(&format!(
            "IAM Instance Profile \"{}\" has no associated IAM Roles",
            found.arn
        )));
    }
    Ok(given.rsplit('/').next().unwrap_or(given).to_owned())
}

/// The subnet of a launch, else one of the default VPC.
fn resolve_subnet(account: &mut Account, data: &LaunchData) -> Result<String, ApiError> {
    let named = data.subnet.clone().or_else(|| {
        data.interfaces
            .first()
            .and_then(|first| first.subnet.clone())
    });
    if let Some(id) = named {
        check_id(&id, "subnet", "InvalidSubnetID.Malformed")?;
        network::subnet(account, &id)?;
        return Ok(id);
    }
    let defaults: Vec<_> = account
        .ec2
        .subnets
        .values()
        .filter(|subnet| subnet.is_default)
        .map(|subnet| subnet.id.clone())
        .collect();
    let chosen = account.pick(defaults.len());
    defaults.get(chosen).cloned().ok_or_else(|| {
        ApiError::refused(
            "MissingInput",
            "No default subnet detected in VPC. Please specify a subnet.",
        )
    })
}

/// The security groups of a launch, else the default one of its VPC.
fn resolve_groups(
    account: &mut Account,
    data: &LaunchData,
    subnet: &str,
) -> Result<Vec<String>, ApiError> {
    let vpc = network::subnet(account, subnet)?.vpc.clone();
    let named = match data.interfaces.first() {
        Some(first) if !first.groups.is_empty() => first.groups.clone(),
        _ => data.security_groups.clone(),
    };
    for id in &named {
        if network::security_group(account, Eye::Launch, id)?.vpc != vpc {
            return Err(ApiError::refused(
                "InvalidParameter",
                &format!("Security group {id} and subnet {subnet} belong to different networks."),
            ));
        }
    }
    if !named.is_empty() {
        return Ok(named);
    }
    Ok(account
        .ec2
        .security_groups
        .values()
        .filter(|group| group.vpc == vpc && group.name == "default")
        .map(|group| group.id.clone())
        .collect())
}

fn prepare(account: &mut Account, launch: &Launch) -> Result<Ready, ApiError> {
    let mut data = launch.data.clone();
    let mut template = None;
    if let Some(choice) = &launch.template {
        let (id, version) = launch_templates::resolve(account, choice)?;
        let below = launch_templates::version(account, Eye::Launch, &id, version)?
            .data
            .clone();
        data = data.over(below);
        template = Some((id, version));
    }
    let image = resolve_image(account, data.image.as_deref())?;
    let instance_type = data
        .instance_type
        .clone()
        .unwrap_or_else(|| "m1.small".to_owned());
    if !is_instance_type(&instance_type) {
        return Err(invalid(&format!(
            "Invalid value '{instance_type}' for InstanceType."
        )));
    }
    let found = images::launchable(account, &image)?;
    if found.architecture != architecture(&instance_type) {
        return Err(invalid(&format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
            architecture(&instance_type),
            found.architecture
        )));
    }
    let profile = match &data.profile {
        Some(profile) => Some(resolve_profile(account, profile)?),
        None => None,
    };
    check_user_data(data.user_data.as_deref().unwrap_or_default())?;
    for (_, tags) in &data.tags {
        super::tags::check(tags)?;
    }
    encryption::check(&data)?;
    disks::check(account, &data, &image)?;
    let subnet = resolve_subnet(account, &data)?;
    let groups = resolve_groups(account, &data, &subnet)?;
    Ok(Ready {
        data,
        image,
        instance_type,
        subnet,
        groups,
        profile,
        template,
    })
}

/// Refuses a launch that could not succeed; changes nothing.
pub fn check(account: &mut Account, launch: &Launch) -> Result<(), ApiError> {
    prepare(account, launch).map(drop)
}

/// Launches instances: their ids, of one reservation.
pub fn launch(account: &mut Account, launch: &Launch) -> Result<Vec<String>, ApiError> {
    let digest = format!(
        "{:?}",
        (&launch.data, &launch.template, launch.min, launch.max)
    );
    if let Some(token) = &launch.client_token
        && let Some((known, ids)) = account.ec2.launch_tokens.get(token)
    {
        if *known != digest {
            return Err(ApiError::refused(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
            ));
        }
        return Ok(ids.clone());
    }
    if launch.min == 0 || launch.max < launch.min {
        return Err(invalid(&format!(
            "Value ({}) for parameter minCount is invalid. It must be at least 1 and not above maxCount.",
            launch.min
        )));
    }
    let ready = prepare(account, launch)?;
    meet_gap(account, &ready, !launch.system_tags.is_empty())?;
    room::check(account, &ready.subnet, &ready.instance_type, launch.max)?;
    let reservation = account.resource_id("r");
    let visible_at = first_seen(account);
    let token = launch
        .client_token
        .clone()
        .unwrap_or_else(|| account.uuid());
    let ids: Vec<_> = (0..launch.max)
        .map(|index| {
            let mut instance = new_instance(account, &ready, &launch.system_tags);
            instance.reservation.clone_from(&reservation);
            instance.launch_index = index;
            instance.client_token.clone_from(&token);
            instance.visible_at = visible_at;
            let id = instance.id.clone();
            account.ec2.instances.insert(id.clone(), instance);
            lives::begin_run(account, &id);
            id
        })
        .collect();
    account
        .ec2
        .launch_tokens
        .insert(token, (digest, ids.clone()));
    Ok(ids)
}

/// Refuses a launch in a zone that has no instance for it.
fn meet_gap(account: &mut Account, ready: &Ready, by_group: bool) -> Result<(), ApiError> {
    let zone = network::subnet(account, &ready.subnet)?.zone;
    let Some(gap) = account.faults.meet_launch(zone, by_group) else {
        return Ok(());
    };
    let others: Vec<_> = network::ZONES
        .into_iter()
        .filter(|other| *other != zone)
        .map(|other| network::zone_name(account, other))
        .collect();
    let (kind, zone, others) = (
        &ready.instance_type,
        network::zone_name(account, zone),
        others.join(", "),
    );
    Err(match gap {
        Gap::NoCapacity => ApiError::new(
            "InsufficientInstanceCapacity",
            500,
            &format!(
                "We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity. You can currently get {kind} capacity by not specifying an Availability Zone in your request or choosing {others}."
            ),
        ),
        Gap::NoType => ApiError::refused(
            "Unsupported",
            &format!(
                "Your requested instance type ({kind}) is not supported in your requested Availability Zone ({zone}). Please retry your request by not specifying an Availability Zone or choosing {others}."
            ),
        ),
    })
}

fn new_instance(account: &mut Account, ready: &Ready, system_tags: &Tags) -> Instance {
    let id = account.resource_id("i");
    let volume = account.resource_id("vol");
    let image_size = account.ec2.images[&ready.image].size;
    let data = &ready.data;
    let mut tags = data.tags_for("instance");
    tags.extend(system_tags.clone());
    if let Some((template, version)) = &ready.template {
        tags.insert("aws:ec2launchtemplate:id".to_owned(), template.clone());
        tags.insert(
            "aws:ec2launchtemplate:version".to_owned(),
            version.to_string(),
        );
    }
    Instance {
        reservation: String::new(),
        launch_index: 0,
        image: ready.image.clone(),
        architecture: architecture(&ready.instance_type).to_owned(),
        instance_type: ready.instance_type.clone(),
        state: Lifecycle::Pending,
        state_reason: None,
        transition_reason: String::new(),
        private_ip: take_address(&mut account.ec2, &ready.subnet),
        subnet: ready.subnet.clone(),
        security_groups: ready.groups.clone(),
        profile: ready.profile.clone(),
        user_data: data.user_data.clone(),
        launch_template: ready.template.clone(),
        terminates_on_shutdown: data.shutdown_behaviour.as_deref() == Some("terminate"),
        metadata: data.metadata.clone().unwrap_or_default(),
        volume: Volume {
            id: volume,
            size: data
                .block_devices
                .first()
                .and_then(|disk| disk.size)
                .unwrap_or(image_size),
            key: encryption::key_of_root(account, data, &ready.image),
            tags: data.tags_for("volume"),
        },
        key_name: data.key_name.clone(),
        monitored: data.monitored.unwrap_or(false),
        client_token: String::new(),
        launched_at: account.utc(),
        visible_at: account.now(),
        tags,
        console: Default::default(),
        app_port: None,
        app_end: None,
        has_booted: false,
        is_up: false,
        life: 0,
        id,
    }
}

fn take_address(state: &mut State, subnet: &str) -> String {
    state
        .subnets
        .get_mut(subnet)
        .expect("the launch was prepared with an existing subnet")
        .take_address()
}
