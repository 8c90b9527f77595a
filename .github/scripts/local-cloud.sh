#!/usr/bin/env bash
# A local cloud and an app to release on it, for trying out the action as a workflow runs it.
#
# local-cloud.sh start        starts the cloud, makes the app as 0.0.1, and writes the step's outputs:
#                             `endpoint`, `config`, `binary`
# local-cloud.sh app RELEASE  makes the app as RELEASE
# local-cloud.sh stop         ends the cloud
#
# Needs `cargo build` before, and RUNNER_TEMP; GITHUB_OUTPUT for `start`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# With / even on Windows: these paths end up in TOML and in outputs.
temp="${RUNNER_TEMP//\\//}"
folder="$temp/hello"
binary="${CARGO_TARGET_DIR:-target}/debug/bg-deploy"
[ ! -e "$binary.exe" ] || binary="$binary.exe"
case "$binary" in
/* | ?:*) ;;
*) binary="$(pwd -W 2>/dev/null || pwd)/$binary" ;; # -W: Git for Windows
esac

app() {
    mkdir -p "$folder/dist"
    printf '{"version": "%s"}\n' "$1" >"$folder/dist/release.json"
    # The sample app of a rehearsal, which is in the binary.
    printf '#!/bin/sh\nexec "%s" sample-app "$(dirname "$0")"\n' "$binary" >"$folder/dist/hello"
    chmod +x "$folder/dist/hello"
}

config() {
    cat <<TOML
app = "hello"
[service]
command = "./hello"
artifact = "dist/"
[shift]
soak = "1m"
[network]
listener-port = 8081
TOML
}

# A port of the cloud's own choosing: it says which.
start() {
    app 0.0.1
    config >"$folder/bg-deploy.toml"
    "$binary" local-aws --port 0 --speed 20 >"$folder/cloud.log" 2>&1 &
    printf '%s\n' "$!" >"$folder/cloud.pid"
    local tries=0 endpoint=''
    while [ -z "$endpoint" ]; do
        endpoint="$(grep -o 'http://127[^ ]*' "$folder/cloud.log" | head -n 1 || true)"
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ]; then
            echo 'the local cloud does not say where it answers:' >&2
            cat "$folder/cloud.log" >&2
            exit 1
        fi
        sleep 0.2
    done
    {
        printf 'endpoint=%s\n' "$endpoint"
        printf 'config=%s\n' "$folder/bg-deploy.toml"
        printf 'binary=%s\n' "$binary"
    } >>"$GITHUB_OUTPUT"
}

stop() {
    [ -e "$folder/cloud.pid" ] || return 0
    kill "$(cat "$folder/cloud.pid")" 2>/dev/null || true
    rm "$folder/cloud.pid"
}

case "${1:-}" in
start) start ;;
app) app "${2:?which release}" ;;
stop) stop ;;
*)
    echo 'usage: local-cloud.sh start | app RELEASE | stop' >&2
    exit 2
    ;;
esac
