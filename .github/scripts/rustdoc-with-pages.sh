#!/usr/bin/env bash
# The rustdoc of .ci/run, as RUSTDOC: before the tests in a crate's documentation it makes its pages, each lint an error.
# `cargo doc` says the same, after it has checked the whole AWS SDK once more beside the build that tests need.
set -euo pipefail

arguments=("$@")
tests=false
pages=()
while [ "$#" -gt 0 ]; do
    case "$1" in
        --test) tests=true ;;
        --test-args | --test-run-directory) shift ;;
        *) pages+=("$1") ;;
    esac
    shift
done
if "$tests"; then
    rustdoc "${pages[@]}" -D warnings --out-dir "${CARGO_TARGET_DIR:-target}/doc"
fi
exec rustdoc "${arguments[@]}"
