//! Values that nobody can guess: the run's id, the secret of its preview route, what bounds an output.

use anyhow::Result;

/// 24 random bytes in hex.
pub fn random_token() -> Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system's random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}
