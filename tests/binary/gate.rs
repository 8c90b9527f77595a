//! A release that is refused for the order of its commits: GitHub says that it is older, and nothing is changed.

use crate::account::Account;
use crate::github::GitHub;

fn commit(letter: &str) -> String {
    letter.repeat(40)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_commit_is_refused_and_nothing_is_changed_unless_it_is_allowed() {
    let github = GitHub::enterprise().await;
    let (oldest, old, new) = (commit("a"), commit("b"), commit("c"));
    github.branch(&[&oldest, &old, &new]);
    let account = Account::provisioned("[service.variables]\nAPI_KEY = \"s3cr3t-of-prod\"\n").await;
    for (release, commit) in [("1.0.0", &old), ("1.0.1", &new)] {
        let ran = account.deploy(release, &[], Some((&github, commit))).await;
        assert_eq!(ran.code, Some(0), "{}", ran.text);
    }

    let before = account.changes();
    let ran = account.deploy("1.0.2", &[], Some((&github, &old))).await;
    assert_eq!(ran.code, Some(3), "{}", ran.text);
    for words in [
        "this commit, bbbbbbbbbbbb, is older than the one that is live, cccccccccccc",
        "nothing was changed",
        "--release 1.0.2 --artifact dist-1.0.2 --allow-older",
        "to go back to the previous release: bg-deploy rollback --region eu-central-1",
    ] {
        assert!(ran.text.contains(words), "{words}\n{}", ran.text);
    }
    assert_eq!(account.changes(), before, "{}", ran.text);

    let held = account.run(&["hold", "--reason", "the sale"], None).await;
    assert_eq!(held.code, Some(0), "{}", held.text);
    let plan = ["plan", "--release", "1.0.2", "--artifact", "dist-1.0.2"];
    let ran = account.run(&plan, Some((&github, &old))).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    for words in [
        "commits          this commit, bbbbbbbbbbbb, is older than the one that is live",
        "hold             releases are on hold: \"the sale\"",
    ] {
        assert!(ran.text.contains(words), "{words}\n{}", ran.text);
    }
    let as_json = [&plan[..], &["--json"]].concat();
    let ran = account.run(&as_json, Some((&github, &old))).await;
    assert!(ran.text.contains("would-release"), "{}", ran.text);
    assert!(!ran.text.contains("s3cr3t-of-prod"), "{}", ran.text);
    let held = account.run(&["release-hold"], None).await;
    assert_eq!(held.code, Some(0), "{}", held.text);
    assert_eq!(account.changes(), before, "{}", ran.text);

    // Back to the older commit, from a job at the oldest: GitHub is not asked.
    let compared = || {
        let asked = github.requests().into_iter();
        asked.filter(|one| one.contains("/compare/")).count()
    };
    let asked = compared();
    let ran = account.run(&["rollback"], Some((&github, &oldest))).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert_eq!(compared(), asked);
    let fast = "Way back: the first weights were written ";
    assert!(ran.text.contains(fast), "{}", ran.text);

    let allowed = ["--allow-older"];
    let ran = account
        .deploy("1.0.2", &allowed, Some((&github, &oldest)))
        .await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("--allow-older was given"), "{}", ran.text);
    assert!(
        ran.text.contains("1.0.2 serves all traffic"),
        "{}",
        ran.text
    );

    // Of what was baked, by another name.
    let again = ["plan", "--release", "1.0.3", "--artifact", "dist-1.0.2"];
    let ran = account.run(&again, None).await;
    let spared = "bake image               changes nothing: the image stands";
    assert!(ran.text.contains(spared), "{}", ran.text);
}
