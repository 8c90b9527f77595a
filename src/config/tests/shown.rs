//! What the repository shows of the keys: the example, the schema, the reference.

use super::*;

#[test]
fn the_example_is_valid_in_each_of_its_environments() {
    let of = |name| parse(EXAMPLE, Path::new("examples/bg-deploy.toml"), Some(name)).unwrap();
    let (dev, prod) = (of("dev"), of("prod"));
    assert_eq!((dev.fleet.min, prod.fleet.min), (1, 4));
    assert_eq!(
        prod.service.variables.get("LOG_LEVEL").map(String::as_str),
        Some("warn")
    );
    assert_eq!(prod.shift.weights, [10, 50, 100]);
    assert_eq!((dev.windows.allow.len(), prod.windows.allow.len()), (0, 2));
    assert_eq!(dev.service.stop_timeout, Duration::from_secs(60));
}

#[test]
fn the_example_shows_every_key() {
    for key in keys::KEYS {
        let shown = EXAMPLE.lines().any(|line| {
            line.starts_with(&format!("{} = ", key.name))
                || line == format!("[{}]", key.table.dotted(key.name))
        });
        assert!(shown, "{} is missing", key.table.dotted(key.name));
    }
}

#[test]
fn every_key_takes_its_own_example_and_every_default_has_its_form() {
    for key in keys::KEYS {
        let dotted = key.table.dotted(key.name);
        let line = format!("{} = {}", key.name, key.example);
        let text = match key.table {
            Table::Top if key.name == "app" => {
                format!("{line}\n[service]\ncommand = \"a\"\nartifact = \"a\"\n")
            }
            Table::Top => format!("{line}\n{LEAST}"),
            Table::Service if matches!(key.fallback, Fallback::Required) => {
                let other = if key.name == "command" {
                    "artifact"
                } else {
                    "command"
                };
                format!("app = \"a\"\n[service]\n{other} = \"a\"\n{line}\n")
            }
            Table::Service => format!("{LEAST}{line}\n"),
            Table::Smoke if key.name == "path" => format!("{LEAST}[[smoke]]\n{line}\n"),
            Table::Smoke => format!("{LEAST}[[smoke]]\npath = \"/\"\n{line}\n"),
            table => format!("{LEAST}[{}]\n{line}\n", table.name()),
        };
        assert!(read(&text).is_ok(), "{dotted}: {:?}", read(&text));
        let fits = match (key.kind, key.fallback) {
            (Kind::Text(form), Fallback::Text(text)) => (form.fits)(text),
            (Kind::Word(words), Fallback::Text(text)) => words.contains(&text),
            (Kind::Whole(least, most), Fallback::Whole(number)) => (least..=most).contains(&number),
            (Kind::Duration(least, most), Fallback::Duration(it)) => (least..=most).contains(&it),
            (Kind::Number(most), Fallback::Number(number)) => number > 0.0 && number <= most,
            (Kind::Flag, Fallback::Flag(_)) | (_, Fallback::Required | Fallback::Otherwise(_)) => {
                true
            }
            _ => false,
        };
        assert!(fits, "{dotted}: its default is not of its kind");
    }
}

#[test]
fn no_key_stands_twice_in_the_list() {
    for (index, key) in keys::KEYS.iter().enumerate() {
        let twice = keys::KEYS[..index]
            .iter()
            .any(|other| other.table == key.table && other.name == key.name);
        assert!(!twice, "{}", key.table.dotted(key.name));
    }
}

#[test]
fn the_schema_in_the_repository_is_the_one_that_is_made() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/bg-deploy.schema.json");
    let held = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        held == schema_text(),
        "run `bg-deploy schema > schema/bg-deploy.schema.json`"
    );
}

#[test]
fn the_schema_has_every_key_and_its_default() {
    let schema = super::super::schema();
    for key in keys::KEYS {
        let properties = match key.table {
            Table::Top => &schema["properties"],
            table => &schema["$defs"][table.name()]["properties"],
        };
        let property = &properties[key.name];
        assert_eq!(
            property["description"]
                .as_str()
                .map(|what| what.starts_with(key.what)),
            Some(true),
            "{property}"
        );
        assert_eq!(
            property.get("default").is_none(),
            matches!(key.fallback, Fallback::Required | Fallback::Otherwise(_)),
            "{property}"
        );
    }
}

#[test]
fn the_reference_has_a_row_for_every_key() {
    let reference = reference_markdown();
    for key in keys::KEYS {
        assert!(
            reference.contains(&format!("| `{}` | ", key.name)),
            "{}",
            key.name
        );
        assert!(reference.contains(key.what), "{}", key.what);
    }
    assert!(
        reference.contains("| `stop-timeout` | 1s to 10m | `\"1m\"` | How long"),
        "{reference}"
    );
}
