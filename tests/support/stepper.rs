//! Runs action.yml as the runner of GitHub Actions would run it: its steps, its expressions, its files and signals.
//!
//! Guarantees: a key or an expression that it does not know fails the test, instead of meaning nothing; a step sees the
//! runner's variables and the job's, and no `INPUT_`; what a step leaves running fails the test.

mod action;
mod expression;
mod files;
mod log;
mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use action::{Action, Step};
use expression::{Contexts, applies};
pub(crate) use files::pairs;
pub(crate) use log::Command;
use log::Log;
pub(crate) use process::Cancel;

/// Where a shell finds programs.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A runner with a job: its folders, and what the job sets.
#[derive(Debug)]
pub(crate) struct Runner {
    folder: TempDir,
    action: PathBuf,
    variables: BTreeMap<String, String>,
    github: BTreeMap<String, String>,
}

/// What came of one use of the Action.
#[derive(Debug)]
pub(crate) struct Ran {
    /// How it ended: `success`, `failure` or `cancelled`.
    pub(crate) conclusion: &'static str,
    /// The Action's outputs.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The steps, in order.
    pub(crate) steps: Vec<StepRan>,
    /// What stands in the job's summary.
    pub(crate) summary: String,
    /// Every line that was written.
    pub(crate) log: String,
    /// What of it the runner took for commands.
    pub(crate) commands: Vec<Command>,
}

/// What came of a step.
#[derive(Debug)]
pub(crate) struct StepRan {
    /// Its id.
    pub(crate) id: String,
    /// `success`, `failure`, `cancelled` or `skipped`.
    pub(crate) outcome: &'static str,
    /// The exit code of its shell, if it ended by itself.
    pub(crate) code: Option<i32>,
    /// The signals that it took to end it.
    pub(crate) signals: Vec<&'static str>,
    /// Its outputs.
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Ran {
    /// The texts of the annotations of this level.
    pub(crate) fn annotations(&self, level: &str) -> Vec<&str> {
        let of_level = self.commands.iter().filter(|one| one.name == level);
        of_level.map(|one| one.text.as_str()).collect()
    }

    /// An output of the Action.
    #[track_caller]
    pub(crate) fn output(&self, name: &str) -> &str {
        let output = self.outputs.get(name);
        output.unwrap_or_else(|| panic!("no output {name}: {:?}", self.outputs))
    }
}

impl Runner {
    /// A runner that uses the Action in this folder. Its own folders have names that a script could trip over.
    pub(crate) fn of(action: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("it's a \"job\" $HOME ")
            .tempdir()
            .expect("a folder");
        let mut runner = Self {
            folder,
            action: action.to_owned(),
            variables: BTreeMap::new(),
            github: BTreeMap::new(),
        };
        for name in ["home", "temp", "tools", "work"] {
            std::fs::create_dir(runner.path(name)).expect("a folder");
        }
        for (name, value) in [
            ("action_repository", "octo/bg-deploy"),
            ("token", "the-job-s-token"),
        ] {
            runner.github.insert(name.to_owned(), value.to_owned());
        }
        runner
    }

    /// One of the runner's folders: `home`, `temp`, `tools` or `work`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder in which steps begin.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.path("work")
    }

    /// Sets a variable of the job.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// What `github.` has.
    pub(crate) fn set_github(&mut self, name: &str, value: &str) {
        self.github.insert(name.to_owned(), value.to_owned());
    }

    /// Uses the Action with these inputs.
    pub(crate) fn run(&self, with: &[(&str, &str)]) -> Ran {
        self.run_until(with, None)
    }

    /// Uses the Action with these inputs, and cancels the job.
    pub(crate) fn run_cancelled(&self, with: &[(&str, &str)], cancel: &Cancel<'_>) -> Ran {
        self.run_until(with, Some(cancel))
    }

    fn run_until(&self, with: &[(&str, &str)], cancel: Option<&Cancel<'_>>) -> Ran {
        let action = Action::read(&self.action);
        let inputs = action.inputs(with, &self.github);
        let mut outputs_of: BTreeMap<_, _> = action
            .steps
            .iter()
            .map(|step| (step.id.clone(), BTreeMap::new()))
            .collect();
        let mut log = Log::default();
        let (mut summary, mut steps, mut set) = (String::new(), Vec::new(), BTreeMap::new());
        let (mut is_well, mut is_cancelled) = (true, false);
        for step in &action.steps {
            let contexts = Contexts {
                inputs: &inputs,
                github: &self.github,
                steps: &outputs_of,
            };
            if !applies(step.condition.as_deref(), is_well) {
                steps.push(StepRan::skipped(&step.id));
                continue;
            }
            let variables = step.variables.iter();
            let variables = variables.map(|(name, text)| (name.clone(), contexts.text(text)));
            let mut environment = self.environment(&step.id);
            environment.extend(set.clone());
            environment.extend(variables.collect::<Vec<_>>());
            // Nobody cancels a job twice.
            let cancel = cancel.filter(|_| !is_cancelled);
            let (ran, files) = self.step(step, &environment, &mut log, cancel);
            summary += &files.summary;
            set.extend(files.set);
            is_cancelled |= ran.outcome == "cancelled";
            is_well &= ran.outcome == "success";
            outputs_of.insert(step.id.clone(), ran.outputs.clone());
            steps.push(ran);
        }
        let contexts = Contexts {
            inputs: &inputs,
            github: &self.github,
            steps: &outputs_of,
        };
        let outputs = action.outputs.iter();
        let outputs = outputs.map(|(name, value)| (name.clone(), contexts.text(value)));
        Ran {
            conclusion: match (is_cancelled, is_well) {
                (true, _) => "cancelled",
                (false, true) => "success",
                (false, false) => "failure",
            },
            outputs: outputs.collect(),
            steps,
            summary,
            log: log.text,
            commands: log.commands,
        }
    }

    fn step(
        &self,
        step: &Step,
        environment: &BTreeMap<String, String>,
        log: &mut Log,
        cancel: Option<&Cancel<'_>>,
    ) -> (StepRan, Files) {
        let script = self.path("temp").join(format!("{}.sh", step.id));
        std::fs::write(&script, &step.script).expect("the script");
        for file in ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"] {
            std::fs::write(&environment[file], "").expect("a file");
        }
        let mut command = process::with_default_signals("bash");
        command
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
            .arg(&script)
            .current_dir(self.workspace())
            .env_clear()
            .envs(environment);
        let ended = process::run(command, log, cancel, &environment["RUNNER_TRACKING_ID"]);
        let read = |name: &str| std::fs::read_to_string(&environment[name]).expect("UTF-8");
        let files = Files::read(read);
        let (outcome, files) = match files {
            _ if ended.is_cancelled => ("cancelled", files.unwrap_or_default()),
            Ok(files) if ended.status.success() => ("success", files),
            Ok(files) => ("failure", files),
            Err(error) => {
                log.line(&format!("::error::{error}"));
                ("failure", Files::default())
            }
        };
        let ran = StepRan {
            id: step.id.clone(),
            outcome,
            code: ended.status.code(),
            signals: ended.signals,
            outputs: files.outputs.clone(),
        };
        (ran, files)
    }

    /// What a step finds in its environment: the runner's variables, and the job's over them.
    fn environment(&self, step: &str) -> BTreeMap<String, String> {
        let text = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
        let file = |name: &str| text(self.path("temp").join(format!("{step}-{name}")));
        let (os, arch) = system();
        let defaults = [
            ("PATH", PATH.to_owned()),
            ("HOME", text(self.path("home"))),
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_ACTION_PATH", text(self.action.clone())),
            ("GITHUB_ACTOR", "octocat".to_owned()),
            ("GITHUB_API_URL", "http://127.0.0.1:9".to_owned()),
            ("GITHUB_ENV", file("env")),
            ("GITHUB_EVENT_NAME", "push".to_owned()),
            ("GITHUB_EVENT_PATH", file("no-event")),
            ("GITHUB_JOB", "deploy".to_owned()),
            ("GITHUB_OUTPUT", file("output")),
            ("GITHUB_REF_NAME", "main".to_owned()),
            ("GITHUB_REPOSITORY", "octo/hello".to_owned()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_RUN_ID", "7".to_owned()),
            ("GITHUB_SERVER_URL", "http://127.0.0.1:9".to_owned()),
            ("GITHUB_SHA", "0".repeat(40)),
            ("GITHUB_STEP_SUMMARY", file("summary")),
            ("GITHUB_WORKSPACE", text(self.workspace())),
            ("RUNNER_ARCH", arch.to_owned()),
            ("RUNNER_OS", os.to_owned()),
            ("RUNNER_TEMP", text(self.path("temp"))),
            ("RUNNER_TOOL_CACHE", text(self.path("tools"))),
            ("RUNNER_TRACKING_ID", self.tracking_id()),
            // Not the runner's: nobody asks the machine's own metadata service for credentials.
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        let defaults = defaults.map(|(name, value)| (name.to_owned(), value));
        let job = self.variables.clone();
        defaults.into_iter().chain(job).collect()
    }

    fn tracking_id(&self) -> String {
        let name = self.folder.path().file_name().expect("a name");
        format!("github_{}", name.to_str().expect("UTF-8"))
    }
}

/// `RUNNER_OS` and `RUNNER_ARCH` of this machine.
pub(crate) fn system() -> (&'static str, &'static str) {
    let os = if cfg!(target_os = "macos") {
        "macOS"
    } else {
        "Linux"
    };
    let arch = if cfg!(target_arch = "aarch64") {
        "ARM64"
    } else {
        "X64"
    };
    (os, arch)
}

impl StepRan {
    fn skipped(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            outcome: "skipped",
            code: None,
            signals: Vec::new(),
            outputs: BTreeMap::new(),
        }
    }
}

/// What a step gave to the runner.
#[derive(Debug, Default)]
struct Files {
    outputs: BTreeMap<String, String>,
    set: BTreeMap<String, String>,
    summary: String,
}

impl Files {
    fn read(text: impl Fn(&str) -> String) -> Result<Self, String> {
        Ok(Self {
            outputs: pairs(&text("GITHUB_OUTPUT"))?,
            set: pairs(&text("GITHUB_ENV"))?,
            summary: files::summary(text("GITHUB_STEP_SUMMARY"))?,
        })
    }
}
