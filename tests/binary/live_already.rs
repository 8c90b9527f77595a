//! The release that is live already: proved once, and then there is nothing to do.

use crate::account::Account;

#[tokio::test(flavor = "multi_thread")]
async fn a_live_release_that_no_run_is_remembered_to_have_proved_is_proved_once() {
    let account = Account::provisioned("").await;
    let ran = account.deploy("1.0.0", &[], None).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    let before = account.changes();

    let ran = account.deploy("1.0.0", &[], None).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(
        ran.text.contains("it was proved by deploy of 1.0.0"),
        "{}",
        ran.text
    );
    assert!(!ran.text.contains("proven now"), "{}", ran.text);

    account.forget_runs();
    let plan = [
        "plan",
        "--release",
        "1.0.0",
        "--artifact",
        "dist-1.0.0",
        "--json",
    ];
    let ran = account.run(&plan, None).await;
    let said: serde_json::Value = serde_json::from_str(&ran.text).expect("JSON");
    let why = said["not_proven"].as_str().unwrap_or_default();
    assert!(why.contains("no run is remembered"), "{said}");
    let ran = account.deploy("1.0.0", &[], None).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    for words in [
        "no run is remembered that made it live",
        "nothing was released, and it is proven now: 0 of ",
        "Nothing to do",
    ] {
        assert!(ran.text.contains(words), "{words}\n{}", ran.text);
    }

    let ran = account.deploy("1.0.0", &[], None).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    let words = "it was proved by deploy of 1.0.0, which ended nothing-to-do";
    assert!(ran.text.contains(words), "{}", ran.text);
    assert_eq!(account.changes(), before);
}
