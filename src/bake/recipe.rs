//! What addresses an image: its content. The same recipe is never baked twice.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Everything that makes one image differ from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The image the builder starts from.
    pub base_image: String,
    /// The bundle: artifact, unit (and with it the command) and script.
    pub bundle_sha256: String,
    /// The runbook's text, by its SHA-256.
    pub runbook_sha256: String,
}

impl Recipe {
    /// Sixteen hex digits that address it.
    pub fn address(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.base_image, &self.bundle_sha256, &self.runbook_sha256] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hex::encode(hash.finalize())[..16].to_owned()
    }

    /// The image's name, which is unique in an account and region.
    pub fn image_name(&self, app: &str, environment: &str) -> String {
        format!("bgd-{app}-{environment}-{}", self.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_any_part_is_another_image() {
        let recipe = |base: &str, bundle: &str, runbook: &str| Recipe {
            base_image: base.into(),
            bundle_sha256: bundle.into(),
            runbook_sha256: runbook.into(),
        };
        let address = recipe("ami-1", "b", "r").address();
        assert_eq!(address, recipe("ami-1", "b", "r").address());
        for other in [
            recipe("ami-2", "b", "r"),
            recipe("ami-1", "c", "r"),
            recipe("ami-1", "b", "s"),
            recipe("ami-1b", "", "r"),
        ] {
            assert_ne!(address, other.address());
        }
    }
}
