//! An action for Node, bundled into one file as they are: made by npm and esbuild, once, under the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// `require` for what of the SDK is not a module yet.
const BANNER: &str =
    "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/// The bundle, and the version of the Node that runs it; `None` where there is no Node or no npm.
pub(crate) fn bundle(target: &Path) -> Result<Option<(PathBuf, PathBuf, String)>> {
    let Some((node, version)) = node() else {
        return Ok(None);
    };
    let folder = target.join("startup-node");
    let bundle = folder.join("dist/index.mjs");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/startup");
    std::fs::create_dir_all(&folder)?;
    for name in ["action.mjs", "package.json"] {
        std::fs::copy(source.join(name), folder.join(name))?;
    }
    if !bundle.is_file() {
        run(&folder, "npm", &["install", "--no-audit", "--no-fund"])?;
        let banner = format!("--banner:js={BANNER}");
        let arguments = [
            "esbuild",
            "action.mjs",
            "--bundle",
            "--minify",
            "--platform=node",
            "--target=node20",
            "--format=esm",
            "--outfile=dist/index.mjs",
            &banner,
        ];
        run(&folder, "npx", &arguments)?;
    }
    Ok(Some((node, bundle, version)))
}

/// The program itself, for a shim of a version manager would be timed too.
fn node() -> Option<(PathBuf, String)> {
    let words = "console.log(process.execPath); console.log(process.version)";
    let ran = Command::new("node").args(["-e", words]).output().ok()?;
    let text = String::from_utf8(ran.stdout).ok()?;
    let mut lines = text.lines().map(str::to_owned);
    Some((lines.next()?.into(), lines.next()?))
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .current_dir(folder)
        .output()
        .with_context(|| program.to_owned())?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
