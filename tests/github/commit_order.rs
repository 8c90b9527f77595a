//! Which of two commits is older, as GitHub is asked; and what comes of a GitHub that does not say.

use bg_deploy::announce::Order;

use super::Job;
use super::github::{GitHub, Rule, SHA};

fn commit(letter: &str) -> String {
    letter.repeat(40)
}

/// The reason why it is not known.
fn unknown(order: Order) -> String {
    match order {
        Order::Unknown(why) => why,
        other => panic!("known: {other:?}"),
    }
}

#[tokio::test]
async fn a_commit_is_newer_older_or_of_another_branch_as_github_says() {
    let github = GitHub::enterprise().await;
    let (old, new, other) = (commit("a"), commit("b"), commit("c"));
    github.branch(&[&old, SHA, &new]);
    github.elsewhere(&other);
    let announcer = Job::of(&github).announcer();
    for (live, order) in [
        (&old, Order::Newer),
        (&new, Order::Older),
        (&other, Order::Diverged),
    ] {
        assert_eq!(announcer.order(live, Some(SHA)).await, order, "{live}");
    }
    // The same one needs no asking.
    let asked = github.requests().len();
    assert_eq!(announcer.order(SHA, Some(SHA)).await, Order::Newer);
    assert_eq!(github.requests().len(), asked);
}

#[tokio::test]
async fn what_github_does_not_say_is_unknown_with_the_reason() {
    let github = GitHub::start().await;
    let live = commit("b");
    github.branch(&[SHA]);
    let job = Job::of(&github);
    let why = unknown(job.announcer().order(&live, Some(SHA)).await);
    assert!(why.contains("contents: read"), "{why}");
    for status in [403, 500] {
        github.fail(Rule::on("GET", "").status(status));
        unknown(job.announcer().order(&live, Some(SHA)).await);
        github.recover();
    }
    // A name that is none becomes no part of an address.
    let asked = github.requests().len();
    for (live, ours) in [("main/../../x", Some(SHA)), (live.as_str(), Some("main"))] {
        let why = unknown(job.announcer().order(live, ours).await);
        assert!(why.contains("full names"), "{why}");
    }
    let why = unknown(job.announcer().order(&live, None).await);
    assert!(why.contains("which commit"), "{why}");
    let mut without = Job::of(&github);
    without.inputs.telling.github_token = None;
    let why = unknown(without.announcer().order(&live, Some(SHA)).await);
    assert!(why.contains("github-token"), "{why}");
    assert_eq!(github.requests().len(), asked);
}
