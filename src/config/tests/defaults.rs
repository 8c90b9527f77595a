//! What holds when little is written, and what environments lay over it.

use super::*;

#[test]
fn four_lines_are_enough_and_everything_else_has_its_default() {
    let config = read(LEAST).unwrap();
    assert_eq!(
        (config.app.as_str(), config.environment.as_str()),
        ("hello", "default")
    );
    assert_eq!(
        (config.region, config.account, config.release),
        (None, None, None)
    );
    assert_eq!(config.service.artifact, PathBuf::from("dist/"));
    assert_eq!(config.service.port, default::PORT);
    assert_eq!(config.service.health_path, default::HEALTH_PATH);
    assert_eq!(config.service.version_path, default::VERSION_PATH);
    assert_eq!(config.service.stop_timeout, default::STOP_TIMEOUT);
    assert_eq!(config.bake.base_image, default::BASE_IMAGE);
    assert_eq!(config.bake.timeout, default::BAKE_TIMEOUT);
    assert_eq!(config.smoke, []);
    assert_eq!(
        (config.shift.strategy, config.shift.weights),
        (Strategy::AllAtOnce, vec![100])
    );
    assert_eq!(
        (config.shift.hold, config.shift.soak),
        (default::HOLD, default::SOAK)
    );
    assert_eq!(config.probe.rate, default::RATE);
    assert_eq!(
        (config.fleet.min, config.fleet.max),
        (default::MIN, default::MAX)
    );
    assert_eq!(config.fleet.healthy_streak, default::HEALTHY_STREAK);
    assert_eq!(config.retain.previous_for, default::RETAIN_FOR);
    assert_eq!(config.retain.images, default::RETAIN_IMAGES);
    assert_eq!(config.network.listener_port, default::LISTENER_PORT);
    assert_eq!(config.windows, Windows::default());
    assert_eq!(config.lease.wait, Duration::from_secs(600));
    assert!(config.network.public && config.network.subnets.is_empty());
}

#[test]
fn a_smoke_test_needs_a_path_only_and_is_named_by_its_request() {
    let config = read(&format!("{LEAST}[[smoke]]\npath = \"/hc\"\n")).unwrap();
    let [smoke] = config.smoke.as_slice() else {
        panic!("one smoke test: {:?}", config.smoke);
    };
    assert_eq!(
        (smoke.name.as_str(), smoke.method.as_str(), smoke.status),
        ("GET /hc", "GET", 200)
    );
    assert_eq!(smoke.within, default::SMOKE_WITHIN);
}

#[test]
fn strategy_and_weights_give_each_other() {
    for (lines, strategy, weights) in [
        ("strategy = \"canary\"", Strategy::Canary, vec![10, 100]),
        (
            "strategy = \"linear\"",
            Strategy::Linear,
            vec![20, 40, 60, 80, 100],
        ),
        ("strategy = \"all-at-once\"", Strategy::AllAtOnce, vec![100]),
        ("weights = [100]", Strategy::AllAtOnce, vec![100]),
        ("weights = [5, 100]", Strategy::Canary, vec![5, 100]),
        ("weights = [5, 50, 100]", Strategy::Linear, vec![5, 50, 100]),
        (
            "strategy = \"canary\"\nweights = [1, 5, 100]",
            Strategy::Canary,
            vec![1, 5, 100],
        ),
    ] {
        let shift = read(&format!("{LEAST}[shift]\n{lines}")).unwrap().shift;
        assert_eq!(
            (shift.strategy, shift.weights),
            (strategy, weights),
            "{lines}"
        );
    }
}

#[test]
fn an_environment_is_laid_over_the_file_key_by_key() {
    let text = format!(
        "{LEAST}variables = {{ A = \"1\", B = \"2\" }}\n\
         [fleet]\nmin = 2\nmax = 9\n[[smoke]]\npath = \"/a\"\n[[smoke]]\npath = \"/b\"\n\
         [environments.dev]\nregion = \"eu-west-1\"\naccount = \"123456789012\"\n\
         [environments.dev.fleet]\nmin = 1\n[environments.dev.service.variables]\nB = \"3\"\n\
         [[environments.dev.smoke]]\npath = \"/c\"\n[environments.prod]\n"
    );
    let of = |name| parse(&text, Path::new("x.toml"), Some(name)).unwrap();
    let (dev, prod) = (of("dev"), of("prod"));
    assert_eq!((dev.fleet.min, dev.fleet.max), (1, 9));
    assert_eq!((prod.fleet.min, prod.fleet.max), (2, 9));
    assert_eq!(dev.region.as_deref(), Some("eu-west-1"));
    assert_eq!((&prod.region, &prod.account), (&None, &None));
    let values = |config: &Config| {
        config
            .service
            .variables
            .values()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (values(&dev), values(&prod)),
        (
            vec!["1".to_owned(), "3".to_owned()],
            vec!["1".to_owned(), "2".to_owned()]
        )
    );
    let paths = |config: &Config| {
        config
            .smoke
            .iter()
            .map(|smoke| smoke.path.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (paths(&dev), paths(&prod)),
        (
            vec!["/c".to_owned()],
            vec!["/a".to_owned(), "/b".to_owned()]
        )
    );
}

#[test]
fn the_only_environment_is_meant_when_none_is_asked_for() {
    let text = format!("{LEAST}[environments.dev]\n");
    assert_eq!(read(&text).unwrap().environment, "dev");
}

#[test]
fn a_file_without_environments_takes_any_name() {
    let config = parse(LEAST, Path::new("x.toml"), Some("pr-17")).unwrap();
    assert_eq!(config.environment, "pr-17");
}

#[test]
fn required_keys_may_come_from_the_environment() {
    let text = "app = \"a\"\n[environments.dev.service]\ncommand = \"./a\"\nartifact = \"a\"\n";
    assert_eq!(read(text).unwrap().service.command, "./a");
}

#[test]
fn paths_are_relative_to_the_file() {
    let text = format!("{LEAST}[bake]\nscript = \"bake.sh\"\n");
    let config = parse(&text, Path::new("deploy/x.toml"), None).unwrap();
    assert_eq!(config.service.artifact, PathBuf::from("deploy/dist/"));
    assert_eq!(config.bake.script, Some(PathBuf::from("deploy/bake.sh")));
}
