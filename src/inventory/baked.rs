//! What was baked already.

use anyhow::Result;

use crate::aws::Aws;
use crate::aws::images::{self, Image};
use crate::bake::recipe::Recipe;
use crate::config::Config;
use crate::stack::Names;

/// The image of this recipe that can be used, else the one that is on its way: the environment's own, or that of the one that
/// the file says to take from. What bears another environment's tags was made there, whatever its name is,
/// and what was made by a verification is nobody's.
pub(super) async fn find(aws: &Aws, config: &Config, recipe: &Recipe) -> Result<Option<Image>> {
    let mut found = Vec::new();
    for environment in [Some(&config.environment), config.bake.take_from.as_ref()] {
        let Some(environment) = environment else {
            continue;
        };
        let name = recipe.image_name(&config.app, environment);
        let image = images::find_image_by_name(aws, &name).await?;
        let names = Names::new(&config.app, environment);
        let may_be_released =
            |image: &Image| names.made(&image.tags) && !Names::is_to_verify(&image.tags);
        found.extend(image.filter(may_be_released));
    }
    let is_done = |image: &Image| image.state == "available";
    let at = found.iter().position(is_done).unwrap_or_default();
    Ok(found.into_iter().nth(at))
}
