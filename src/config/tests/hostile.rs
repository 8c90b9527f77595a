//! No text makes the reader panic or run for long.

use super::*;

/// No text makes the reader panic: the example, with pieces cut out, doubled, swapped and changed, thousands of times.
#[test]
fn no_text_makes_the_reader_panic() {
    let mut rng = fastrand::Rng::with_seed(7);
    let pieces = [
        "\"",
        "'",
        "[",
        "]",
        "[[",
        "=",
        "{",
        "}",
        "\n",
        "\0",
        "é",
        "\u{1F600}",
        "0",
        "-1",
        "1e999",
        "nan",
        "inf",
        "9999999999999999999999",
        "0xffff",
        "1979-05-27",
        "true",
        "environments",
        ".",
        "smoke",
        "[smoke]",
        "\"\"\"",
        "\\u0000",
        "weights",
        "~",
        ",",
        "#",
        "\r",
        "\t",
        "_",
    ];
    for _ in 0..3_000 {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(0..=text.len());
            let end = (at + rng.usize(0..40)).min(text.len());
            let piece: Vec<char> = match rng.u8(0..4) {
                0 => Vec::new(),
                1 => text[at..end].to_vec(),
                _ => rng.choice(pieces).unwrap_or_default().chars().collect(),
            };
            let cut = if rng.bool() { at..end } else { at..at };
            text.splice(cut, piece);
        }
        let text: String = text.into_iter().collect();
        let environment = [None, Some("dev"), Some("prod"), Some("")][rng.usize(0..4)];
        if let Err(problems) = parse(&text, Path::new("x.toml"), environment) {
            assert!(
                problems.count() > 0 && !problems.to_string().is_empty(),
                "{text}"
            );
        }
    }
}

#[test]
fn deep_and_long_texts_are_refused_in_time() {
    let deep = format!("a = {}", "[".repeat(100_000));
    let wide = format!(
        "{LEAST}[[smoke]]\npath = \"/\"\njson = {{ \"/a\" = {}1{} }}\n",
        "[".repeat(70),
        "]".repeat(70)
    );
    let many = format!("{LEAST}{}", "[[smoke]]\npath = \"/\"\n".repeat(1_000));
    let long = format!(
        "{LEAST}[service.variables]\nA = \"{}\"\n",
        "x".repeat(9_000)
    );
    assert!(read(&deep).is_err());
    assert!(read(&wide).is_ok());
    assert!(problems(&many).contains("more than 50 smoke tests"));
    assert!(problems(&long).contains("only 8192 reach an instance at boot"));
}
