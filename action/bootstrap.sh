#!/usr/bin/env bash
# Finds the binary for a step of the Action, and becomes it.
#
#   bootstrap.sh           runs the command of BGD_COMMAND
#   bootstrap.sh finish    cleans up after that, with the binary it ran (BGD_RESOLVED); finds nothing anew
#
# Guarantees: nothing runs whose SHA-256 was not committed with this Action, but what the workflow named itself or what is
# built from this checkout; half a download is never taken for a whole one; the binary takes this process's place, so the
# runner's signals reach it; a cancel while waiting leaves no process behind.
# Works with the bash of macOS (3.2), Git for Windows and Linux. Inputs come as BGD_ variables, never as text of a script.
unset BASH_ENV ENV CDPATH GLOBIGNORE
set -euo pipefail
IFS=$' \t\n'

# The exit codes of the binary: src/outcome.rs.
readonly unexpected=1 bad_input=2 cancelled=5

# A text on one line, as the runner wants it in a command.
escaped() {
    local text=$1
    text=${text//'%'/%25}
    text=${text//$'\r'/%0D}
    text=${text//$'\n'/%0A}
    printf '%s' "$text"
}

notice() {
    printf '::notice::%s\n' "$(escaped "$1")" >&2
}

# fail CODE MESSAGE
fail() {
    local result=failed
    [ "$1" -ne "$bad_input" ] || result=bad-inputs
    printf '::error::%s\n' "$(escaped "$2")" >&2
    output result "$result"
    output exit-code "$1"
    exit "$1"
}

# output NAME VALUE: for the steps after this one. The first `=` ends the name, and a line the value.
output() {
    case $2 in
        *$'\n'* | *$'\r'*) fail "$unexpected" "the output $1 would not be one line: $2" ;;
    esac
    if [ -n "${GITHUB_OUTPUT:-}" ]; then
        printf '%s=%s\n' "$1" "$2" >> "$GITHUB_OUTPUT"
    fi
}

child=
rubbish=

# Bash tells no signal to what it waits for; the runner tells its signals to bash alone.
interrupted() {
    trap - INT TERM
    [ -z "$child" ] || kill -TERM -- "-$child" 2>/dev/null || true
    [ -z "$child" ] || wait "$child" 2>/dev/null || true
    # Nothing was begun: what served before serves.
    output result cancelled
    output exit-code "$cancelled"
    exit "$cancelled"
}
trap interrupted INT TERM
trap '[ -z "$rubbish" ] || rm -f -- "$rubbish"' EXIT

# attend COMMAND...: runs it in a process group of its own, which a signal to us ends.
attend() {
    local code=0
    set -m
    "$@" &
    child=$!
    set +m
    wait "$child" || code=$?
    child=
    return "$code"
}

# absolute PATH BASE
absolute() {
    case $1 in
        /* | [A-Za-z]:[/\\]* | \\\\*) printf '%s' "$1" ;;
        *) printf '%s/%s' "$2" "$1" ;;
    esac
}

sha256() {
    local line
    if command -v sha256sum > /dev/null; then
        line=$(sha256sum < "$1")
    elif command -v shasum > /dev/null; then
        line=$(shasum -a 256 < "$1")
    else
        fail "$unexpected" 'there is neither sha256sum nor shasum on this runner to check the binary with: install one of them'
    fi
    printf '%s' "${line%% *}"
}

lower() {
    printf '%s' "$1" | tr '[:upper:]' '[:lower:]'
}

# The target that this runner needs, or nothing.
target() {
    local os=${RUNNER_OS:-$(uname -s)} arch=${RUNNER_ARCH:-$(uname -m)}
    case $os in
        Linux) os=unknown-linux-musl ;;
        macOS | Darwin) os=apple-darwin ;;
        Windows | MINGW* | MSYS*) os=pc-windows-msvc ;;
        *) return 0 ;;
    esac
    case $arch in
        X64 | x86_64 | amd64) arch=x86_64 ;;
        ARM64 | arm64 | aarch64) arch=aarch64 ;;
        *) return 0 ;;
    esac
    printf '%s-%s' "$arch" "$os"
}

# version_of MANIFEST: its first line is `version X.Y.Z`, or `version dev` between releases.
version_of() {
    local word value rest
    while read -r word value rest || [ -n "$word" ]; do
        [ "$word" != version ] || { printf '%s' "${value%$'\r'}"; return; }
    done < "$1"
}

# sha256_of MANIFEST FILE: as sha256sum writes it, with a star before the name on some systems.
sha256_of() {
    local sum name rest
    while read -r sum name rest || [ -n "$sum" ]; do
        name=${name%$'\r'}
        [ "${name#'*'}" != "$2" ] || { printf '%s' "$sum"; return; }
    done < "$1"
}

# The files that the manifest has, for a person.
names_in() {
    local sum name rest all=
    while read -r sum name rest || [ -n "$sum" ]; do
        [ "$sum" = version ] || [ -z "$name" ] || all="$all, ${name%$'\r'}"
    done < "$1"
    printf '%s' "${all#, }"
}

# The workflow named a binary.
named_binary() {
    local binary=$1 wanted=${2:-} found
    [ -f "$binary" ] ||
        fail "$bad_input" "the input binary: $binary is not a file; name a bg-deploy, or leave the input out"
    if [ -n "$wanted" ]; then
        found=$(sha256 "$binary")
        [ "$found" = "$(lower "$wanted")" ] ||
            fail "$bad_input" "the input binary: the SHA-256 of $binary is $found, and binary-sha256 says $wanted; nothing was run"
    fi
    [ -x "$binary" ] ||
        fail "$bad_input" "the input binary: $binary may not be executed; chmod +x it (upload-artifact loses that mark)"
    resolved=$binary
}

# A folder for this version that can be written to: kept on self-hosted runners.
cache_folder() {
    local folder
    for folder in "${RUNNER_TOOL_CACHE:-}" "${RUNNER_TEMP:-}"; do
        [ -n "$folder" ] || continue
        folder="$folder/bg-deploy/$1"
        if mkdir -p -- "$folder" 2> /dev/null && [ -w "$folder" ]; then
            printf '%s' "$folder"
            return
        fi
    done
}

# download URL FILE
download() {
    command -v curl > /dev/null ||
        fail "$unexpected" 'there is no curl on this runner to download bg-deploy with: install it, or pass the input binary'
    # Whatever a mirror speaks: what it sends is checked.
    local -a protocols
    protocols=(--proto '=https,http,file')
    [ -n "${BGD_MIRROR:-}" ] || protocols=(--proto '=https' --tlsv1.2)
    attend curl "${protocols[@]}" --fail --silent --show-error --location --retry 3 --retry-delay 1 \
        --connect-timeout 20 --max-time 300 --output "$2" -- "$1"
}

# A release: the manifest says which, and what its bytes are.
released_binary() {
    local manifest=$1 version=$2 triple file wanted folder mirror found
    case $version in
        '' | *[!0-9A-Za-z.-]* | [!0-9]*) fail "$unexpected" "action/manifest: $version is no version; use a release of this Action" ;;
    esac
    triple=$(target)
    file="bg-deploy-$triple"
    case $triple in *windows*) file="$file.exe" ;; esac
    wanted=$(lower "$(sha256_of "$manifest" "$file")")
    if [ -z "$triple" ] || [ "${#wanted}" -ne 64 ]; then
        fail "$bad_input" "bg-deploy $version has no binary for ${RUNNER_OS:-$(uname -s)} on ${RUNNER_ARCH:-$(uname -m)}, only $(names_in "$manifest"); choose another runner, or build it there and pass the input binary"
    fi
    folder=$(cache_folder "$version/$triple")
    [ -n "$folder" ] ||
        fail "$unexpected" 'neither RUNNER_TOOL_CACHE nor RUNNER_TEMP names a folder that can be written to: pass the input binary'
    resolved="$folder/$file"
    if [ -f "$resolved" ]; then
        found=$(sha256 "$resolved")
        [ "$found" != "$wanted" ] || return 0
        notice "$resolved is not bg-deploy $version (its SHA-256 is $found): it is downloaded anew"
    fi
    mirror=${BGD_MIRROR:-}
    if [ -z "$mirror" ]; then
        # A job's own checkout (`uses: ./`) has no action repository: it is the job's.
        mirror="https://github.com/${BGD_ACTION_REPOSITORY:-${GITHUB_REPOSITORY:-}}/releases/download"
    fi
    mirror="${mirror%/}/v$version/$file"
    rubbish=$(mktemp "$folder/.part.XXXXXX")
    download "$mirror" "$rubbish" ||
        fail "$unexpected" "$mirror could not be downloaded: look at curl's message above; where GitHub cannot be reached, pass the input mirror or binary"
    found=$(sha256 "$rubbish")
    [ "$found" = "$wanted" ] ||
        fail "$unexpected" "$mirror is not bg-deploy $version: its SHA-256 is $found instead of $wanted; nothing was run"
    chmod +x "$rubbish"
    # In one go, and beside it: nobody sees half of it.
    mv -f -- "$rubbish" "$resolved"
    rubbish=
}

build() {
    cd -- "$1"
    # It would put the binary elsewhere.
    unset CARGO_BUILD_TARGET
    CARGO_TARGET_DIR=$2 exec cargo build --release --locked --bin bg-deploy
}

# Between releases: built from the checkout that this Action is.
built_binary() {
    local source=$1 folder
    command -v cargo > /dev/null ||
        fail "$bad_input" 'this commit of the Action is between releases and has no binary: use a release (@v1, or the SHA of one), pass the input binary, or install Rust first so that it can be built'
    [ -n "${CARGO_TARGET_DIR:-}${RUNNER_TEMP:-}" ] ||
        fail "$unexpected" 'RUNNER_TEMP is not set: set CARGO_TARGET_DIR, or pass the input binary'
    folder=$(absolute "${CARGO_TARGET_DIR:-${RUNNER_TEMP:-}/bg-deploy-build}" "$PWD")
    notice 'this commit of the Action is between releases: bg-deploy is built from source, which takes some minutes'
    echo '::group::cargo build --release --locked' >&2
    local code=0
    attend build "$source" "$folder" >&2 || code=$?
    echo '::endgroup::' >&2
    [ "$code" -eq 0 ] || fail "$unexpected" "bg-deploy could not be built (exit code $code): look at cargo's message above"
    resolved="$folder/release/bg-deploy"
    [ ! -f "$resolved.exe" ] || resolved="$resolved.exe"
    [ -f "$resolved" ] || fail "$unexpected" "cargo built no $resolved"
}

resolve() {
    local here=$1 manifest=$1/manifest version
    if [ -n "${BGD_BINARY:-}" ]; then
        named_binary "$(absolute "$BGD_BINARY" "$PWD")" "${BGD_BINARY_SHA256:-}"
        return
    fi
    [ -z "${BGD_BINARY_SHA256:-}" ] ||
        fail "$bad_input" 'the input binary-sha256 is for the input binary, which is not given; what is downloaded is checked anyway'
    [ -f "$manifest" ] || fail "$unexpected" "$manifest is missing: use a whole checkout of this Action"
    version=$(version_of "$manifest")
    case $version in
        dev) built_binary "${here%/*}" ;;
        *) released_binary "$manifest" "$version" ;;
    esac
}

main() {
    local here resolved=${BGD_RESOLVED:-}
    BGD_COMMAND=${BGD_COMMAND:-}
    case ${1:-} in
        '') ;;
        finish)
            # Nothing else leaves anything behind; without a binary nothing was begun.
            case ${BGD_COMMAND//[[:space:]]/} in deploy | verify | rollback) ;; *) exit 0 ;; esac
            [ -n "${BGD_RESOLVED:-}" ] || exit 0
            ;;
        *) fail "$bad_input" "bootstrap.sh does not know $1" ;;
    esac
    if [ -z "${1:-}" ]; then
        here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
        resolve "$here"
    fi
    if [ -n "${BGD_WORKING_DIRECTORY:-}" ]; then
        cd -- "$BGD_WORKING_DIRECTORY" 2> /dev/null ||
            fail "$bad_input" "the input working-directory: $BGD_WORKING_DIRECTORY is not a folder"
    fi
    [ -n "${1:-}" ] || output binary "$resolved"
    # Git for Windows would take /version for a path of its own, and rewrite it.
    export MSYS2_ENV_CONV_EXCL=BGD_
    unset BGD_RESOLVED BGD_BINARY BGD_BINARY_SHA256 BGD_MIRROR BGD_ACTION_REPOSITORY BGD_WORKING_DIRECTORY
    exec "$resolved" "$@"
}

main "$@"
