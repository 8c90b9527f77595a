#!/usr/bin/env python3
"""Writes what a release is built from as CycloneDX 1.6 (JSON): every crate that goes into a binary of any of its targets,
with licence, checksum and what it needs. Crates that only tests use are not in it.

sbom.py FILE

Says what `cargo metadata` and Cargo.lock say; the same commit gives the same bytes. release.yml calls it, tests/release.rs
tries it.
"""

import json
import re
import subprocess
import sys
import uuid

# Those of the matrix in release.yml.
TARGETS = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-musl",
]


def say(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(path):
    platforms = [argument for target in TARGETS for argument in ("--filter-platform", target)]
    metadata = json.loads(say("cargo", "metadata", "--locked", "--format-version", "1", *platforms))
    packages = {package["id"]: package for package in metadata["packages"]}
    needs = {node["id"]: built_from(node) for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    checksums = read_checksums("Cargo.lock")

    reached, to_do = set(), [root]
    while to_do:
        package = to_do.pop()
        if package not in reached:
            reached.add(package)
            to_do += needs[package]

    def ref(package):
        return reference(packages[package])

    commit, committed = say("git", "show", "--no-patch", "--format=%H %cI", "HEAD").split()
    program = {**component(packages[root], checksums), "type": "application"}
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, f"bg-deploy {commit}").urn,
        "version": 1,
        "metadata": {
            "timestamp": committed,
            "component": program,
            "properties": [
                {"name": "bg-deploy:commit", "value": commit},
                *({"name": "bg-deploy:target", "value": target} for target in TARGETS),
            ],
        },
        "components": [
            component(packages[package], checksums) for package in sorted(reached - {root}, key=ref)
        ],
        "dependencies": [
            {"ref": ref(package), "dependsOn": sorted(map(ref, needs[package]))}
            for package in sorted(reached, key=ref)
        ],
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(bom, file, indent=1)
        file.write("\n")


def built_from(node):
    """What a crate needs to be built and to run, by id; not what its tests need."""
    return {
        needed["pkg"] for needed in node["deps"] if any(kind["kind"] != "dev" for kind in needed["dep_kinds"])
    }


def read_checksums(path):
    """By name and version, of each crate that comes from a registry."""
    with open(path, encoding="utf-8") as lock:
        found = re.findall(r'^name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"$', lock.read(), re.MULTILINE)
    return {(name, version): checksum for name, version, checksum in found}


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    made = {
        "type": "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        # A slash is the old way to write a choice.
        "licenses": [{"expression": " ".join(package["license"].replace("/", " OR ").split())}],
    }
    # The workspace's own crates are published nowhere: they have neither.
    if package["source"]:
        made["purl"] = reference(package)
        checksum = checksums[package["name"], package["version"]]
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: sbom.py FILE")
    main(sys.argv[1])
