#!/usr/bin/env bash
# The parts of a release that decide something; release.yml calls them, tests/release.rs tries them on a made-up repository.
#
# release.sh check VERSION           VERSION is of the form X.Y.Z and that of Cargo.toml and Cargo.lock, CHANGELOG.md tells
#                                    of it, the manifest says `dev`, and no other commit bears its tag
# release.sh manifest VERSION DIR    writes action/manifest: VERSION, and the SHA-256 of each binary in DIR
# release.sh commit VERSION          makes the release commit R out of the commit S that is checked out: S and the
#                                    manifest, nothing else; tags it vVERSION
# release.sh agrees VERSION DIR      the tag vVERSION differs from its parent in the manifest alone, and the manifest
#                                    agrees with the binaries in DIR, byte for byte
# release.sh major VERSION           moves the tag of the major version, forward only; prints its name
#
# R is reached by tags alone. The branch stays at `version dev`: nothing is pushed to it, so its protection stays whole.
set -euo pipefail

manifest=action/manifest
binaries=(
    bg-deploy-x86_64-unknown-linux-musl
    bg-deploy-aarch64-unknown-linux-musl
    bg-deploy-x86_64-apple-darwin
    bg-deploy-aarch64-apple-darwin
    bg-deploy-x86_64-pc-windows-msvc.exe
)

fail() {
    printf 'release.sh: %s\n' "$*" >&2
    exit 1
}

version() {
    [[ "$1" =~ ^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$ ]] || fail "'$1' is not of the form 1.2.3"
}

# Before the first release.
is_dev() {
    [ "$(git show "$1:$manifest")" = 'version dev' ]
}

check() {
    local version="$1" tagged
    version "$version"
    tagged="$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)"
    [ "$tagged" = "$version" ] || fail "Cargo.toml has the version '$tagged', not $version"
    grep -A 1 '^name = "bg-deploy"$' Cargo.lock | grep -qx "version = \"$version\"" ||
        fail "Cargo.lock does not have bg-deploy $version"
    grep -q "^## \[${version//./\\.}\]" CHANGELOG.md || fail "CHANGELOG.md has no section ## [$version]"
    is_dev HEAD || fail "$manifest has to say 'version dev'"
    # One that is there already is taken for this one only if it was made of this commit: `commit` looks closer.
    if tagged="$(git rev-parse --quiet --verify "refs/tags/v$version^{commit}")"; then
        [ "$(git rev-parse "$tagged^")" = "$(git rev-parse HEAD)" ] ||
            fail "the tag v$version is there already, and was not made of this commit"
    fi
}

# The hash alone: `shasum` and `sha256sum` differ in how they mark binary files.
sum() {
    if command -v sha256sum >/dev/null; then
        sha256sum "$1" | cut -d ' ' -f 1
    else
        shasum -a 256 "$1" | cut -d ' ' -f 1
    fi
}

# Exactly the binaries of a release, none missing and none more.
same_files() {
    local wanted found
    wanted="$(printf '%s\n' "${binaries[@]}" | LC_ALL=C sort)"
    found="$(find "$1" -mindepth 1 | sed 's|.*/||' | LC_ALL=C sort)"
    [ "$found" = "$wanted" ] || fail "$1 has to hold exactly"$'\n'"$wanted"$'\n'"and holds"$'\n'"$found"
    for name in "${binaries[@]}"; do
        [ -s "$1/$name" ] || fail "$1/$name is empty"
    done
}

lines() {
    printf 'version %s\n' "$1"
    for name in "${binaries[@]}"; do
        printf '%s  %s\n' "$(sum "$2/$name")" "$name"
    done
}

write_manifest() {
    version "$1"
    same_files "$2"
    lines "$1" "$2" >"$manifest"
}

# The dates are S's, so that the same S and the same binaries make the same R however often this runs.
commit() {
    local version="$1" source made
    version "$version"
    source="$(git rev-parse HEAD)"
    [ "$(sed -n 1p "$manifest")" = "version $version" ] || fail "$manifest is not of $version"
    [ "$(git status --porcelain)" = " M $manifest" ] ||
        fail "something besides $manifest is not as in the commit:"$'\n'"$(git status --porcelain)"
    git add "$manifest"
    made="$(
        export GIT_AUTHOR_NAME='github-actions[bot]' GIT_COMMITTER_NAME='github-actions[bot]'
        export GIT_AUTHOR_EMAIL='41898282+github-actions[bot]@users.noreply.github.com'
        export GIT_COMMITTER_EMAIL="$GIT_AUTHOR_EMAIL"
        GIT_AUTHOR_DATE="$(git show --no-patch --format=%cI HEAD)"
        export GIT_AUTHOR_DATE GIT_COMMITTER_DATE="$GIT_AUTHOR_DATE"
        git commit-tree -p "$source" -m "Release $version" -m "$source, and the checksums of what was built from it." \
            "$(git write-tree)"
    )"
    if git rev-parse --quiet --verify "refs/tags/v$version" >/dev/null; then
        [ "$(git rev-parse "refs/tags/v$version^{commit}")" = "$made" ] ||
            fail "the tag v$version is there already, with other binaries or of another commit"
    else
        git tag "v$version" "$made"
    fi
    git reset --quiet --hard "$source"
}

agrees() {
    local version="$1" tag changed
    version "$version"
    tag="refs/tags/v$version"
    changed="$(git diff-tree -r --no-renames --name-status "$tag^" "$tag")"
    [ "$changed" = "M"$'\t'"$manifest" ] || fail "v$version differs from its parent not in $manifest alone:"$'\n'"$changed"
    git rev-parse --quiet --verify "$tag^2" >/dev/null && fail "v$version has two parents"
    is_dev "$tag^" || fail "the parent of v$version does not say 'version dev'"
    same_files "$2"
    [ "$(git show "$tag:$manifest")" = "$(lines "$version" "$2")" ] ||
        fail "the manifest of v$version is not that of the binaries in $2"
}

major() {
    local version="$1" tag="v${1%%.*}" now
    version "$version"
    git rev-parse --quiet --verify "refs/tags/v$version" >/dev/null || fail "there is no tag v$version"
    if git rev-parse --quiet --verify "refs/tags/$tag" >/dev/null; then
        now="$(git show "refs/tags/$tag:$manifest" | sed -n '1s/^version //p')"
        version "$now"
        [ "$(printf '%s\n%s\n' "$now" "$version" | sort -V | tail -n 1)" = "$version" ] ||
            fail "$tag is at $now already, and only moves forward"
    fi
    git tag --force "$tag" "refs/tags/v$version^{commit}" >/dev/null
    printf '%s\n' "$tag"
}

case "${1:-} $#" in
'check 2') check "$2" ;;
'manifest 3') write_manifest "$2" "$3" ;;
'commit 2') commit "$2" ;;
'agrees 3') agrees "$2" "$3" ;;
'major 2') major "$2" ;;
*) fail 'usage: check VERSION | manifest VERSION DIR | commit VERSION | agrees VERSION DIR | major VERSION' ;;
esac
