//! What disks EBS makes: how large, how fast.
//!
//! Ranges: EbsBlockDevice in EC2's model (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html>).

use super::encryption::ROOT;
use super::launch_data::{BlockDevice, LaunchData};
use crate::account::{Account, ApiError};

/// A type of volume: its sizes in GiB, and how many operations a second it can be given, if it can.
type Kind = (&'static str, (i64, i64), Option<(i64, i64)>);

const KINDS: [Kind; 7] = [
    ("gp2", (1, 16_384), None),
    ("gp3", (1, 65_536), Some((3_000, 80_000))),
    ("io1", (4, 16_384), Some((100, 64_000))),
    ("io2", (4, 65_536), Some((100, 256_000))),
    ("st1", (125, 16_384), None),
    ("sc1", (125, 16_384), None),
    ("standard", (1, 1_024), None),
];
/// MiB a second, of gp3 alone.
const THROUGHPUT: (i64, i64) = (125, 2_000);

/// Refuses disks that AWS would not make beside, or from, this image.
pub(super) fn check(account: &Account, data: &LaunchData, image: &str) -> Result<(), ApiError> {
    let of_image = account.ec2.images.get(image).map_or(0, |image| image.size);
    for disk in &data.block_devices {
        check_one(disk)?;
        let is_too_small = disk.size.is_some_and(|size| size < of_image);
        if disk.device == ROOT && is_too_small {
            let size = disk.size.unwrap_or_default();
            return Err(ApiError::refused(
                "InvalidBlockDeviceMapping",
                &format!(
                    "Volume of size {size}GB is smaller than the snapshot of {image}, expect size >= {of_image}GB"
                ),
            ));
        }
    }
    Ok(())
}

fn check_one(disk: &BlockDevice) -> Result<(), ApiError> {
    let name = disk.kind.as_deref().unwrap_or("gp3");
    let kind = KINDS.iter().find(|(known, ..)| *known == name);
    let Some((_, sizes, speeds)) = kind else {
        return Err(invalid(&format!("Invalid value '{name}' for VolumeType")));
    };
    within("Volume size", disk.size, *sizes, name)?;
    match (disk.iops, speeds) {
        (Some(_), None) => return Err(not_for("iops", name)),
        (None, Some(_)) if name.starts_with("io") => {
            return Err(ApiError::missing(&format!(
                "The parameter iops must be specified for {name} volumes."
            )));
        }
        (iops, Some(speeds)) => within("Iops", iops, *speeds, name)?,
        (None, None) => {}
    }
    match disk.throughput {
        Some(_) if name != "gp3" => Err(not_for("throughput", name)),
        throughput => within("Throughput", throughput, THROUGHPUT, name),
    }
}

fn within(
    what: &str,
    value: Option<i64>,
    (least, most): (i64, i64),
    kind: &str,
) -> Result<(), ApiError> {
    match value.filter(|value| !(least..=most).contains(value)) {
        None => Ok(()),
        Some(value) => Err(invalid(&format!(
            "{what} of {value} is out of range for volume type {kind}; minimum is {least}, maximum is {most}."
        ))),
    }
}

fn not_for(parameter: &str, kind: &str) -> ApiError {
    ApiError::refused(
        "InvalidParameterCombination",
        &format!("The parameter {parameter} is not supported for {kind} volumes."),
    )
}

fn invalid(message: &str) -> ApiError {
    ApiError::refused("InvalidParameterValue", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_ebs_does_not_make_is_refused() {
        let disk = |kind: &str, size| BlockDevice {
            kind: Some(kind.to_owned()),
            size: Some(size),
            ..BlockDevice::default()
        };
        let fast = |iops, throughput| BlockDevice {
            iops,
            throughput,
            ..disk("gp3", 20)
        };
        for (wrong, code) in [
            (disk("gp3", 0), "InvalidParameterValue"),
            (disk("gp2", 16_385), "InvalidParameterValue"),
            (disk("st1", 124), "InvalidParameterValue"),
            (disk("gp4", 20), "InvalidParameterValue"),
            (disk("io2", 20), "MissingParameter"),
            (fast(Some(2_999), None), "InvalidParameterValue"),
            (fast(None, Some(2_001)), "InvalidParameterValue"),
        ] {
            let error = check_one(&wrong).expect_err("out of range");
            assert_eq!(error.code, code, "{wrong:?}: {}", error.message);
        }
        let slow = BlockDevice {
            throughput: Some(125),
            ..disk("gp2", 20)
        };
        let error = check_one(&slow).expect_err("gp3 alone has it");
        assert_eq!(error.code, "InvalidParameterCombination");
        for right in [
            disk("gp3", 65_536),
            disk("gp2", 1),
            fast(Some(3_000), Some(125)),
        ] {
            assert!(check_one(&right).is_ok(), "{right:?}");
        }
    }
}
