//! Every kind of run in every form, compared with the files under `tests/golden/report`.
//!
//! `BGD_UPDATE_GOLDEN=1 cargo test report::` writes them anew; read the difference as a stranger would.

use std::path::PathBuf;

use super::{Files, stories};

fn compare(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/report")
        .join(name);
    #[expect(
        clippy::disallowed_methods,
        reason = "only this test can be asked to write its files anew"
    )]
    let update = std::env::var("BGD_UPDATE_GOLDEN").is_ok();
    if update {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(&path, text).expect("the golden file");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} has changed; it is now:\n{text}");
}

fn files(tale: &stories::Tale) -> Files {
    Files {
        markdown: Some("bg-deploy-report/report.md".into()),
        html: Some("bg-deploy-report/report.html".into()),
        ledger: tale
            .evidence
            .as_ref()
            .map(|_| "bg-deploy-report/ledger.jsonl".into()),
    }
}

#[test]
fn every_kind_of_run_reads_as_it_did() {
    for tale in stories::all() {
        let run = tale.run();
        let failure = super::failure_text(&run);
        let text = format!(
            "{}\n{}\n----- stderr\n{failure}",
            super::sentence(&run),
            super::ending(&run)
        );
        compare(&format!("{}.txt", tale.name), &text);
        compare(&format!("{}.md", tale.name), &super::markdown(&run));
        // The same in each.
        let page = super::html(&run).replace(include_str!("page.css"), "/* page.css */\n");
        compare(&format!("{}.html", tale.name), &page);
        let comment = super::comment(&run, "<!-- bg-deploy hello prod -->");
        compare(&format!("{}.comment.md", tale.name), &comment);
        let status = format!("{}\n", super::status(&run));
        compare(&format!("{}.status.txt", tale.name), &status);
        let outputs = super::output_file(&super::outputs(&run, &files(&tale)), "0123");
        compare(&format!("{}.outputs.txt", tale.name), &outputs);
    }
}
