//! A runner whose files cannot become as long as they have to: what cannot be written down is said, no good release is
//! undone for it, and none that was not released is called so.

use crate::site::Site;

/// So long a file can become, in bytes: nothing; a bundle, and no state; a state, and no ledger; all but the longest.
const LENGTHS: [u32; 4] = [0, 4 * 1024, 32 * 1024, 64 * 1024];

#[test]
fn whatever_can_not_be_written_down_a_release_ends_as_it_says_and_finish_undoes_nothing_of_it() {
    let site = Site::with("1.0.0");
    let mut visitor = site.visitor();
    let mut live = "1.0.0".to_owned();
    let mut released = Vec::new();
    for (number, most) in LENGTHS.into_iter().enumerate() {
        let release = format!("1.{}.0", number + 1);
        let [ran, finish] = site.deploy_where_files_are_short(&release, most);
        let told = format!("{most} bytes: {}\n{}", ran.text, finish.text);
        match ran.code {
            Some(0) => {
                live.clone_from(&release);
                released.push(most);
                assert!(ran.text.contains("File too large"), "{told}");
            }
            Some(1) => assert!(ran.text.contains("nothing was changed"), "{told}"),
            other => panic!("{other:?}, {told}"),
        }
        assert_eq!(visitor.next(), live, "{told}");
        assert_eq!(finish.code, Some(0), "{told}");
        assert!(finish.text.contains("nothing to finish"), "{told}");
    }
    assert_eq!(visitor.lost(), [""; 0], "{:?}", visitor.counts());
    // One that cannot write down what it is about does not begin; any other release goes on.
    assert_eq!(released, LENGTHS[2..]);
}
