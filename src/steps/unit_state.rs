//! How a service's unit is, as `systemctl show` on its instance says.

/// The properties that are asked for; those that a systemd doesn't know it leaves out.
const PROPERTIES: &str = "ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts";

/// The line of a script that shows how a unit is, and ends the script where that cannot be shown.
pub(super) fn show(unit: &str) -> String {
    let unit = crate::text::shell_word(unit);
    format!("systemctl show {unit} --no-pager -p {PROPERTIES} || exit 1")
}

/// How a unit is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitState {
    /// `active`, `activating`, `failed`, ...; empty where there is no systemd.
    pub(super) active: String,
    /// `running`, `auto-restart`, `dead`, ...
    sub: String,
    /// How its last process ended: `CLD_EXITED` is 1, `CLD_KILLED` 2, `CLD_DUMPED` 3; 0 while one runs.
    pub(super) code: u8,
    /// Its exit status, or the signal that ended it.
    pub(super) status: i32,
    /// How often systemd has started it again by itself since the boot.
    pub(super) restarts: u32,
}

impl UnitState {
    /// What the lines of `systemctl show` say.
    pub(super) fn read(shown: &str) -> Self {
        let of = |name: &str| {
            let mut lines = shown.lines().filter_map(|line| line.split_once('='));
            let found = lines.find(|(key, _)| *key == name);
            found.map_or("", |(_, value)| value.trim())
        };
        Self {
            active: of("ActiveState").to_owned(),
            sub: of("SubState").to_owned(),
            code: of("ExecMainCode").parse().unwrap_or_default(),
            status: of("ExecMainStatus").parse().unwrap_or_default(),
            restarts: of("NRestarts").parse().unwrap_or_default(),
        }
    }

    /// The same in a few words.
    pub(super) fn words(&self) -> String {
        if self.active.is_empty() {
            return String::new();
        }
        let mut words = format!("{} ({})", self.active, self.sub);
        match self.code {
            1 => words += &format!(", exit status {}", self.status),
            2 | 3 => words += &format!(", ended by signal {}", self.status),
            _ => {}
        }
        match self.restarts {
            0 => {}
            1 => words += ", restarted once",
            times => words += &format!(", restarted {times} times"),
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_by_how_it_ended_and_how_often_it_was_restarted() {
        for (shown, words) in [
            (
                "ActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainCode=1\nExecMainStatus=3\nNRestarts=7",
                "activating (auto-restart), exit status 3, restarted 7 times",
            ),
            (
                "NRestarts=1\nExecMainStatus=9\nExecMainCode=2\nSubState=auto-restart\nActiveState=activating",
                "activating (auto-restart), ended by signal 9, restarted once",
            ),
            (
                "ActiveState=active\nSubState=running\nExecMainCode=0\nExecMainStatus=0\nNRestarts=0",
                "active (running)",
            ),
            ("System has not been booted with systemd", ""),
        ] {
            assert_eq!(UnitState::read(shown).words(), words);
        }
    }
}
