"""Others judge the printed policies, and what the local cloud takes for a call's needs.

* ministack decides the same cases as the local cloud: each must come out alike.
* parliament finds what is wrong with a policy, against its own copy of AWS's definitions.
* policy_sentry knows from the service authorization reference which actions, resources and keys there are.

The cases come as a file; what is found goes to standard output, a line each, and an exit code of 1.
"""

import json
import re
import sys

import parliament
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
from policy_sentry.querying.actions import get_action_data

# Not of AWS's reference, but keys of any request: the tags of what a call is about, and of what it gives.
OF_ANY_REQUEST = re.compile(r"aws:(ResourceTag|RequestTag)/.+|aws:TagKeys")

# What parliament says, and why it is as it should be.
ACCEPTED = {
    # Bundles expire: that is what the bucket is for, and nobody else writes into it.
    ("provision", "RESOURCE_POLICY_PRIVILEGE_ESCALATION"),
}


def context(request):
    """The request as ministack takes it."""
    keys = {name.lower(): values[0] if len(values) == 1 else values for name, values in request["keys"].items()}
    if "aws:tagkeys" in keys and isinstance(keys["aws:tagkeys"], str):
        keys["aws:tagkeys"] = [keys["aws:tagkeys"]]
    return EvalContext(
        principal_arn="arn:aws:iam::123456789012:user/any",
        principal_type="User",
        principal_account="123456789012",
        action=request["action"],
        resource_arn=request["resource"],
        region="eu-central-1",
        service_context=keys,
    )


def decided_otherwise(cases):
    for policy, requests in cases:
        parsed = [parse_policy_document(policy)]
        for request in requests:
            allowed = evaluate(context(request), parsed).decision == "Allow"
            if allowed != request["allowed"]:
                yield f"ministack {'allows' if allowed else 'refuses'} {request}"


def each(value):
    return value if isinstance(value, list) else [value]


def like(pattern, text):
    parts = [re.escape(part) for part in pattern.split("*")]
    return re.fullmatch(".*".join(parts), text) is not None


def is_met_elsewhere(policy, missing):
    """Whether what a statement does not name is for another kind of load balancer, or is named by another statement."""
    form = missing["required_format"]
    if "/net/" in form or "/gwy/" in form:
        return True
    for statement in policy["Statement"]:
        if missing["action"] in each(statement["Action"]):
            # `arn:*:ssm:*:*:document/*`, where AWS's own have no account.
            if any(like(form.replace("*:*:", "*:*"), held.replace("::", ":*:")) or like(form, held) for held in each(statement["Resource"])):
                return True
    return False


def wrong_by_parliament(policies):
    for kind, policy in policies.items():
        analyzed = parliament.analyze_policy_string(json.dumps(policy))
        for finding in analyzed.findings:
            if (kind, finding.issue) in ACCEPTED:
                continue
            detail = finding.detail
            if finding.issue == "RESOURCE_MISMATCH" and all(is_met_elsewhere(policy, one) for one in detail):
                continue
            yield f"{kind}: {finding.issue} {detail} {finding.location}"


def unknown_to_the_reference(requests):
    """Whether each action is there, about such a resource, with such keys."""
    known = {}
    for request in requests:
        action = request["action"]
        service, name = action.split(":")
        if action not in known:
            found = get_action_data(service, name)
            known[action] = found[service] if found else []
        rows = known[action]
        if not rows:
            yield f"no action {action}"
            continue
        forms = {re.sub(r"\$\{[^}]*\}", "*", row["resource_arn_format"]) for row in rows}
        if not any(form != "*" and like(form, request["resource"]) for form in forms) and (
            request["resource"] != "*" or forms != {"*"}
        ):
            yield f"{action} on {request['resource']}, and not on {sorted(forms)}"
        keys = {re.sub(r"\$\{[^}]*\}|<key>|tag-key$", "*", key).lower() for row in rows for key in row["condition_keys"]}
        for key in request["keys"]:
            if not OF_ANY_REQUEST.fullmatch(key) and not any(like(form, key.lower()) for form in keys):
                yield f"{action} has no key {key}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        given = json.load(file)
    wrong = list(decided_otherwise(given["cases"]))
    wrong += wrong_by_parliament(given["policies"])
    wrong += unknown_to_the_reference(given["asked"])
    decided = sum(len(requests) for _, requests in given["cases"])
    print(f"{decided} cases decided, {len(given['policies'])} policies judged, {len(given['asked'])} requests looked up")
    for line in dict.fromkeys(wrong):
        print(line)
    sys.exit(1 if wrong else 0)


main()
