//! The binary, killed again and again at any moment while visitors are served: none of them notices, and what comes next
//! brings to an end what was left.

use crate::site::{Ran, Site, Visitor};

/// So often it is killed, at each of the sites.
const KILLS: [usize; 4] = [7, 6, 6, 6];
/// So many commands are started at most, for each kill: some end before their moment.
const STARTS: usize = 3;
/// In so many answers from the first one of a new release its run has done all that moves visitors, about.
const MOVING: usize = 160;

/// A run that answered in time is believed only as far as the visitor bears it out.
fn assert_true(ran: &Ran, words: &str, visitor: &mut Visitor) {
    if let Some(serving) = ran.serving() {
        assert_eq!(visitor.next(), serving, "{words}: {}", ran.text);
    }
}

#[test]
fn a_binary_that_is_killed_25_times_at_any_moment_costs_no_visitor_a_request() {
    std::thread::scope(|scope| {
        let mut from = 0;
        for kills in KILLS {
            scope.spawn(move || kill(kills, from));
            from += STARTS * kills;
        }
    });
}

/// Starts commands from this number on, and kills so many of them.
fn kill(kills: usize, from: usize) {
    let site = Site::with("1.0.0");
    let mut visitor = site.visitor();
    let whole = site.answers_in_a_release("1.0.1", &mut visitor);
    let mut killed = 0;
    let mut told = Vec::new();
    for number in from..from + STARTS * kills {
        if killed == kills {
            break;
        }
        let release = format!("1.{}.0", number + 1);
        // A way back and a finish take a part of the time.
        let (mut run, whole) = match number % 6 {
            1 => (site.start(&["rollback"]), whole / 4),
            4 => (site.start(&["finish"]), whole / 8),
            _ => (site.deploy(&release), whole),
        };
        // Three of six from the moment on at which visitors meet the new release, the others from the beginning on.
        let meets = [0, 3, 5].contains(&(number % 6));
        while meets && run.is_alive() && !visitor.counts().contains_key(&release) {
            visitor.has(1);
        }
        // Spread, each far from the one before: multiples of the golden ratio.
        let moment = (number * 618) % 1000 * if meets { MOVING } else { whole } / 1000;
        for _ in 0..moment / 5 {
            visitor.has(5);
            if !run.is_alive() {
                break;
            }
        }
        let words = format!(
            "{number}: {} after {moment} answers{}",
            run.words,
            if meets { " of its traffic" } else { "" }
        );
        if run.is_alive() {
            killed += 1;
            run.kill();
            told.push(format!("{words}: killed"));
        } else {
            let ran = run.end();
            told.push(format!("{words}: exit code {:?}", ran.code));
            assert_true(&ran, &words, &mut visitor);
        }
        assert_eq!(visitor.lost(), [""; 0], "{told:#?}");
    }
    assert_eq!(killed, kills, "{told:#?}");
    // Beside the two from before, some of those that were killed.
    let met = visitor.counts().len() - 2;
    assert!(met > 1, "{:?} {told:#?}", visitor.counts());

    let ran = site.deploy("2.0.0").end();
    assert_eq!(ran.code, Some(0), "{told:#?}\n{}", ran.text);
    assert_eq!(visitor.next(), "2.0.0", "{}", ran.text);
    let ran = site.start(&["finish"]).end();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("nothing to finish"), "{}", ran.text);
    assert_eq!(visitor.lost(), [""; 0], "{:?}", visitor.counts());
}

#[test]
fn a_killed_binary_s_run_is_finished_by_a_runner_that_has_none_of_its_files() {
    let site = Site::with("1.0.0");
    let mut visitor = site.visitor();
    let mut run = site.deploy("1.1.0");
    visitor.meets("1.1.0", &mut run);
    run.kill();
    let ran = site.start(&["finish"]).end();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(
        ran.text.contains("the earlier run is finished"),
        "{}",
        ran.text
    );
    assert_eq!(visitor.next(), "1.0.0", "{}", ran.text);
    let ran = site.start(&["finish"]).end();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("nothing to finish"), "{}", ran.text);
    assert_eq!(visitor.lost(), [""; 0], "{:?}", visitor.counts());
}

#[test]
fn a_state_file_that_is_older_than_its_run_undoes_nothing_of_it() {
    let site = Site::with("1.0.0");
    let mut visitor = site.visitor();
    let mut run = site.deploy("1.1.0");
    visitor.meets("1.1.0", &mut run);
    // As a disk keeps it that was full from here on.
    let old = std::fs::read(run.state_file()).expect("a state");
    let ran = run.end();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    let kept = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(kept.path(), old).expect("written");
    let file = kept.path().to_str().expect("a path");
    let ran = site.start(&["finish", "--state", file]).end();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("nothing to finish"), "{}", ran.text);
    assert_eq!(visitor.next(), "1.1.0", "{}", ran.text);
    assert_eq!(visitor.lost(), [""; 0], "{:?}", visitor.counts());
}

#[test]
fn a_run_that_is_alive_is_not_finished_by_who_finds_its_file() {
    let site = Site::with("1.0.0");
    let mut visitor = site.visitor();
    let mut run = site.deploy("1.1.0");
    visitor.meets("1.1.0", &mut run);
    let file = run.state_file();
    let file = file.to_str().expect("a path");
    let ran = site.start(&["finish", "--state", file]).end();
    assert_eq!(ran.code, Some(3), "{}", ran.text);
    assert!(
        ran.text.contains("is under way, in another process"),
        "{}",
        ran.text
    );
    let ran = run.end();
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert_eq!(visitor.next(), "1.1.0", "{}", ran.text);
    assert_eq!(visitor.lost(), [""; 0], "{:?}", visitor.counts());
}
