//! The binary over a local cloud of this process, whose account can be looked at, in a job of GitHub Actions or out of one.

use std::path::Path;
use std::process::{Command, Stdio};

use bg_deploy::command_line::CommandLine;
use bg_deploy::config::DEFAULT_FILE;
use local_aws::account::s3;
use local_aws::sample_app::{Settings, write_artifact};
use local_aws::{LocalAws, Options};
use net_clock::{Clock, Network};
use tempfile::TempDir;

use crate::github::{GitHub, REPOSITORY, TOKEN};

const BINARY: &str = env!("CARGO_BIN_EXE_bg-deploy");
/// How much faster than AWS the cloud runs.
const SPEED: u32 = 60;

/// A stack on the local cloud, and a folder with a config and an app to release to it.
pub(crate) struct Account {
    folder: TempDir,
    /// The config.
    file: String,
    /// Of the listener.
    port: u16,
    cloud: LocalAws,
}

/// What a command said.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
    /// What of it went to standard output.
    pub(crate) out: String,
}

/// Waits for its end; its folder goes with it, not before.
async fn ended(mut command: Command, folder: TempDir) -> Ran {
    let ran = tokio::task::spawn_blocking(move || (command.output(), folder)).await;
    let output = ran.expect("no panic").0.expect("it starts");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let text = [output.stdout, output.stderr].concat();
    Ran {
        out,
        code: output.status.code(),
        text: String::from_utf8_lossy(&text).into_owned(),
    }
}

impl Account {
    /// With a stack that nothing is live on; `more` is the rest of its config.
    pub(crate) async fn provisioned(more: &str) -> Self {
        let account = Self::empty(DEFAULT_FILE, more).await;
        let ran = account.run(&["provision"], None).await;
        assert_eq!(ran.code, Some(0), "{}", ran.text);
        account
    }

    /// Has the config say `that` instead of `this`.
    pub(crate) fn rewrite(&self, this: &str, that: &str) {
        let path = self.folder.path().join(&self.file);
        let config = std::fs::read_to_string(&path).expect("a config");
        assert!(config.contains(this), "{config}");
        std::fs::write(path, config.replace(this, that)).expect("a config");
    }

    /// With nothing in it, and the config in this file.
    pub(crate) async fn empty(file: &str, more: &str) -> Self {
        let network = Network::tcp();
        let folder = tempfile::tempdir().expect("a folder");
        let port = network.free_port().await.expect("a free port");
        let config = format!(
            "app = \"hello\"\n[service]\ncommand = \"./sample-app\"\nartifact = \"dist\"\n\
             [fleet]\nmin = 1\nmax = 2\nhealthy-streak = 1\n[probe]\nrate = 50\n\
             [shift]\nhold = \"5s\"\nsoak = \"2m\"\n[network]\nlistener-port = {port}\n{more}"
        );
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, config).expect("a config");
        let cloud = LocalAws::start(Options {
            network,
            clock: Clock::accelerated(f64::from(SPEED)),
            ..Options::default()
        });
        let account = Self {
            folder,
            file: file.to_owned(),
            port,
            cloud: cloud.await.expect("a local cloud"),
        };
        let beside = Path::new(file).parent().expect("a folder").join("dist");
        account.build(&beside.to_string_lossy(), "0");
        account
    }

    pub(crate) fn build(&self, folder: &str, release: &str) {
        let settings = Settings {
            version: release.to_owned(),
            ..Settings::default()
        };
        let folder = self.folder.path().join(folder);
        write_artifact(&folder, Path::new(BINARY), &settings).expect("an artifact");
    }

    /// `deploy` of a release that it builds, with these options.
    pub(crate) async fn deploy(
        &self,
        release: &str,
        options: &[&str],
        job: Option<(&GitHub, &str)>,
    ) -> Ran {
        let folder = format!("dist-{release}");
        self.build(&folder, release);
        let arguments = ["deploy", "--release", release, "--artifact", &folder];
        self.run(&[&arguments, options].concat(), job).await
    }

    /// A command; `job` is the GitHub of a job of Actions, and its commit.
    pub(crate) async fn run(&self, arguments: &[&str], job: Option<(&GitHub, &str)>) -> Ran {
        let runner = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let mut command = Command::new(BINARY);
        command
            .env_clear()
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", runner.path())
            .env("RUNNER_TEMP", runner.path())
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "s")
            .env("BGD_CONFIG", &self.file)
            .env("BGD_REGION", "eu-central-1")
            .env("BGD_ENDPOINT_URL", self.cloud.endpoint())
            .env("BGD_CLOCK_SPEED", SPEED.to_string())
            .env("BGD_REPORT_DIR", runner.path().join("reports"))
            .env("BGD_COMMENT", "never")
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null());
        if let Some((github, commit)) = job {
            command
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_API_URL", github.url())
                .env("GITHUB_REPOSITORY", REPOSITORY)
                .env("GITHUB_SHA", commit)
                .env("GITHUB_RUN_ID", "7")
                .env("GITHUB_RUN_ATTEMPT", "1")
                .env("GITHUB_EVENT_NAME", "push")
                .env("GITHUB_TOKEN", TOKEN);
        }
        ended(command, runner).await
    }

    /// Where the cloud answers.
    pub(crate) fn endpoint(&self) -> String {
        self.cloud.endpoint()
    }

    /// Where live traffic is answered.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How commands are typed by somebody who has neither the variables nor the options of [`Self::run`].
    pub(crate) fn command_line(&self) -> CommandLine {
        CommandLine {
            config: Some(self.file.clone()).filter(|file| file != DEFAULT_FILE),
            region: Some("eu-central-1".to_owned()),
            endpoint_url: Some(self.cloud.endpoint().to_owned()),
            ..CommandLine::default()
        }
    }

    /// Types this line into a shell that knows of keys, and of nothing else.
    pub(crate) async fn type_in(&self, line: &str) -> Ran {
        let home = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let programs = Path::new(BINARY).parent().expect("a folder");
        let mut shell = Command::new("sh");
        shell
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", home.path())
            .env("RUNNER_TEMP", home.path())
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "s")
            .env("BGD_CLOCK_SPEED", SPEED.to_string())
            .env("BGD_REPORT_DIR", home.path().join("reports"))
            .current_dir(self.folder.path())
            .args(["-c", line])
            .stdin(Stdio::null());
        ended(shell, home).await
    }

    /// What was changed so far but for the lease, which a command writes that changes nothing else.
    pub(crate) fn changes(&self) -> Vec<String> {
        let ledger = self.cloud.ledger();
        let changes = ledger.changes().filter(|call| call.service != "s3");
        changes.map(|call| call.operation.clone()).collect()
    }

    /// Has the lease forget the runs that came to their end, as one that is new.
    pub(crate) fn forget_runs(&self) {
        self.rewrite_lease(|key, body| {
            let mut lease: serde_json::Value = serde_json::from_slice(body).expect("a lease");
            let past = lease.as_object_mut().and_then(|it| it.remove("past"));
            assert!(past.is_some(), "{key} remembers no run");
            lease.to_string()
        });
    }

    /// Has the lease say nothing that can be read.
    pub(crate) fn break_lease(&self) {
        self.rewrite_lease(|_, _| "{".to_owned());
    }

    fn rewrite_lease(&self, rewritten: impl Fn(&str, &[u8]) -> String) {
        let account = &mut *self.cloud.account();
        let of_lease = |key: &str| key.starts_with("state/");
        let found: Vec<_> = s3::objects(&account.s3)
            .filter(|(_, key, _)| of_lease(key))
            .map(|(bucket, key, _)| (bucket.to_owned(), key.to_owned()))
            .collect();
        for (bucket, key) in found {
            let bucket = account.s3.buckets.get_mut(&bucket).expect("a bucket");
            let versions = bucket.objects.get_mut(&key).expect("an object");
            let newest = versions.last_mut().and_then(|it| it.object.as_mut());
            let object = newest.expect("it is there");
            object.body = rewritten(&key, &object.body).into();
            object.checksums.clear();
        }
    }
}
