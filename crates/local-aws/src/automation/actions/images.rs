//! `aws:createImage`, `aws:deleteImage`.

use serde_json::{Map, Value, json};

use super::{Calls, Failure, Inputs, Look, copy, done, flag, is_not_found, nothing_to_show, text};

/// Creates an image, then waits until it is available.
pub(super) fn create(
    inputs: &Inputs,
    notes: &mut Value,
    calls: &mut Calls<'_>,
) -> Result<Look, Failure> {
    if notes.is_null() {
        let mut params = Map::new();
        copy(inputs, &["BlockDeviceMappings"], &mut params);
        for (input, param) in [
            ("InstanceId", "InstanceId"),
            ("ImageName", "Name"),
            ("ImageDescription", "Description"),
        ] {
            if let Some(value) = text(inputs, input) {
                params.insert(param.to_owned(), value.into());
            }
        }
        params.insert("NoReboot".to_owned(), flag(inputs, "NoReboot").into());
        let answer = calls.must("ec2", "CreateImage", Value::Object(params))?;
        *notes = json!({"ImageId": answer["ImageId"]});
        return Ok(calls.wait("waiting for the image to be available"));
    }
    let id = &notes["ImageId"];
    let answer = match calls.ask("ec2", "DescribeImages", json!({"ImageIds": [id]})) {
        Ok(answer) => answer,
        Err(error) if is_not_found(&error) => {
            return Ok(calls.wait("waiting for the image to be known"));
        }
        Err(error) => return Err(Failure::call("DescribeImages", &error)),
    };
    match answer["Images"][0]["State"].as_str() {
        Some("available") => done(json!({"ImageId": id, "ImageState": "available"})),
        Some("pending") | None => Ok(calls.wait("waiting for the image to be available")),
        Some(other) => Err(Failure::poll(&format!(
            "The image {id} entered the state {other} instead of available"
        ))),
    }
}

/// Deregisters an image and deletes its snapshots.
pub(super) fn delete(inputs: &Inputs, calls: &mut Calls<'_>) -> Result<Look, Failure> {
    let id = text(inputs, "ImageId").unwrap_or_default();
    let params = json!({"ImageId": id, "DeleteAssociatedSnapshots": true});
    calls.must("ec2", "DeregisterImage", params)?;
    nothing_to_show()
}
