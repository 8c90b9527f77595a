//! The systemd unit that runs the service: hardened, restarted, and stopped with time to drain.

use anyhow::{Result, bail};

use crate::config::Service;

/// The unit's text.
///
/// `DynamicUser` gives the service a user of its own that owns nothing but `/var/lib/APP`, and with it a read-only
/// system, a private `/tmp` and no new privileges:
/// <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#DynamicUser=>.
pub fn service_unit(app: &str, service: &Service) -> Result<String> {
    let command = absolute_command(app, &service.command)?;
    let port = service.port;
    let stop = service.stop_timeout.as_secs().max(1);
    let bind_low_port = if port < 1024 {
        "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE"
    } else {
        "CapabilityBoundingSet="
    };
    Ok(format!(
        "[Unit]
Description={app}, run by bg-deploy
# cloud-init writes the environment file before this starts.
After=network-online.target cloud-init.service
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={command}
WorkingDirectory=/opt/{app}
Environment=PORT={port}
EnvironmentFile=-/etc/{app}/environment
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec={stop}
DynamicUser=yes
StateDirectory={app}
{bind_low_port}
LockPersonality=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
UMask=0027

[Install]
WantedBy=multi-user.target
"
    ))
}

/// The command as systemd wants it: its program by an absolute path or found in systemd's own path, and no shell.
fn absolute_command(app: &str, command: &str) -> Result<String> {
    if let Some(found) = command.chars().find(|c| "|&;<>`\n\r".contains(*c)) {
        bail!(
            "service.command is not run by a shell, and has {found:?} in it; \
             put the line into a script in the artifact, and name the script"
        );
    }
    let trimmed = command.trim();
    let (program, arguments) = trimmed
        .split_once(char::is_whitespace)
        .unwrap_or((trimmed, ""));
    let program = match program.strip_prefix("./") {
        Some(relative) => format!("/opt/{app}/{relative}"),
        None if program.starts_with('/') || !program.contains('/') => program.to_owned(),
        None => format!("/opt/{app}/{program}"),
    };
    // `%` begins a specifier in a unit; `$NAME` is left to systemd, which knows the environment.
    let line = format!("{program} {}", arguments.trim());
    Ok(line.trim_end().replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_gets_an_absolute_path_and_keeps_its_arguments() {
        for (command, line) in [
            ("./hello", "/opt/app/hello"),
            (
                "bin/hello --port ${PORT}",
                "/opt/app/bin/hello --port ${PORT}",
            ),
            ("node server.js", "node server.js"),
            ("/usr/bin/python3 -m app", "/usr/bin/python3 -m app"),
            ("./hello --format 100%", "/opt/app/hello --format 100%%"),
        ] {
            assert_eq!(absolute_command("app", command).expect("a command"), line);
        }
    }

    #[test]
    fn a_shell_s_characters_are_refused_with_the_way_out() {
        let error = absolute_command("app", "./hello && echo").expect_err("no shell");
        assert!(error.to_string().contains("name the script"), "{error}");
    }
}
