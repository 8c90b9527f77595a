"""The load balancer and the instances, which moto only keeps the books of: answers on loopback as moto's rules say.

It asks moto for listener rules, targets' health and instances whenever something may have changed, and answers each request
by the weights of the first rule that matches. An instance answers what the artifact in its image says, if that is the release
that it was told at boot.
"""

import fnmatch
import json
import random
import re
import threading
import time
from http.server import BaseHTTPRequestHandler

from front import Server

BY_ITSELF = {"Server": "awselb/2.0"}


class DataPlane:
    def __init__(self, front):
        self.front, self.cloud, self.changed = front, front.cloud, front.changed
        self.rules, self.targets, self.told = [], {}, {}
        self.history = []  # (since when at the earliest, at the latest, weights by target group) of the rule that everybody takes
        self.chance, self.choosing = random.Random(1), threading.Lock()
        self.server = Server(("127.0.0.1", 0), handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        for work in (self.follow, self.server.serve_forever):
            threading.Thread(target=work, daemon=True).start()

    def follow(self):
        while True:
            self.changed.wait(timeout=1)
            self.changed.clear()
            try:
                self.look()
            except Exception as error:  # what is answered stays as it was, and the story ends badly
                print(f"data_plane.py: {type(error).__name__}: {error}", flush=True)

    def look(self):
        rules, targets = [], {}
        for balancer in self.cloud.elbv2.describe_load_balancers()["LoadBalancers"]:
            for listener in self.cloud.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
                rules += self.cloud.elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        rules.sort(key=lambda rule: (rule["IsDefault"], 0 if rule["IsDefault"] else int(rule["Priority"])))
        for group in {group for rule in rules for group in weights_of(rule)}:
            health = self.cloud.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            targets[group] = [one["Target"]["Id"] for one in health if one["TargetHealth"]["State"] == "healthy"]
            for target in targets[group]:
                self.meet(target)
        earliest = time.monotonic()
        self.rules, self.targets = rules, targets
        for weights in (weights_of(rule) for rule in rules if weights_of(rule) and not has_header(rule)):
            if not self.history or self.history[-1][2] != weights:
                self.history.append((earliest, time.monotonic(), weights))

    def meet(self, instance):
        """What an instance answers does not change as long as it is there."""
        if instance in self.told:
            return
        found = self.cloud.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        release = re.search(r"RELEASE=([^\\\n]+)", self.front.user_data_of(instance))[1]
        self.told[instance] = (self.front.automations.contents.get(found["ImageId"]), release)

    def answer(self, path, headers):
        """Status, body and further headers."""
        rule = next(rule for rule in self.rules if all(matches(one, path, headers) for one in rule["Conditions"]))
        weights = weights_of(rule)
        if not sum(weights.values()):
            return 503, "no target group has a weight", BY_ITSELF
        with self.choosing:
            group = self.chance.choices(list(weights), list(weights.values()))[0]
            targets = self.targets[group]
            if not targets:
                return 503, "no healthy target", BY_ITSELF
            target = self.chance.choice(targets)
        return self.app(target, path.partition("?")[0])

    def app(self, instance, path):
        built, release = self.told[instance]
        if built != release:
            return 500, f"the artifact is {built}, and this is to be {release}", {}
        if path == "/hc":
            return 200, "ok", {}
        if path == "/version":
            return 200, json.dumps({"version": release, "instance": instance}), {}
        return 404, "no such page", {}


def weights_of(rule):
    """By target group; of a rule that does something else, none."""
    forward = rule["Actions"][-1].get("ForwardConfig", {})
    return {group["TargetGroupArn"]: group.get("Weight", 1) for group in forward.get("TargetGroups", [])}


def has_header(rule):
    return any(condition["Field"] == "http-header" for condition in rule["Conditions"])


def matches(condition, path, headers):
    """Paths are compared with their case, headers' values without; `*` and `?` stand for anything.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html"""
    if condition["Field"] == "path-pattern":
        return any(like(path.partition("?")[0], pattern) for pattern in condition["PathPatternConfig"]["Values"])
    if condition["Field"] == "http-header":
        config = condition["HttpHeaderConfig"]
        value = (headers.get(config["HttpHeaderName"]) or "").lower()
        return any(like(value, pattern.lower()) for pattern in config["Values"])
    raise ValueError(f"a condition that is not known here: {condition}")


def like(text, pattern):
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def handler(plane):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "app", ""
        wbufsize = -1

        def do_GET(self):
            status, body, headers = plane.answer(self.path, self.headers)
            body = body.encode()
            self.send_response_only(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler
