//! Zero-downtime blue/green releases on plain AWS EC2, with nothing but the AWS API. This page is the architecture.
//!
//! A release **bakes** an image from a build's output, brings it up on the **idle** colour, proves it there, **shifts**
//! the traffic, proves that as well, and says what it saw. Per app and environment there is one Application Load
//! Balancer, two target groups and two Auto Scaling groups, blue and green, which are made once and stay.
//!
//! # The flow
//!
//! ```text
//! Inputs -> Config + Inventory -> Plan -> Steps -> Outcome -> reports
//! ```
//!
//! | from | to | by | changes anything |
//! |---|---|---|---|
//! | options, environment variables, CI | [`inputs::Inputs`]: raw text, each with where it came from | [`inputs::Inputs::from`] | no |
//! | `bg-deploy.toml` | [`config::Config`]: valid values, every default filled in | [`config::load`] | no |
//! | artifact, unit, script | [`bake::bundle::Bundle`]: one reproducible archive | [`bake::bundle::pack`] | no |
//! | the AWS account | [`inventory::Inventory`]: what it holds now | [`inventory::take`] | no |
//! | config and inventory | [`plan::Plan`], or why there is none: every decision | [`plan::Plan::decide`], [`plan::Plan::go_back`] | no |
//! | plan | [`run::event::Event`]s and an [`outcome::Outcome`] | [`deploy::deploy`], [`rollback::rollback`], [`verify::verify`] and [`steps`] | **yes** |
//! | a run's state file | the rest of it, undone or done | [`finish::finish`] | **yes** |
//! | events, outcome, the probe's evidence, AWS's request ids | console, summary, comment, status, page, outputs | [`report`] | no |
//! | the same, in a job | what others are told: [`announce`] | [`announce::Announcer`] | not in AWS |
//!
//! Each arrow is one function, each noun one file, and no stage reads an earlier one but through its arguments. The
//! plan is complete: it holds what undoing needs and cannot observe later (weights, capacities, template version,
//! suspended processes as they were). Printing it is the dry run.
//!
//! Start reading at [`deploy`]: the whole sequence on one page, one line a step. [`rollback`] is the way back, as short;
//! [`verify`] goes as far as the shift, and undoes it. [`ending`] is how all three end.
//!
//! A rollback takes what is live for bad ([`plan::Plan::goes_back`]): no bake, no artifact, and while the previous colour
//! is up no launch ([`plan::Source`]). Live's failures are counted but not judged until the traffic was seen to have moved
//! ([`probe::Evidence::judged_tally`]). Undone, it never empties the colour that it held up.
//!
//! # Zones
//!
//! What a failure means depends on how far the run has come ([`run::event::Zone`]):
//!
//! | zone | live traffic | on a failure |
//! |---|---|---|
//! | prepare | untouched | what this run made is undone, the last first |
//! | commit | moving | the weights are restored and *seen* to be, then the rest is undone |
//! | finish | on the new release | only forward: what could not be done is named as a leftover, with what to type |
//!
//! A step that changes something ([`run::step::Step`]) has `start`, which makes the one change and returns a small handle,
//! `settle`, which waits, and `undo`. One that changes nothing is a [`run::step::Check`]; one of the finish zone, which is
//! never undone, a [`run::step::Forward`]. [`steps::TABLE`] lists them all with what undoes each.
//!
//! # Invariants
//!
//! Those that hold today, and what would notice their loss. "By construction" means that the types leave no other way.
//!
//! 1. **Up to `shift traffic`, nothing changes the live group, its target group or the traffic rule.** Steps of the
//!    prepare zone name the idle group and the preview rule only. *`tests/runs/unwind.rs` fails every step in turn, `tests/runs/cancel.rs`
//!    cancels at every one: the account and live answers are as before.*
//! 2. **Both target groups stay in the traffic rule, with both weights written.** A weight that is left out means 1, not
//!    0, and a group that no rule names is not health-checked. *By construction: [`aws::elbv2::write_weights`] takes both
//!    groups and a [`names::Weights`]; `a_weight_that_is_left_out_becomes_1_and_a_modified_action_is_replaced_as_a_whole`
//!    keeps the local cloud as strict as AWS.*
//! 3. **No traffic for a colour that was not just proved,** but for one that is up still since it was live: it is looked at, and
//!    proved while the traffic moves (`a_proof_that_fails_while_the_traffic_moves_turns_the_shift_around`). Any other: every instance of *this* template version healthy, several
//!    looks in a row; every answer through the preview route the wanted release; health looked at once more before the
//!    first write. *`every_instance_must_be_healthy_and_others_do_not_count`, `only_instances_of_this_version_count`;
//!    `a_release_that_answers_another_version_gets_no_traffic`.* The version probe meets each instance with a chance, not with certainty:
//!    it asks until missing one is less likely than 1 in 10,000 (`more_instances_need_more_questions`).
//! 4. **The previous colour keeps its capacity until it has answered nobody for a minute,** on the data plane. A weight
//!    of 0 that the API reads back is not yet what every node of the load balancer does.
//!    *`rehearse --fault drops-on-stop`: an app that drops its requests when it is stopped, and nobody is on it.*
//! 5. **A step is in the run's state file before it starts, its handle before anything waits for it, and a failed start
//!    is undone like a finished one.** So a run can be killed at any point, and [`finish`] ends it: undone without a trace,
//!    or released. What a newer run has taken over stays. *By construction: [`run::runner::Runner::step`] is the only way
//!    to run a step. `a_run_killed_before_it_settles_any_step_is_undone_without_a_trace`,
//!    `a_run_killed_before_it_knows_that_a_call_was_carried_out_is_undone_without_a_trace`,
//!    `a_run_killed_after_its_commit_stands_and_the_rest_of_it_is_done`, `what_a_newer_run_has_taken_over_is_left_to_it`;
//!    at each call to AWS, with any command after it: `tests/runs/crash.rs`;
//!    with the binary and real signals: `a_run_that_the_runner_interrupts_ends_in_order_and_finish_completes_it`.*
//! 6. **A run that vanishes with its disk leaves no visitor behind:** before a weight moves, a [`guard`] inside AWS is armed
//!    for it, and acts when nobody renews it; never on a release that stands, nor on weights of somebody else's.
//!    *`a_run_killed_between_its_first_weight_and_the_end_of_its_soak_leaves_no_visitor_behind`,
//!    `a_run_that_goes_on_is_never_disturbed_however_long_it_takes`, `weights_that_a_person_moved_are_left_to_the_person`.*
//! 7. **When traffic cannot be restored, nothing more is taken away.** The run is stuck, and prints what to type.
//!    *By construction: [`run::runner::Runner::unwind`] stops at a failed undo of the commit zone.*
//! 8. **Undo removes what this deployment made:** builders and images by its tag, the template version by its number or
//!    its description. Everything is tagged in the call that makes it.
//! 9. **A recipe is baked once, and what addresses it is its content.** *`a_change_of_any_part_is_another_image`,
//!    `the_same_files_give_the_same_bundle_in_another_place_and_order`.*
//! 10. **A builder ends on every path:** success, failure, cancellation, and by itself after two hours.
//!     *`every_step_leads_to_the_builder_s_end`, `a_failing_script_ends_the_builder_and_fails_the_whole`,
//!     `a_builder_that_nobody_ends_shuts_itself_down`.*
//! 11. **`deployed` means observed:** the wanted release gave the last answers, no probe request failed, and the probe
//!     caught the failures that were planted for it. Otherwise the outcome is `unproven`. *`no_sample_is_no_pass`,
//!     `a_control_that_fails_to_fail_leaves_the_verdict_unproven`.*
//! 12. **Every wait is bounded and says what it waited for.** *By construction: [`run::wait::Limits`] has no "for ever";
//!     `the_last_reason_is_in_the_error_when_time_is_up`.*
//! 13. **Nothing foreign takes effect in a report, and nothing secret is in one.** What a server, a builder, a branch or
//!     AWS says becomes no workflow command, output, mention, link, markup or movement of a cursor, in any form.
//!     *`report::hostile` attacks [`text`] and parses every form again, with texts that have broken others and with any bytes: it is made of
//!     the same as with harmless ones. `tests/runs/secrets.rs` looks for a run's secrets in all that it says.*
//! 14. **The local cloud never pretends.** An operation or a parameter that it does not know is an error that names it.
//!     *`what_an_operation_did_not_read_is_refused_by_name`.*
//!
//! 14. **No weight is written with credentials that may end before the way back does,** as far as their end is known.
//!     *`a_session_that_a_long_bake_has_used_up_is_noticed_before_the_first_weight`; those of a job's role are renewed:
//!     `a_release_longer_than_a_session_is_deployed_with_the_sessions_of_the_job_s_role`.*
//! 15. **What a run believed when it began harms nobody.** Taking capacity, changing a template, a health check or a schedule, and
//!     writing a weight each take a witness that only a fresh look can make ([`aws::witness`]): nothing leads visitors to this group
//!     now, the weights are as this run left them, so many instances are healthy. What somebody else changed is not overwritten.
//!     *By construction: the fields are private. `tests/runs/other_hands.rs` moves weights and sizes; `tests/runs/hands.rs` does
//!     each act of a person's at each step.* What a release empties has been asked for by nobody for a minute, by the load balancer's
//!     own count as well: *`a_colour_that_answers_by_a_route_in_no_rule_is_not_emptied_and_nobody_there_loses_a_request`.*
//! 16. **At most one run changes anything,** and what it had begun is known outside its process before it is done ([`lease`]).
//!     *`tests/runs/two_runs.rs` begins a second run at every offset; `whoever_comes_next_finds_what_was_left_in_the_lease_and_brings_it_to_an_end_without_a_file`.*
//!
//! A whole release over the local cloud, in memory and under a paused clock, stands in `tests/runs/deploy.rs`; with broken
//! apps in `tests/faults.rs`, with answers of AWS that are lost or refused in `tests/runs/lost_replies.rs` and
//! `tests/runs/throttled.rs`. What GitHub is told stands in `tests/github/main.rs`, over a GitHub that holds every request against
//! GitHub's own description of its API. In
//! `crates/local-aws`, `tests/conformance.rs` lets boto3 and the AWS CLI judge the local cloud.
//!
//! # Rules of the house
//!
//! What the compiler does not keep, `clippy.toml` and `tests/house.rs` do.
//!
//! - Only [`aws`] names types of the SDK. An error of the SDK is converted once, there, to operation, object, code and
//!   words; whoever branches does so on [`cause::ErrorKind`] or [`cause::Reason`], never on text, to the last report.
//! - Only [`http_client`] names reqwest: the usual proxies, no redirect, bounded answers.
//! - Only [`github`] names octocrab. What GitHub does not do, or does not answer, is a notice and never an outcome.
//! - Only a [`net_clock::Clock`] sleeps, which a rehearsal can accelerate and a test can pause; [`run::wait`] waits on it.
//! - Only `main.rs` reads the environment; everything else takes [`inputs::Inputs`].
//! - Only [`commands`] writes to the terminal; everything else emits an [`run::event::Event`] or returns a value. One
//!   stream of events feeds every report, so no two can disagree.
//! - [`plan`] does no I/O, nor does [`local_aws::account`].
//! - Only the commands `rehearse`, `local-aws` and `sample-app` know that [`local_aws`] exists. What they start is told
//!   apart by an endpoint URL and the speed of its clock, by nothing else.
//! - A mutating call that times out is *unknown*, not failed: look, then act. That holds for GitHub as for AWS.
//! - The words have one meaning each: colour, live and idle, candidate and previous, release, bake, shift and restore,
//!   soak, drain, roll back (a run) and undo (a step). `.github/CONTRIBUTING.md` lists them.
//!
//! # Code map
//!
//! | where | what |
//! |---|---|
//! | [`cli`], [`commands`] | the command line, and one file for each command |
//! | [`inputs`] | every option and variable once, in [`inputs::table`]: `action.yml` and docs/action.md are held to it |
//! | `action.yml`, `action/` | the GitHub Action: where its binary comes from, and the way into it |
//! | [`faults`] | what goes wrong in a rehearsal on purpose, once: help, README and tests are made from it |
//! | [`config`] | `bg-deploy.toml`: every key once, in [`config::keys`]; reader, schema and reference are made from it |
//! | [`bake`] | the bundle, the systemd unit, the runbook, and what addresses an image |
//! | [`provision`] | makes what a release needs, and finds it again by name: load balancer, groups, roles, bucket, runbook |
//! | [`destroy`] | removes all of that, and what releases and bakes made, by its tags: what leads visitors there first, the lease last |
//! | [`stack`], [`names`] | the names and tags of all that; colours, weights, releases |
//! | [`steps`] | a file for each line of [`deploy`] and [`rollback`] |
//! | [`standing`], [`status`], [`history`] | how things stand; who serves what now, and what can be gone back to, as values and as text |
//! | [`doctor`] | what would make the next release fail or lie, what is left over, and what can be mended of it |
//! | [`ending`] | how a run ends: undone, deployed, or deployed without proof |
//! | [`run`] | steps and their runner, the journal and the state file it is kept in, events, waiting, the clock |
//! | [`finish`] | what is done about a run whose process is gone |
//! | [`guard`] | what AWS does about it, when nothing else is |
//! | [`reconcile`] | what is put right where there is nothing to release |
//! | [`prove_live`] | what is proved there, where no run has proved it |
//! | [`probe`] | the visitor that never stops asking, its ledger, and what that proves |
//! | [`text`] | foreign text made harmless for whatever it is shown in: the one place that cuts, escapes and quotes |
//! | [`report`] | all that is said about a run, in five forms made from one story, and the outputs of a workflow's step |
//! | [`announce`], [`github`], [`http_client`] | GitHub's deployment and the comment on the pull request; GitHub's API in our own words; how others are reached |
//! | [`aws`], [`net_clock::Network`] | the API in our own words, and the request ids of what it changed ([`aws::calls`]); TCP, or memory |
//! | [`id_token`], [`aws::web_identity`], [`aws::credentials`] | who a job is in GitHub's word, the sessions that AWS gives it for that, and how long credentials live |
//! | [`local_aws`] | the local cloud, a crate of its own: [`local_aws::account`] is state, above it protocols, then load balancer, instances and automation as what really runs |
//!
//! # Why it is like this
//!
//! **Two groups and weights in one listener rule.** A shift is one `ModifyRule` in place for each such rule, mostly one, and so is the way back; both
//! colours stand behind the same name, certificate and connections. *Two load balancers behind DNS* shift as fast as
//! resolvers forget, which is minutes for most visitors and never for some, and a client that keeps its connection does
//! not move at all. The price: while both colours are up, which is the release and the retention after it (an hour, by
//! default), twice the instances are paid for. And a new weight is not in force when the API has it: nodes learn one
//! by one, over seconds. Hence the looks at the data plane, and the minute of silence before capacity goes.
//!
//! **An image, not an agent.** What was proved on the idle colour is byte for byte what a scale-out at night starts, with
//! no registry, package mirror or deploy service on the way. The price is the bake, which is minutes even for a changed
//! comma, mostly the builder's start and stop and the snapshot; a release of content that was baked before skips it.
//! Each image also costs its snapshot's storage, so only the newest few are kept.
//!
//! **State lives in AWS.** Names are deterministic, everything bears tags, and what is live is what the traffic rule's
//! weights say. There is no state file to lose, lock or disagree with: the one that a run keeps is a note of what it
//! meant to do, read by nobody but its own `finish`, which looks at AWS before it acts. The price: a run begins with calls
//! that only look, and what somebody changed by hand is found out (and refused) instead of overwritten.
//!
//! **No trait stands in for AWS.** Tests and rehearsals send the SDK's own bytes to the local cloud, over TCP or over
//! memory, so serialisation, retries, error codes and pagination are tested as they are used, and code under test has no
//! second path. A mock that says yes proves what its author believed; here a request that AWS would refuse is refused.
//! The price: the local cloud is as large as the rest, and it is believed only as far as it is checked against
//! other clients.
//!
//! **A numbered launch template version.** `$Latest` moves under a group that is scaling out: an instance that starts at
//! the wrong moment would be of a release that nobody has proved. A number does not move, and the version of each
//! instance can be compared with it.
//!
//! **Scale-in of the previous colour is an automation inside AWS** ([`scale_in`]). It happens though no runner lives that
//! long, and it looks first: a scheduled action of the group empties it, whoever made it live again meanwhile.
//! *`weights_that_somebody_moves_back_within_that_time_keep_the_colour_up_though_no_run_follows`*
//!
//! ## Considered, and not taken
//!
//! - **CodeDeploy** needs an agent on each instance and a service that stands between a team and its groups; its
//!   blue/green makes a *copy* of the Auto Scaling group each time, so names, policies and alarms move with every release.
//!   It has what this crate lacks: a service that goes on when the caller is gone.
//! - **Instance refresh** replaces instances inside one group: two releases behind one target group, with no weight
//!   between them, no preview of the whole, and a way back as long as the way there. It needs half the instances.
//! - **Weighted DNS records**: see above. They would do for two regions.
//! - **Packer, EC2 Image Builder**: both good at images. Each is one more tool with its own template, credentials and
//!   failure modes, for a script of thirty lines; the SSM runbook runs in AWS and ends its builder though the caller died.
//! - **EBS direct APIs** (write the snapshot's blocks, no builder at all) would take most of the minutes out of a bake.
//!   Then installing means editing a file system from outside, without the package manager or a script of the user's.
//!   The most promising of these, for programs that are one file.
//! - **Installing in user data** makes each start depend on whatever it downloads, and a scale-out at night may not be
//!   what was proved. Only what differs between environments comes at boot, in one file.
//! - **The desired state in Parameter Store**, with instances that fetch and converge: an agent again, and the moment at
//!   which the last instance has the new release is nobody's.
//!
//! # Not there yet
//!
//! - **DNS, certificates, HTTPS listeners, VPCs and subnets** are not provisioned.

pub mod announce;
pub mod aws;
pub mod bake;
pub mod calibrate;
pub mod cause;
pub mod cli;
pub mod command_line;
pub mod commands;
pub mod config;
pub mod deploy;
pub mod destroy;
pub mod doctor;
pub mod ending;
pub mod faults;
pub mod finish;
pub mod github;
pub mod guard;
pub mod history;
pub mod http_client;
pub mod id_token;
pub mod inputs;
pub mod inventory;
pub mod kept;
pub mod lease;
pub mod names;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod prepare;
pub mod probe;
pub mod prove_live;
pub mod provision;
pub mod random;
pub mod reconcile;
pub mod report;
pub mod rollback;
pub mod run;
pub mod runbook;
pub mod scale_in;
pub mod secret;
pub mod stack;
pub mod standing;
pub mod status;
pub mod steps;
pub mod text;
pub mod timer;
pub mod tls;
pub mod verify;
