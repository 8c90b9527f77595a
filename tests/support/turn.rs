//! A run's turn, as the commands take it.

use bg_deploy::aws::sts;
use bg_deploy::lease::{self, Holder, Patience, Taken};
use bg_deploy::names::utc;
use bg_deploy::random::random_token;
use bg_deploy::run::context::Context;
use bg_deploy::stack::Names;

/// Asks for a turn.
pub(crate) async fn ask(cx: &Context, names: &Names, who: &str, patience: Patience) -> Taken {
    let caller = sts::known_caller(&cx.aws).await.expect("a caller");
    let place = match who {
        "verify" => names.verify_lease(&caller.account, &cx.aws.region),
        _ => names.lease(&caller.account, &cx.aws.region),
    };
    let holder = Holder {
        id: random_token().expect("a token"),
        command: who.to_owned(),
        since: utc(cx.clock.utc()),
        ..Holder::default()
    };
    lease::take(&cx.aws, &cx.clock, &place, &holder, patience, |_| {})
        .await
        .expect("an answer")
}

/// The same context with its turn, whoever had it before; without a stack there are no turns.
pub(crate) async fn at_once(cx: Context, names: &Names) -> Context {
    at_once_as(cx, names, "test").await
}

/// The same for this command.
pub(crate) async fn at_once_as(cx: Context, names: &Names, who: &str) -> Context {
    match ask(&cx, names, who, Patience::Overtakes).await {
        Taken::Lease { lease, .. } => cx.holding(*lease),
        _ => cx,
    }
}
