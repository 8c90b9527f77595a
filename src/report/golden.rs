//! Every kind of run in every form, compared with the files under `tests/golden/report`.
//!
//! `BGD_UPDATE_GOLDEN=1 cargo test report::` writes them anew; read the difference as a stranger would.

use std::path::PathBuf;

use super::stories;

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
        compare(&format!("{}.html", tale.name), &super::html(&run));
    }
}
