//! Every input, once: the command line, the variables, `action.yml` and the table in docs/action.md are held to this list.
//!
//! Guarantees: an option that is not here, or is for the wrong commands, fails a test; so does an entry that nothing reads.
//!
//! Longer than most: one table of every input.

use Reader::{Bootstrap, CommandLine, Inputs, Variable};

/// Who reads an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The command line: the option is given there when the variable is set and the option is not.
    CommandLine,
    /// [`Inputs`](super::Inputs), which keeps where the text came from; it is an option, too.
    Inputs,
    /// [`Inputs`](super::Inputs), from the variable alone: a process's arguments can be seen by others.
    Variable,
    /// `action/bootstrap.sh`, before there is a binary.
    Bootstrap,
}

/// An input.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// The option without its hyphens, and the input of the Action.
    pub name: &'static str,
    /// The variable.
    pub variable: &'static str,
    /// What it is for.
    pub what: &'static str,
    /// What holds when it is not given, in words; empty: nothing.
    pub default: &'static str,
    /// What `action.yml` gives when the workflow does not; empty: nothing.
    pub in_action: &'static str,
    /// The commands that take it; empty: every command.
    pub commands: &'static [&'static str],
    /// Who reads it.
    pub reader: Reader,
    /// It is an input of the Action. What only matters beside a local cloud is a variable of the job there.
    pub is_of_action: bool,
    /// It is shown nowhere.
    pub is_secret: bool,
}

impl Input {
    /// Whether this command takes it.
    pub fn is_of(&self, command: &str) -> bool {
        self.commands.is_empty() || self.commands.contains(&command)
    }

    const fn new(
        (name, variable): (&'static str, &'static str),
        commands: &'static [&'static str],
        reader: Reader,
        what: &'static str,
        default: &'static str,
    ) -> Self {
        Self {
            name,
            variable,
            what,
            default,
            in_action: "",
            commands,
            reader,
            is_of_action: true,
            is_secret: false,
        }
    }

    const fn in_action(mut self, text: &'static str) -> Self {
        self.in_action = text;
        self
    }

    const fn not_in_action(mut self) -> Self {
        self.is_of_action = false;
        self
    }

    const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }
}

/// Every command.
const EVERY: &[&str] = &[];
/// The commands that release, and so report.
const RUNS: &[&str] = &["deploy", "rollback", "verify", "finish"];

/// The variable that says what is to be done, when the command line does not.
pub const COMMAND: &str = "BGD_COMMAND";

/// The inputs, in the order in which they are documented.
pub const INPUTS: &[Input] = &[
    Input::new(
        ("command", COMMAND),
        EVERY,
        CommandLine,
        "What is to be done: one of the commands.",
        "",
    )
    .in_action("deploy"),
    Input::new(
        ("config", "BGD_CONFIG"),
        EVERY,
        Inputs,
        "The file to read.",
        "`bg-deploy.toml`",
    ),
    Input::new(
        ("environment", "BGD_ENVIRONMENT"),
        EVERY,
        Inputs,
        "Which of the file's environments is meant.",
        "the only one",
    ),
    Input::new(
        ("release", "BGD_RELEASE"),
        EVERY,
        Inputs,
        "The release that the app has to answer with.",
        "in GitHub Actions the commit; of a pull request its head, not the merge commit",
    ),
    Input::new(
        ("artifact", "BGD_ARTIFACT"),
        EVERY,
        Inputs,
        "The file or folder to deploy, instead of the one the file names.",
        "`service.artifact`",
    ),
    Input::new(
        ("region", "BGD_REGION"),
        EVERY,
        Inputs,
        "The region of AWS, instead of the file's.",
        "`region`, then `AWS_REGION`",
    ),
    Input::new(
        ("role-arn", "BGD_ROLE_ARN"),
        EVERY,
        Inputs,
        "In GitHub Actions: the role of AWS whose sessions are used, and renewed for as long as a run takes; needs `id-token: write`.",
        "the credentials that stand in the job's variables",
    ),
    Input::new(
        ("endpoint-url", "BGD_ENDPOINT_URL"),
        EVERY,
        Inputs,
        "Where AWS answers, for example a local cloud.",
        "`AWS_ENDPOINT_URL`, then AWS",
    ),
    Input::new(
        ("clock-speed", "BGD_CLOCK_SPEED"),
        EVERY,
        CommandLine,
        "Beside a local cloud on this machine: how many times faster than the wall's the clock is, `local-aws`'s `speed`.",
        "`1`",
    )
    .not_in_action(),
    Input::new(
        ("json", "BGD_JSON"),
        EVERY,
        CommandLine,
        "Write results as JSON.",
        "`false`",
    ),
    Input::new(
        ("quiet", "BGD_QUIET"),
        EVERY,
        CommandLine,
        "Say only how it ended.",
        "`false`",
    )
    .not_in_action(),
    Input::new(
        ("verbose", "BGD_VERBOSE"),
        EVERY,
        CommandLine,
        "Say as well what was decided and why, and which calls of AWS changed something.",
        "`false`",
    )
    .not_in_action(),
    Input::new(
        ("color", "BGD_COLOR"),
        EVERY,
        CommandLine,
        "When to use colours on the terminal: `auto`, `always` or `never`.",
        "`auto`",
    ),
    Input::new(
        ("report-dir", "BGD_REPORT_DIR"),
        &["deploy", "rollback", "verify", "finish", "rehearse"],
        CommandLine,
        "Where reports and the ledger of requests are written.",
        "`bg-deploy-report`",
    ),
    Input::new(
        ("to", "BGD_TO"),
        &["rollback"],
        CommandLine,
        "The release to go back to.",
        "the one that was live before",
    ),
    Input::new(
        ("reason", "BGD_REASON"),
        &["hold", "unlock"],
        CommandLine,
        "Why, for whoever meets it.",
        "",
    ),
    Input::new(
        ("yes", "BGD_YES"),
        &["destroy"],
        CommandLine,
        "Remove it, by its name: `hello/pr-7`.",
        "show what would be removed",
    ),
    Input::new(
        ("even-while-serving", "BGD_EVEN_WHILE_SERVING"),
        &["destroy"],
        CommandLine,
        "Remove it though visitors are served, by this release: they get no answer any more.",
        "refused while anybody is served",
    ),
    Input::new(
        ("take-over", "BGD_TAKE_OVER"),
        &["rollback"],
        CommandLine,
        "Stop the run that is under way, and undo it first; otherwise its end is waited for.",
        "`false`",
    ),
    Input::new(
        ("ignore-windows", "BGD_IGNORE_WINDOWS"),
        &["deploy"],
        CommandLine,
        "Release outside of the file's deploy windows, too; the report says so.",
        "`false`",
    ),
    Input::new(
        ("allow-older", "BGD_ALLOW_OLDER"),
        &["deploy"],
        CommandLine,
        "Release a commit that is older than the one that is live, too; the report says so.",
        "`false`",
    ),
    Input::new(
        ("keep-failed", "BGD_KEEP_FAILED"),
        &["deploy", "verify"],
        CommandLine,
        "Keep an instance of a release that fails this long, without visitors, to be looked at: `2h`.",
        "`retain.failed-for`",
    ),
    Input::new(
        ("fix", "BGD_FIX"),
        &["doctor"],
        CommandLine,
        "Do what is safe about what is found.",
        "`false`",
    ),
    Input::new(
        ("limit", "BGD_LIMIT"),
        &["history"],
        CommandLine,
        "The most releases to list.",
        "`20`",
    ),
    Input::new(
        ("role", "BGD_ROLE"),
        &["policy"],
        CommandLine,
        "Only this role's policies.",
        "all of them",
    )
    .not_in_action(),
    Input::new(
        ("format", "BGD_FORMAT"),
        &["policy"],
        CommandLine,
        "How policies are printed: `table`, `json`, `terraform`, or the bare `policy` or `trust` of one role.",
        "`table`",
    )
    .not_in_action(),
    Input::new(
        ("repository", "BGD_REPOSITORY"),
        &["policy"],
        CommandLine,
        "Whose jobs may take the roles on.",
        "left open",
    )
    .not_in_action(),
    Input::new(
        ("pull-requests", "BGD_PULL_REQUESTS"),
        &["policy"],
        CommandLine,
        "Let jobs about pull requests take on `verify` and `read`, too.",
        "`false`",
    )
    .not_in_action(),
    Input::new(
        ("with-keep-failed", "BGD_WITH_KEEP_FAILED"),
        &["policy"],
        CommandLine,
        "With what `keep-failed` needs, also where the file keeps nothing.",
        "`false`",
    )
    .not_in_action(),
    Input::new(
        ("state", "BGD_STATE"),
        RUNS,
        CommandLine,
        "Where a run writes down what `finish` needs.",
        "in GitHub Actions in the job's temporary folder, else `state.json` among the reports",
    ),
    Input::new(
        ("url", "BGD_URL"),
        &["probe"],
        CommandLine,
        "The service's URL.",
        "`probe.url`",
    ),
    Input::new(
        ("path", "BGD_PATH"),
        &["probe"],
        CommandLine,
        "The path that answers with the release.",
        "`service.version-path`",
    ),
    Input::new(
        ("pointer", "BGD_POINTER"),
        &["probe"],
        CommandLine,
        "Where in that answer's JSON the release stands.",
        "`service.version-pointer`",
    ),
    Input::new(
        ("rate", "BGD_RATE"),
        &["probe"],
        CommandLine,
        "Requests a second in each lane.",
        "`probe.rate`",
    ),
    Input::new(
        ("for", "BGD_FOR"),
        &["probe"],
        CommandLine,
        "How long to go on.",
        "`1m`",
    ),
    Input::new(
        ("expect", "BGD_EXPECT"),
        &["probe"],
        CommandLine,
        "Fail unless this release answers, and no other, at the end.",
        "",
    ),
    Input::new(
        ("ledger", "BGD_LEDGER"),
        &["probe"],
        CommandLine,
        "Write a line for each request to this file.",
        "",
    ),
    Input::new(
        ("long-path", "BGD_LONG_PATH"),
        &["probe"],
        CommandLine,
        "A path whose answer takes long.",
        "`probe.long-path`",
    ),
    Input::new(
        ("reference", "BGD_REFERENCE"),
        &["probe"],
        CommandLine,
        "Something unrelated, asked to tell this machine's own network apart.",
        "`probe.reference`",
    ),
    Input::new(
        ("account", "BGD_ACCOUNT"),
        &["calibrate"],
        CommandLine,
        "The number of the account that can be thrown away.",
        "",
    )
    .not_in_action(),
    Input::new(
        ("out", "BGD_OUT"),
        &["calibrate"],
        CommandLine,
        "Where it is written down.",
        "`calibration.jsonl`",
    )
    .not_in_action(),
    Input::new(
        ("tear-down", "BGD_TEAR_DOWN"),
        &["calibrate"],
        CommandLine,
        "Only remove what an earlier calibration left.",
        "`false`",
    )
    .not_in_action(),
    Input::new(
        ("fault", "BGD_FAULT"),
        &["rehearse"],
        CommandLine,
        "What goes wrong on purpose.",
        "nothing",
    ),
    Input::new(
        ("sample", "BGD_SAMPLE"),
        &["rehearse"],
        CommandLine,
        "Rehearse the sample app, though there is a `bg-deploy.toml`.",
        "`false`",
    ),
    Input::new(
        ("previous", "BGD_PREVIOUS"),
        &["rehearse"],
        CommandLine,
        "An earlier build of your app, which is live before the release.",
        "the same artifact, as another release",
    ),
    Input::new(
        ("previous-release", "BGD_PREVIOUS_RELEASE"),
        &["rehearse"],
        CommandLine,
        "What the app of `previous` answers with.",
        "the `RELEASE` that it is started with",
    ),
    Input::new(
        ("stand-in", "BGD_STAND_IN"),
        &["rehearse"],
        CommandLine,
        "Have something else than your app live before the release.",
        "`false`",
    ),
    Input::new(
        ("rollback", "BGD_ROLLBACK"),
        &["rehearse"],
        CommandLine,
        "After the release, rehearse the rollback to the release before.",
        "`false`",
    ),
    Input::new(
        ("speed", "BGD_SPEED"),
        &["rehearse", "local-aws"],
        CommandLine,
        "How many times faster than AWS.",
        "`20`; of `local-aws`, `1`",
    ),
    Input::new(
        ("seed", "BGD_SEED"),
        &["rehearse", "local-aws"],
        CommandLine,
        "Makes a rehearsal's chances repeatable.",
        "`1`",
    ),
    Input::new(
        ("port", "BGD_PORT"),
        &["local-aws"],
        CommandLine,
        "The port it listens on, on this machine only; 0 for any free one.",
        "`4566`",
    ),
    Input::new(
        ("github-token", "BGD_GITHUB_TOKEN"),
        RUNS,
        Variable,
        "For the deployment and the comment; needs `deployments: write` and `pull-requests: write`.",
        "`GITHUB_TOKEN`",
    )
    .in_action("${{ github.token }}")
    .secret(),
    Input::new(
        ("comment", "BGD_COMMENT"),
        RUNS,
        Variable,
        "When to comment on the pull request: `auto`, `always`, `on-failure` or `never`.",
        "`auto`",
    ),
    Input::new(
        ("webhook-url", "BGD_WEBHOOK_URL"),
        RUNS,
        Variable,
        "Where to tell how it ended; from a secret.",
        "",
    )
    .secret(),
    Input::new(
        ("webhook-kind", "BGD_WEBHOOK_KIND"),
        RUNS,
        Variable,
        "What is told there: `slack`, `pagerduty` or `generic`.",
        "as the address says",
    ),
    Input::new(
        ("webhook-key", "BGD_WEBHOOK_KEY"),
        RUNS,
        Variable,
        "PagerDuty's routing key; from a secret.",
        "",
    )
    .secret(),
    Input::new(
        ("working-directory", "BGD_WORKING_DIRECTORY"),
        EVERY,
        Bootstrap,
        "The folder to work in.",
        "the workspace",
    ),
    Input::new(
        ("binary", "BGD_BINARY"),
        EVERY,
        Bootstrap,
        "A bg-deploy that is there already: nothing is downloaded or built.",
        "",
    ),
    Input::new(
        ("binary-sha256", "BGD_BINARY_SHA256"),
        EVERY,
        Bootstrap,
        "What that binary's SHA-256 must be.",
        "not checked",
    ),
    Input::new(
        ("mirror", "BGD_MIRROR"),
        EVERY,
        Bootstrap,
        "Where releases are downloaded from: `MIRROR/vX.Y.Z/bg-deploy-TARGET`. Their SHA-256 is checked all the same.",
        "the releases of the Action's repository",
    ),
];

/// The input with this variable.
pub fn input(variable: &str) -> Option<&'static Input> {
    INPUTS.iter().find(|input| input.variable == variable)
}
