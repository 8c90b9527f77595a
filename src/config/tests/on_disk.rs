//! What the file names on disk, and what is laid over it.

use std::fs;

use super::*;

/// A folder with a good file, and what names it.
fn project() -> (tempfile::TempDir, Overrides) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("dist")).unwrap();
    program(&folder.path().join("dist/hello"));
    let file = folder.path().join("bg-deploy.toml");
    fs::write(&file, LEAST).unwrap();
    let overrides = Overrides {
        file: Some(Given::new("--config", file.to_str().unwrap())),
        ..Overrides::default()
    };
    (folder, overrides)
}

fn program(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The problems with the folder's name taken out.
fn said(folder: &tempfile::TempDir, overrides: &Overrides) -> String {
    load(overrides.clone())
        .unwrap_err()
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_good_project_loads_with_what_the_command_line_says_laid_over_it() {
    let (folder, mut overrides) = project();
    let config = load(overrides.clone()).unwrap();
    assert_eq!(config.service.artifact, folder.path().join("dist/"));
    let other = folder.path().join("hello");
    program(&other);
    overrides.release = Some(Given::new("--release", "1.2"));
    overrides.region = Some(Given::new("BGD_REGION", "eu-west-1"));
    overrides.artifact = Some(Given::new("BGD_ARTIFACT", other.to_str().unwrap()));
    let config = load(overrides.clone()).unwrap();
    assert_eq!(config.release, Some(Release("1.2".to_owned())));
    assert_eq!(config.region.as_deref(), Some("eu-west-1"));
    assert_eq!(config.service.artifact, other);
}

#[test]
fn bad_inputs_and_a_bad_file_are_reported_together() {
    let (folder, mut overrides) = project();
    fs::write(
        folder.path().join("bg-deploy.toml"),
        LEAST.replace("hello\"\n[", "Hello\"\n["),
    )
    .unwrap();
    overrides.release = Some(Given::new("BGD_RELEASE", "a b"));
    overrides.endpoint_url = Some(Given::new("AWS_ENDPOINT_URL", "localhost"));
    overrides.region = Some(Given::new("--region", "eu-west-1/"));
    let said = said(&folder, &overrides);
    let starts: Vec<&str> = said
        .lines()
        .map(|line| line.split(": ").next().unwrap_or_default())
        .collect();
    assert_eq!(
        starts,
        [
            "--region",
            "AWS_ENDPOINT_URL",
            "BGD_RELEASE",
            "bg-deploy.toml:1:7"
        ],
        "{said}"
    );
}

#[test]
fn a_misspelt_comment_policy_is_found_before_the_release_and_not_after_it() {
    let (folder, mut overrides) = project();
    for policy in ["auto", "always", "on-failure", "never"] {
        overrides.comment = Some(Given::new("BGD_COMMENT", policy));
        assert!(load(overrides.clone()).is_ok(), "{policy}");
    }
    overrides.comment = Some(Given::new("BGD_COMMENT", "On_Failure"));
    assert_eq!(
        said(&folder, &overrides),
        "BGD_COMMENT: is `On_Failure`, but must be one of `auto`, `always`, `on-failure` and `never`; \
         did you mean `on-failure`?"
    );
}

#[test]
fn a_missing_file_is_answered_with_the_least_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    let overrides = Overrides {
        file: Some(Given::new("--config", file.to_str().unwrap())),
        ..Overrides::default()
    };
    let said = load(overrides.clone()).unwrap_err().to_string();
    assert!(
        said.contains("there is no such file; write one with these four lines:"),
        "{said}"
    );
    // The four lines work.
    let lines = said.split("lines:").nth(1).unwrap();
    assert_eq!(read(lines).unwrap().app, "hello");
}

#[test]
fn a_file_that_is_a_folder_or_not_utf8_is_refused() {
    let (folder, overrides) = project();
    let file = folder.path().join("bg-deploy.toml");
    fs::write(&file, b"app = \"a\"\n# \xff\n").unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml: line 2 is not UTF-8; save the file as UTF-8"
    );
    fs::write(&file, "#".repeat((1 << 20) + 1)).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml: is larger than 1 MiB; is this the right file?"
    );
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml: is not a file; name the file itself with --config"
    );
}

#[test]
fn an_artifact_that_cannot_be_packed_is_refused_before_anything_is_made() {
    let (folder, overrides) = project();
    let dist = folder.path().join("dist");
    std::os::unix::fs::symlink("nowhere", dist.join("a-link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dist.join("b-socket")).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml:4:1: dist/b-socket is a socket, a pipe or a device, which cannot be packed; remove it from the artifact\n\
         bg-deploy.toml:4:1: in the artifact, dist/a-link is a link to nowhere, which does not exist; remove the link, or add what it points to"
    );
    fs::remove_dir_all(&dist).unwrap();
    fs::create_dir(&dist).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml:4:1: the artifact dist/ is an empty folder; build the app first, or correct `service.artifact`"
    );
    fs::remove_dir(&dist).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml:4:1: the artifact dist/ does not exist; build the app first, or correct `service.artifact`"
    );
    std::os::unix::fs::symlink("gone", &dist).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml:4:1: the artifact dist is a link to gone, which does not exist; build the app first, or correct `service.artifact`"
    );
}

#[test]
fn many_flaws_of_one_artifact_are_shortened() {
    let (folder, overrides) = project();
    for number in 0..30 {
        std::os::unix::fs::symlink("gone", folder.path().join(format!("dist/{number}"))).unwrap();
    }
    let said = said(&folder, &overrides);
    assert_eq!(said.lines().count(), 11, "{said}");
    assert!(said.contains("and 20 more like these"), "{said}");
}

#[test]
fn a_command_whose_program_is_missing_or_not_executable_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, mut overrides) = project();
    let hello = folder.path().join("dist/hello");
    fs::set_permissions(&hello, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml:3:1: `service.command` starts ./hello, but dist/hello may not be executed; chmod +x dist/hello (GitHub's upload-artifact loses that mark)"
    );
    fs::rename(&hello, folder.path().join("dist/other")).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml:3:1: `service.command` starts ./hello, but there is no dist/hello; correct the command, or build that file into the artifact"
    );
    let other = folder.path().join("dist/other");
    overrides.artifact = Some(Given::new("--artifact", other.to_str().unwrap()));
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml:3:1: `service.command` starts ./hello, but the artifact is the file dist/other; write `command = \"./other\"`"
    );
}

#[test]
fn a_bake_script_has_to_be_there() {
    let (folder, overrides) = project();
    let text = format!("{LEAST}[bake]\nscript = \"bake.sh\"\n");
    fs::write(folder.path().join("bg-deploy.toml"), text).unwrap();
    assert_eq!(
        said(&folder, &overrides),
        "bg-deploy.toml:6:1: the bake script bake.sh does not exist; write the script, or remove `bake.script`"
    );
    fs::write(folder.path().join("bake.sh"), "true").unwrap();
    assert!(load(overrides.clone()).is_ok());
}
