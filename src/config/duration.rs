//! Durations as people write them: a whole number and a unit.

use std::time::Duration;

/// The units, each with its length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// The pattern of a duration, for the schema.
pub(super) const PATTERN: &str = "^[0-9]+(ms|s|m|h|d)$";

/// Reads `90s`, `5m`, `2h`, `1d` or `500ms`; the error says what would be right.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(if unit.is_empty() && !number.is_empty() {
            format!("say in which unit: `{number}s` or `{number}m`")
        } else {
            "write a whole number and a unit: `500ms`, `90s`, `5m`, `2h` or `1d`".to_owned()
        });
    };
    if number.is_empty() {
        return Err("write a whole number before the unit: `90s`".to_owned());
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*millis))
        .map(Duration::from_millis)
        .ok_or_else(|| "write a shorter one: `90s`".to_owned())
}

/// A duration as this file would read it back.
pub(super) fn written(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    // Hours and days only where they are what a person would say: 90 minutes stay minutes.
    let (unit, length) = UNITS
        .iter()
        .rev()
        .find(|(_, length)| millis > 0 && millis % length == 0)
        .unwrap_or(&UNITS[1]);
    format!("{}{unit}", millis / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written_back() {
        for (text, millis) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("0s", 0),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(text), Ok(duration), "{text}");
            assert_eq!(written(duration), text);
        }
    }

    #[test]
    fn what_has_no_number_or_no_unit_is_refused_with_what_would_be_right() {
        for (text, remedy) in [
            ("90", "say in which unit: `90s` or `90m`"),
            ("s", "write a whole number before the unit: `90s`"),
            ("99999999999999999999s", "write a shorter one: `90s`"),
            ("18446744073709551615d", "write a shorter one: `90s`"),
        ] {
            assert_eq!(parse(text), Err(remedy.to_owned()), "{text}");
        }
        for text in [
            "",
            "-1s",
            "1.5h",
            "1h30m",
            "5 m",
            "5M",
            "five minutes",
            "5µ",
        ] {
            assert_eq!(
                parse(text),
                Err(
                    "write a whole number and a unit: `500ms`, `90s`, `5m`, `2h` or `1d`"
                        .to_owned()
                ),
                "{text}"
            );
        }
    }
}
