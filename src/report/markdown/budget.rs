//! The parts of a document, and how they are made to fit.
//!
//! Guarantees: a part is there whole or not at all, so no fence, fold or code span is ever cut; what is left out is
//! named.

/// How much a document may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Budget {
    /// Characters, each counted as GitHub's database might: as UTF-16 units, which are never fewer.
    Chars(usize),
    /// Bytes of UTF-8.
    Bytes(usize),
}

impl Budget {
    fn takes(self, text: &str) -> (usize, usize) {
        match self {
            Self::Chars(most) => (text.encode_utf16().count(), most),
            Self::Bytes(most) => (text.len(), most),
        }
    }
}

/// A part of a document.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// 0 is always there; of the others the greatest goes first.
    rank: u8,
    /// What it is called when it is left out.
    name: &'static str,
    text: String,
}

impl Block {
    /// A part; without text it is none.
    pub(super) fn needed(rank: u8, name: &'static str, text: String) -> Self {
        Self { rank, name, text }
    }

    /// A part that is folded until somebody opens it. `summary` is in our own words.
    pub(super) fn fold(rank: u8, name: &'static str, summary: &str, body: &str) -> Self {
        Self::needed(rank, name, body.to_owned()).folded(summary)
    }

    /// The same under a heading, which is in our own words.
    pub(super) fn headed(mut self, heading: &str) -> Self {
        if !self.text.is_empty() {
            self.text = format!("#### {heading}\n\n{}", self.text);
        }
        self
    }

    /// The same, folded.
    pub(super) fn folded(mut self, summary: &str) -> Self {
        if !self.text.is_empty() {
            let body = self.text.trim_end();
            self.text =
                format!("<details><summary>{summary}</summary>\n\n{body}\n\n</details>\n\n");
        }
        self
    }
}

/// The document, with as many of its parts as there is room for; `note` says what is missing.
pub(super) fn fit(mut blocks: Vec<Block>, budget: Budget, note: impl Fn(&str) -> String) -> String {
    blocks.retain(|block| !block.text.is_empty());
    let mut missing: Vec<&str> = Vec::new();
    loop {
        let document = document(&blocks, &missing, &note);
        let (length, most) = budget.takes(&document);
        let worst = blocks
            .iter()
            .enumerate()
            .filter(|(_, block)| block.rank > 0)
            .max_by_key(|(_, block)| (block.rank, block.text.len()))
            .map(|(at, _)| at);
        match worst {
            Some(at) if length > most => missing.push(blocks.remove(at).name),
            _ => return document,
        }
    }
}

fn document(blocks: &[Block], missing: &[&str], note: &impl Fn(&str) -> String) -> String {
    let mut out: String = blocks.iter().map(|block| block.text.as_str()).collect();
    if !missing.is_empty() {
        out.push_str(&note(&missing.join(", ")));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Vec<Block> {
        vec![
            Block::needed(0, "", "verdict\n\n".to_owned()),
            Block::fold(2, "the log", "Log", &"x".repeat(50)),
            Block::fold(2, "the calls", "Calls", &"🦀".repeat(60)),
            Block::needed(1, "the table", "table\n\n".to_owned()),
        ]
    }

    fn fitted(budget: Budget) -> String {
        fit(parts(), budget, |missing| format!("no room: {missing}"))
    }

    #[test]
    fn the_least_needed_goes_first_and_the_largest_of_these_and_it_is_named() {
        assert!(!fitted(Budget::Chars(10_000)).contains("no room"));
        let some = fitted(Budget::Chars(200));
        assert!(some.ends_with("table\n\nno room: the calls\n"), "{some}");
        assert!(some.contains("xxxx"), "{some}");
        assert_eq!(
            fitted(Budget::Chars(60)),
            "verdict\n\ntable\n\nno room: the calls, the log\n"
        );
        assert!(fitted(Budget::Chars(1)).starts_with("verdict\n\nno room: "));
    }

    #[test]
    fn characters_beyond_the_first_plane_count_twice_and_in_bytes_four_times() {
        let crab = vec![
            Block::needed(0, "", "🦀".to_owned()),
            Block::needed(1, "b", "b".to_owned()),
        ];
        let fits = |budget| {
            !fit(crab.clone(), budget, |_| String::new()).contains('🦀')
                || fit(crab.clone(), budget, |_| String::new()).contains('b')
        };
        assert!(fits(Budget::Chars(4)) && !fits(Budget::Chars(3)));
        assert!(fits(Budget::Bytes(6)) && !fits(Budget::Bytes(5)));
    }
}
