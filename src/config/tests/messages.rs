//! What is said about each mistake: the exact text, with its place and what would be right.

use super::*;

/// A line in a table of an otherwise good file, and what is said about it.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_bad_value_is_named_with_its_place_and_what_would_be_right() {
    let table: &[(&str, &str)] = &[
        (
            "[service]\nhelth-path = \"/\"",
            "2:1: unknown key `helth-path` in [service]; did you mean `health-path`?",
        ),
        (
            "[service]\nmin = 1",
            "2:1: unknown key `min` in [service]; it belongs in [fleet]",
        ),
        (
            "[retain]\nxyz = 1",
            "2:1: unknown key `xyz` in [retain]; known here: `for`, `images` and `failed-for`",
        ),
        (
            "[flet]\nmin = 1",
            "1:2: unknown key `flet` at the top; did you mean `fleet`?",
        ),
        (
            "[shfit]\n",
            "1:2: unknown key `shfit` at the top; did you mean `shift`?",
        ),
        (
            "[service]\nport = \"80\"",
            "2:8: `service.port` must be a whole number, 1 to 65535, not a text; write for example `port = 8080`",
        ),
        (
            "[service]\nport = 0",
            "2:8: `service.port` must be 1 to 65535, not 0; write for example `port = 8080`",
        ),
        (
            "[service]\nport = 0x1_0000",
            "2:8: `service.port` must be 1 to 65535, not 0x10000; write for example `port = 8080`",
        ),
        (
            "[network]\nlistener-port = -1",
            "2:17: `network.listener-port` must be 1 to 65535, not -1; write for example `listener-port = 80`",
        ),
        (
            "[service]\nstop-timeout = 90",
            "2:16: `service.stop-timeout` must be a duration in quotes, with its unit, not 90; write `stop-timeout = \"90s\"` if you mean seconds",
        ),
        (
            "[service]\nstop-timeout = \"90\"",
            "2:16: `service.stop-timeout` must be a duration, not `90`; say in which unit: `90s` or `90m`",
        ),
        (
            "[service]\nstop-timeout = \"1d\"",
            "2:16: `service.stop-timeout` must be 1s to 10m, not `1d`; write for example `stop-timeout = \"60s\"`",
        ),
        (
            "[shift]\nsoak = \"soon\"",
            "2:8: `shift.soak` must be a duration, not `soon`; write a whole number and a unit: `500ms`, `90s`, `5m`, `2h` or `1d`",
        ),
        (
            "[shift]\nweights = [10, 50, 40]",
            "2:11: `shift.weights` must rise to 100: [10, 50, 40]; write for example [10, 50, 100]",
        ),
        (
            "[shift]\nweights = []",
            "2:11: `shift.weights` must rise to 100: []; write for example [10, 50, 100]",
        ),
        (
            "[shift]\nweights = [0, 100]",
            "2:11: `shift.weights` must rise to 100: [0, 100]; write for example [10, 50, 100]",
        ),
        (
            "[shift]\nweights = [10, \"x\"]",
            "2:16: `shift.weights` must be whole numbers of percent, not a text; write for example `weights = [10, 50, 100]`",
        ),
        (
            "[shift]\nstrategy = \"cannary\"",
            "2:12: `shift.strategy` is `cannary`, but must be one of `all-at-once`, `canary` and `linear`; did you mean `canary`?",
        ),
        (
            "[shift]\nstrategy = \"all-at-once\"\nweights = [10, 100]",
            "3:1: `shift.weights` is [10, 100], which contradicts `shift.strategy` (`all-at-once`); remove one of them",
        ),
        (
            "[shift]\nstrategy = \"canary\"\nweights = [100]",
            "3:1: `shift.weights` is [100], which contradicts `shift.strategy` (`canary`); remove one of them",
        ),
        (
            "[service]\nhealth-path = \"hc\"",
            "2:15: `service.health-path` is `hc`, but must be a path that begins with `/`, of at most 1,024 characters; write for example `health-path = \"/hc\"`",
        ),
        (
            "[service]\nversion-path = \"v\"",
            "2:16: `service.version-path` is `v`, but must be a path that begins with `/`; write for example `version-path = \"/version\"`",
        ),
        (
            "[service]\nversion-pointer = \"version\"",
            "2:19: `service.version-pointer` is `version`, but must be a JSON pointer that begins with `/`; write for example `version-pointer = \"/build/version\"`",
        ),
        (
            "[probe]\nlong-path = \"slow\"",
            "2:13: `probe.long-path` is `slow`, but must be a path that begins with `/`; write for example `long-path = \"/slow?seconds=30\"`",
        ),
        (
            "[probe]\nrate = 0",
            "2:8: `probe.rate` must be above 0 and at most 1000, not 0; write for example `rate = 10`",
        ),
        (
            "[probe]\nrate = 1000.5",
            "2:8: `probe.rate` must be above 0 and at most 1000, not 1000.5; write for example `rate = 10`",
        ),
        (
            "[probe]\nrate = nan",
            "2:8: `probe.rate` must be above 0 and at most 1000, not NaN; write for example `rate = 10`",
        ),
        (
            "[probe]\nurl = \"https://a.b/c\"",
            "2:7: `probe.url` is `https://a.b/c`, but must be http:// or https://, a host and perhaps a port, without a path; write for example `url = \"https://hello.example.com\"`",
        ),
        (
            "[fleet]\nmin = 0",
            "2:7: `fleet.min` must be 1 to 500, not 0; write for example `min = 2`",
        ),
        (
            "[fleet]\nmin = 3\nmax = 2",
            "2:1: `fleet.min` is 3, but `fleet.max` is 2; write `max = 3` or more",
        ),
        (
            "[fleet]\nmin = 5",
            "2:1: `fleet.min` is 5, but `fleet.max` is 4, its default; write `max = 5` or more",
        ),
        (
            "[retain]\nimages = 0",
            "2:10: `retain.images` must be 1 to 1000, not 0; write for example `images = 5`",
        ),
        (
            "[bake]\ntake-from = \"default\"",
            "2:1: `bake.take-from` is default, which is this environment itself; name the environment that bakes first, or leave it out",
        ),
        (
            "[bake]\ntake-from = \"Stage\"",
            "2:13: `bake.take-from` is `Stage`, but must be lower-case letters, digits and hyphens, 1 to 20 characters, beginning with a letter and not ending with a hyphen; write for example `take-from = \"stage\"`",
        ),
        (
            "[bake]\nbase-image = \"ami-xyz\"",
            "2:14: `bake.base-image` is `ami-xyz`, but must be an image (`ami-...`) or the parameter that names one (`ssm:/...`); write for example `base-image = \"ami-0123456789abcdef0\"`",
        ),
        (
            "[network]\nvpc = \"default\"",
            "2:7: `network.vpc` is `default`, but must be a VPC (`vpc-` and hexadecimal digits); write for example `vpc = \"vpc-0123456789abcdef0\"`",
        ),
        (
            "[network]\nsubnets = [\"subnet-0123456789abcdef0\"]",
            "2:1: `network.subnets` has one subnet, but a load balancer needs two, in different zones; add a second one, or remove the key to use all of the VPC's",
        ),
        (
            "[network]\nsubnets = [\"a\"]",
            "2:12: `network.subnets` must hold a subnet (`subnet-` and hexadecimal digits), not `a`; write for example `subnets = [\"subnet-0123456789abcdef0\", \"subnet-0fedcba9876543210\"]`",
        ),
        (
            "[network]\nsubnets = [\"subnet-01234567\", \"subnet-01234567\"]",
            "2:31: `network.subnets` holds `subnet-01234567` twice; write for example `subnets = [\"subnet-0123456789abcdef0\", \"subnet-0fedcba9876543210\"]`",
        ),
        (
            "[network]\npublic = \"yes\"",
            "2:10: `network.public` must be `true` or `false`, not a text; write for example `public = true`",
        ),
        (
            "[service.variables]\nA-B = \"x\"",
            "2:1: `service.variables` has the name `A-B`, which must be letters, digits and underscores, not beginning with a digit; write for example `variables = { LOG_LEVEL = \"info\" }`",
        ),
        (
            "[service.variables]\nPORT = \"80\"",
            "2:1: `service.variables` must not hold PORT: bg-deploy gives the service that one itself; remove this line",
        ),
        (
            "[service.variables]\nA = 1",
            "2:5: `service.variables` must hold a text in `A`, not a whole number; write it in quotes",
        ),
        (
            "[service.variables]\nA = \"a\\nb\"",
            "2:5: `service.variables` must hold a text on one line in `A`; remove its line breaks and control characters",
        ),
        (
            "[[smoke]]\nmethod = \"GTE\"\npath = \"/\"",
            "2:10: `smoke.method` is `GTE`, but must be one of `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` and `OPTIONS`; did you mean `GET`?",
        ),
        (
            "[[smoke]]\nmethod = \"post\"\npath = \"/\"",
            "2:10: `smoke.method` is `post`, but must be one of `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` and `OPTIONS`; did you mean `POST`?",
        ),
        (
            "[[smoke]]\nname = \"x\"",
            "1:1: `smoke.path` is missing; write for example `path = \"/greet?name=Ada\"` in [[smoke]]",
        ),
        (
            "[[smoke]]\npath = \"/\"\nstatus = 600",
            "3:10: `smoke.status` must be 100 to 599, not 600; write for example `status = 200`",
        ),
        (
            "[[smoke]]\npath = \"/\"\njson = { version = 1 }",
            "3:10: `smoke.json` has the name `version`, which must be a JSON pointer that begins with `/`; write for example { \"/greeting\" = \"Hello, Ada\", \"/count\" = 1 }",
        ),
        (
            "[[smoke]]\npath = \"/\"\njson = { \"/a\" = 1979-05-27 }",
            "3:17: `smoke.json` holds something that JSON has not; write dates in quotes, and numbers that are finite",
        ),
        (
            "[[smoke]]\npath = \"/\"\n[[smoke]]\npath = \"/\"",
            "3:1: two smoke tests are called `GET /`; give this one another `name`",
        ),
        (
            "[[smoke]]\npath = \"/\"\nmethod = \"HEAD\"\ntext = \"x\"",
            "3:1: a smoke test with `HEAD` gets no body, so that `text` and `json` can never hold; write `method = \"GET\"`",
        ),
        (
            "[smoke]\npath = \"/\"",
            "1:1: `smoke` must be a list of tables, not a table; write [[smoke]] on its own line, once for each test",
        ),
        (
            "[environments.Prod]",
            "1:15: the environment `Prod` must be named with lower-case letters, digits and hyphens, 1 to 20 characters, beginning with a letter and not ending with a hyphen; write for example [environments.prod]",
        ),
        (
            "[environments.dev]\napp = \"b\"",
            "2:1: `environments.dev.app`: the app is the same in every environment; write `app` at the top of the file only",
        ),
        (
            "[environments.dev]\naccount = 123456789012",
            "2:11: `environments.dev.account` must be the twelve digits of an AWS account, in quotes, not a whole number; write for example `account = \"123456789012\"`",
        ),
        (
            "[environments.dev]\nregion = \"Frankfurt\"",
            "2:10: `environments.dev.region` is `Frankfurt`, but must be the name of an AWS region; write for example `region = \"eu-central-1\"`",
        ),
        (
            "[environments.dev.fleet]\nmim = 1",
            "2:1: unknown key `mim` in [environments.dev.fleet]; did you mean `min`?",
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(with_the_rest(text), *wanted, "{text}");
    }
}

/// The problems of a text, to which what is required is added on one line at the end where it moves nothing.
fn with_the_rest(text: &str) -> String {
    let service = "command = \"./a\"\nartifact = \"a\"\n";
    let rest = match text.strip_prefix("[service]\n") {
        Some(_) => format!("{text}\n{service}"),
        None => format!("{text}\n[service]\n{service}"),
    };
    // `app` has to stand above the first header: on a line of its own, which is counted off again.
    let all = problems(&format!("app = \"a\"\n{rest}"));
    let place = all.strip_prefix("bg-deploy.toml:").unwrap_or(&all);
    match place.split_once(':') {
        Some((line, after)) => match line.parse::<usize>() {
            Ok(line) => format!("{}:{after}", line - 1),
            Err(_) => all,
        },
        None => all,
    }
}

#[test]
fn what_is_missing_is_named_with_an_example() {
    assert_eq!(
        problems(""),
        "bg-deploy.toml: `app` is missing; write for example `app = \"hello\"` at the top\n\
         bg-deploy.toml: `service.artifact` is missing; write for example `artifact = \"dist/\"` in [service]\n\
         bg-deploy.toml: `service.command` is missing; write for example `command = \"./hello\"` in [service]"
    );
    assert_eq!(
        problems("app = \"hello\"\n[service]\ncommand = \"./hello\"\n"),
        "bg-deploy.toml:2:2: `service.artifact` is missing; write for example `artifact = \"dist/\"` in [service]"
    );
}

#[test]
fn names_of_apps_have_a_form() {
    for name in ["Hello", "1a", "a_b", "a-", "", "aaaaaaaaaaaaaaaaaaaaa"] {
        let text = LEAST.replacen("hello", name, 1);
        assert_eq!(
            problems(&text),
            format!(
                "bg-deploy.toml:1:7: `app` is `{name}`, but must be lower-case letters, digits and hyphens, 1 to 20 characters, beginning with a letter and not ending with a hyphen; write for example `app = \"hello\"`"
            )
        );
    }
}

#[test]
fn every_problem_is_reported_at_once_and_in_the_order_of_the_file() {
    let text = "app = \"Hello\"\ncolour = \"red\"\n\
                [service]\nhelth-path = \"/\"\nport = 0\n\
                [shift]\nhold = 60\nweights = [10, 50, 40]\n\
                [fleet]\nmin = 9\nmax = 3\n\
                [environments.dev.fleet]\nmin = \"two\"\n[environments.prod]\n";
    let all = problems(text);
    let places: Vec<&str> = all
        .lines()
        .map(|line| {
            line.split(": ")
                .next()
                .unwrap_or_default()
                .trim_start_matches("bg-deploy.toml")
        })
        .collect();
    assert_eq!(
        places,
        [
            "", ":1:7", ":2:1", ":3:2", ":3:2", ":4:1", ":5:8", ":7:8", ":8:11", ":10:1", ":13:7"
        ],
        "{all}"
    );
}

#[test]
fn an_environment_that_is_needed_or_unknown_is_answered_with_the_known_ones() {
    let text = format!("{LEAST}[environments.dev]\n[environments.prod]\n");
    assert_eq!(
        problems(&text),
        "bg-deploy.toml: has the environments `dev` and `prod`, and none was asked for; say which one: --environment dev"
    );
    let of = |name| {
        parse(&text, Path::new("a.toml"), Some(name))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        of("prd"),
        "--environment: there is no environment `prd`; did you mean `prod`? a.toml has `dev` and `prod`"
    );
    assert_eq!(
        of("stage"),
        "--environment: there is no environment `stage`; a.toml has `dev` and `prod`"
    );
}

#[test]
fn text_that_is_no_toml_is_named_with_its_line() {
    for (text, place) in [
        ("app = \"a\"\n[service\n", ":2:9"),
        ("app = \"a\"\napp = \"b\"\n", ":2:1"),
        ("app = a\n", ":1:7"),
    ] {
        let said = problems(text);
        let wanted = format!("bg-deploy.toml{place}: this is not TOML: ");
        assert!(said.starts_with(&wanted), "{said}");
    }
    let twice = problems("app = \"a\"\napp = \"b\"\n");
    assert!(twice.contains("duplicate key: `app`"), "{twice}");
}

#[test]
fn values_of_variables_are_never_shown() {
    let text = format!("{LEAST}[service.variables]\nTOKEN = \"hunter2\\n\"\nPORT = \"hunter2\"\n");
    assert!(!problems(&text).contains("hunter2"));
}
