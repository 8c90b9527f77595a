#!/usr/bin/env bash
# The compiler of our own crates in .ci/run, as RUSTC_WORKSPACE_WRAPPER: clippy, which is rustc with more lints, each of them
# an error. `cargo clippy` says the same, after it has checked the whole AWS SDK once more beside the build that tests need.
exec clippy-driver "$@" -D warnings
