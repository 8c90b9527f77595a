"""Cuts GitHub's own OpenAPI description down to what bg-deploy uses, and makes it stricter.

    npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
    python3 prune.py package/generated/api.github.com.json > openapi.json

Kept: the operations below, and every component that they reach by `$ref`. Left out: prose. Stricter than the original,
which accepts what GitHub refuses: bodies have no unknown fields, a status's description has at most 140 characters, a
comment at most 65,536, links are HTTP, and every request bears a token.
"""

import json
import sys

REPO = "/repos/{owner}/{repo}"
OPERATIONS = {
    REPO + "/deployments": ["get", "post"],
    REPO + "/deployments/{deployment_id}/statuses": ["get", "post"],
    REPO + "/commits/{commit_sha}/pulls": ["get"],
    REPO + "/compare/{basehead}": ["get"],
    REPO + "/issues/{issue_number}/comments": ["get", "post"],
    REPO + "/issues/comments/{comment_id}": ["patch"],
    "/user": ["get"],
}
PROSE = {"summary", "tags", "externalDocs", "x-github", "x-octokit", "deprecated"}
KINDS = ["parameters", "schemas", "responses", "examples", "headers"]


def without_prose(node, named=False):
    """`named`: the keys of this object are names of properties, not of OpenAPI."""
    if isinstance(node, list):
        return [without_prose(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if not named and (key in PROSE or (key == "description" and isinstance(value, str))):
            continue
        if not named and key in ("example", "default", "enum", "value"):
            kept[key] = value
            continue
        kept[key] = without_prose(value, named=not named and key == "properties")
    return kept


def references(node):
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)


def reached(whole, paths):
    kept = {}
    to_do = list(references(paths))
    while to_do:
        kind, name = to_do.pop().removeprefix("#/components/").split("/", 1)
        if name not in kept.setdefault(kind, {}):
            kept[kind][name] = without_prose(whole["components"][kind][name])
            if kind == "responses":
                kept[kind][name]["description"] = ""
            to_do.extend(references(kept[kind][name]))
    return {kind: dict(sorted(kept[kind].items())) for kind in KINDS if kind in kept}


def body_of(paths, path, method):
    return paths[path][method]["requestBody"]["content"]["application/json"]["schema"]


def tighten(paths):
    for path, operations in paths.items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                body_of(paths, path, method)["additionalProperties"] = False
            for response in operation["responses"].values():
                if "$ref" not in response:
                    response["description"] = ""
    statuses = REPO + "/deployments/{deployment_id}/statuses"
    status = body_of(paths, statuses, "post")["properties"]
    status["description"]["maxLength"] = 140
    for url in ("log_url", "environment_url"):
        status[url]["pattern"] = "^https?://[^/]"
    for path, method in [
        (REPO + "/issues/{issue_number}/comments", "post"),
        (REPO + "/issues/comments/{comment_id}", "patch"),
    ]:
        body_of(paths, path, method)["properties"]["body"] |= {"minLength": 1, "maxLength": 65536}
    ref = body_of(paths, REPO + "/deployments", "post")["properties"]["ref"]
    ref["minLength"] = 1


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        whole = json.load(file)
    paths = {}
    for path, methods in OPERATIONS.items():
        paths[path] = {method: without_prose(whole["paths"][path][method]) for method in methods}
    tighten(paths)
    components = reached(whole, paths)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    info = whole["info"]
    pruned = {
        "openapi": whole["openapi"],
        "info": {
            "title": "What bg-deploy uses of GitHub's API",
            "description": "Made by prune.py from @octokit/openapi " + info["version"],
            "version": info["version"],
            "license": info["license"],
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": components,
    }
    json.dump(pruned, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main()
