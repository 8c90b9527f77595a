"""Releases twice and rolls back against moto: run.py path/to/bg-deploy

moto keeps the account, `front.py` stands before it and `data_plane.py` behind it. After each command moto itself is asked what has
become of the account, and what visitors of our own were answered all the time is looked at.
"""

import collections
import contextlib
import http.client
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from cloud import KEYS, REGION, Clock, Cloud
from data_plane import DataPlane, has_header, weights_of
from front import Front

SPEED = 20
WITHIN = 120  # seconds for one command
VISITORS = 2

CONFIG = """
app = "hello"
region = "{region}"
account = "123456789012"
[service]
command = "./hello"
artifact = "dist/"
[shift]
strategy = "canary"
weights = [20, 100]
hold = "20s"
soak = "60s"
[probe]
url = "{url}"
timeout = "60s"
[[smoke]]
path = "/hc"
within = "60s"
[fleet]
min = 2
max = 4
[retain]
for = "6h"
"""

# The last place of a traceback in moto's log, and what it ends with.
FAULT = r'File "[^"]*/(moto/\S+)", line (\d+), in \w+\n[^\n]*\n(?:\s*[\^~]+\n)?(\w+(?:Error|Exception)\b.*)'


class Wrong(Exception):
    """What is not as it has to be."""


def expect(what, found, wanted):
    if found != wanted:
        raise Wrong(f"{what}: {found}, and not {wanted}")


@contextlib.contextmanager
def moto(folder):
    """A moto server on a port that it chooses itself: its URL."""
    log = folder / "moto.log"
    with log.open("w") as said:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        yield until("moto to say where it answers", lambda: re.search(r"http://127\.0\.0\.1:\d+", log.read_text()), process)[0]
    finally:
        process.kill()
        process.wait()


def until(what, look, process=None, seconds=60):
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end or (process and process.poll() is not None):
            raise Wrong(f"waited in vain for {what}")
        time.sleep(0.05)
    return found


class Deployer:
    """The program, in a folder with its file and an artifact."""

    def __init__(self, binary, folder, front, plane):
        self.binary, self.folder, self.front = binary, folder, front
        (folder / "dist").mkdir()
        (folder / "dist/hello").write_text("#!/bin/sh\n")
        (folder / "dist/hello").chmod(0o755)
        (folder / "bg-deploy.toml").write_text(CONFIG.format(region=REGION, url=plane.url))

    def build(self, version):
        (self.folder / "dist/version").write_text(version)

    def run(self, *arguments, may_leave=False):
        """Runs it to its end, which has to be good, and leaves nothing unless it `may_leave` something; answers with what it said
        with --json."""
        began = time.monotonic()
        command = [self.binary, *arguments, "--environment", "prod", "--endpoint-url", self.front.url, "--json"]
        command += ["--clock-speed", str(SPEED)]
        keys = {name.upper(): value for name, value in KEYS.items()}
        environment = keys | {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "AWS_EC2_METADATA_DISABLED": "true"}
        try:
            ended = subprocess.run(command, cwd=self.folder, env=environment, timeout=WITHIN, capture_output=True, text=True)
        except subprocess.TimeoutExpired as late:
            raise Wrong(f"{' '.join(arguments)} took more than {WITHIN} s:\n{(late.stderr or b'').decode()}") from late
        said = json.loads(ended.stdout) if ended.returncode == 0 else {}
        if ended.returncode != 0 or said.get("warnings") or (said.get("leftovers") and not may_leave):
            raise Wrong(f"{' '.join(arguments)} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
        print(f"{' '.join(arguments)}: {time.monotonic() - began:.1f} s", flush=True)
        return said


class Visitors:
    """Ask for the version all the time, each by a new connection and by one that stays open in turn."""

    def __init__(self, url):
        self.place = urllib.parse.urlsplit(url)
        self.answers = []  # (when it was asked, when it was answered, the version, or what was wrong)
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.visit, daemon=True) for _ in range(VISITORS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        until("visitors to be answered", lambda: len(self.answers) > 20)
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def visit(self):
        kept = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=10)
        while not self.stop.wait(0.02):
            fresh = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=10)
            for connection in (kept, fresh):
                asked = time.monotonic()
                try:
                    connection.request("GET", "/version")
                    answer = connection.getresponse()
                    said = answer.read()
                    seen = json.loads(said)["version"] if answer.status == 200 else f"{answer.status} {said}"
                except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                    seen = f"{type(error).__name__}: {error}"
                self.answers.append((asked, time.monotonic(), seen))
            fresh.close()
        kept.close()

    def judge(self, before, after, moved):
        """`moved`: when the first and the last weight came. Before the one and after the other there is one answer only."""
        seen = collections.Counter(version for _, _, version in self.answers)
        expect("what visitors were answered", set(seen), {before, after})
        first, last = moved
        early = {version for _, answered, version in self.answers if answered < first}
        late = {version for asked, _, version in self.answers if asked > last}
        expect("before any weight moved", early, {before})
        expect("once all weight had moved", late, {after})
        print(f"  visitors: {seen[before]} x {before}, {seen[after]} x {after}, and nothing else", flush=True)


class State:
    """The account as moto itself says it is."""

    def __init__(self, cloud):
        (balancer,) = cloud.elbv2.describe_load_balancers(Names=["bgd-hello-prod"])["LoadBalancers"]
        (listener,) = cloud.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        rules = cloud.elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        (traffic,) = [rule for rule in rules if weights_of(rule) and not has_header(rule)]
        previews = {rule["Priority"]: rule for rule in rules if has_header(rule)}
        expect("the rules that ask for a header", set(previews), {"9", "10"})
        self.preview = previews["10"]
        expect("where verifications lead", {colour_of(group) for group in weights_of(previews["9"])}, {"verify"})
        self.weights = {colour_of(group): weight for group, weight in weights_of(traffic).items()}
        groups = cloud.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        self.groups = {group["AutoScalingGroupName"].rpartition("-")[2]: group for group in groups}
        (template,) = cloud.ec2.describe_launch_templates(LaunchTemplateNames=["bgd-hello-prod"])["LaunchTemplates"]
        versions = cloud.ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
        self.versions = {str(one["VersionNumber"]): one["LaunchTemplateData"] for one in versions["LaunchTemplateVersions"]}
        images = cloud.ec2.describe_images(Filters=[{"Name": "tag:bg-deploy:app", "Values": ["hello"]}])["Images"]
        self.images = {image["ImageId"]: image for image in images}
        reservations = cloud.ec2.describe_instances()["Reservations"]
        instances = [instance for reservation in reservations for instance in reservation["Instances"]]
        self.running = {one["InstanceId"]: one for one in instances if one["State"]["Name"] not in ("terminated", "shutting-down")}
        self.live = max(self.weights, key=self.weights.get)
        self.idle = {"blue": "green", "green": "blue"}[self.live]

    def members(self, colour):
        return {member["InstanceId"] for member in self.groups[colour]["Instances"]}

    def size(self, colour):
        group = self.groups[colour]
        return group["MinSize"], group["DesiredCapacity"], group["MaxSize"]

    def release(self, colour):
        """What the group's instances were launched as, and from which image: by the version that the group names."""
        number = self.groups[colour]["LaunchTemplate"]["Version"]
        data = self.versions[number]
        (tags,) = [tags_of(one) for one in data["TagSpecifications"] if one["ResourceType"] == "instance"]
        for member in self.members(colour):
            instance = self.running[member]
            expect(f"the image of {member}", instance["ImageId"], data["ImageId"])
            expect(f"the release of {member}", tags_of(instance).get("bg-deploy:release"), tags.get("bg-deploy:release"))
        return tags.get("bg-deploy:release"), data["ImageId"], number

    def check(self, live, idle, images, versions):
        """`live`: the release that all weight leads to, and `idle`: that of the other colour, each with its size."""
        expect("the weights", self.weights, {self.live: 100, self.idle: 0})
        for colour, (release, size) in ((self.live, live), (self.idle, idle)):
            expect(f"the size of {colour}", self.size(colour), size)
            expect(f"the instances of {colour}", len(self.members(colour)), size[1])
            if release:
                found, image, _ = self.release(colour)
                expect(f"the release of {colour}", found, release)
                expect(f"the image of {colour}", self.images[image]["State"], "available")
        expect("the size of the fleet of verifications", self.size("verify"), (0, 0, 0))
        expect("the images", len(self.images), images)
        for image in self.images.values():
            if not re.fullmatch(r"bgd-hello-prod-[0-9a-f]{16}", image["Name"]):
                raise Wrong(f"an image is called {image['Name']}")
            expect("its tags", {tags_of(image).get(f"bg-deploy:{key}") for key in ("app", "environment")}, {"hello", "prod"})
        expect("the template's versions", sorted(self.versions), [str(number + 1) for number in range(versions)])
        expect("what runs", set(self.running), self.members("blue") | self.members("green"))
        (header,) = [one["HttpHeaderConfig"] for one in self.preview["Conditions"] if one["Field"] == "http-header"]
        if not all(value.startswith("closed-") for value in header["Values"]):
            raise Wrong(f"the preview route is open: {header}")


def colour_of(target_group):
    return target_group.split("/")[1].rpartition("-")[2]


def tags_of(thing):
    return {tag["Key"]: tag["Value"] for tag in thing.get("Tags", [])}


def lead_out(cloud):
    """AWS gives a default VPC an internet gateway that everything leads to, and moto none.
    https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html"""
    (vpc,) = cloud.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    gateway = cloud.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    cloud.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    (table,) = cloud.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["RouteTables"]
    cloud.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)


def story(deployer, cloud, front, plane):
    lead_out(cloud)
    deployer.run("provision")
    expect("what a second run makes", deployer.run("provision")["created"], [])
    State(cloud).check(live=(None, (0, 0, 0)), idle=(None, (0, 0, 0)), images=0, versions=1)

    deployer.build("0.0.1")
    deployer.run("deploy", "--release", "0.0.1")
    first = State(cloud)
    first.check(live=("0.0.1", (2, 2, 4)), idle=(None, (0, 0, 0)), images=1, versions=2)

    deployer.build("0.0.2")
    with Visitors(plane.url) as visitors:
        shift = released(deployer, plane, "deploy", "--release", "0.0.2")
    second = State(cloud)
    second.check(live=("0.0.2", (2, 2, 4)), idle=("0.0.1", (2, 2, 4)), images=2, versions=3)
    expect("the colour of 0.0.2", second.live, first.idle)
    expect("the instances of 0.0.1", second.members(second.idle), first.members(first.live))
    visitors.judge("0.0.1", "0.0.2", times(shift))
    expect("the weights of 0.0.2", steps(shift, second.live), [20, 100])

    with Visitors(plane.url) as visitors:
        shift = released(deployer, plane, "rollback")
    third = State(cloud)
    third.check(live=("0.0.1", (2, 2, 4)), idle=("0.0.2", (2, 2, 4)), images=2, versions=3)
    expect("the instances of 0.0.1", third.members(third.live), first.members(first.live))
    visitors.judge("0.0.2", "0.0.1", times(shift))
    told = {one["release"]: (one["role"], one["weight"], one["healthy"]) for one in deployer.run("status")["colours"]}
    expect("what status tells", told, {"0.0.1": ("live", 100, 2), "0.0.2": ("idle", 0, 2)})

    # Once more: now there is a release on the idle colour, which has to go first.
    deployer.build("0.0.3")
    with Visitors(plane.url) as visitors:
        shift = released(deployer, plane, "deploy", "--release", "0.0.3")
    fourth = State(cloud)
    fourth.check(live=("0.0.3", (2, 2, 4)), idle=("0.0.1", (2, 2, 4)), images=3, versions=4)
    expect("instances of 0.0.2", second.members(second.live) & fourth.running.keys(), set())
    visitors.judge("0.0.1", "0.0.3", times(shift))

    deployer.build("0.0.4")
    # moto has no DeleteLaunchTemplateVersions, and so the version stays, and its image.
    verified = deployer.run("verify", "--release", "0.0.4", may_leave=True)
    expect("what is verified", verified["result"], "verified")
    expect("what it left", ["DeleteLaunchTemplateVersions" in verified["leftovers"][0]["what"], len(verified["leftovers"])], [True, 2])
    fifth = State(cloud)
    expect("the weights after a verification", fifth.weights, fourth.weights)
    expect("what runs after it", set(fifth.running), set(fourth.running))
    expect("the versions after it", fifth.versions, fourth.versions)
    for fleet, size in (("blue", 2), ("green", 2), ("verify", 0)):
        expect(f"the size of {fleet} after it", fifth.size(fleet)[1], size)


def released(deployer, plane, *command):
    """Runs it; the weights that the data plane has met meanwhile, each with its time."""
    known = len(plane.history)
    deployer.run(*command)
    return plane.history[known:]


def times(shift):
    return shift[0][0], shift[-1][1]


def steps(shift, colour):
    return [weight for _, _, weights in shift for group, weight in weights.items() if colour_of(group) == colour]


def main(binary):
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was started is ended
    with tempfile.TemporaryDirectory() as folder, moto(pathlib.Path(folder)) as url:
        folder, cloud = pathlib.Path(folder), Cloud(url)
        front = Front(url, Clock(SPEED))
        plane = DataPlane(front)
        try:
            story(Deployer(binary, folder, front, plane), cloud, front, plane)
        except Wrong as wrong:
            refused = "".join(f"\n  {count} x {operation}: {status}" for (operation, status), count in front.refused.items())
            log = (folder / "moto.log").read_text()
            faults = set(re.findall(FAULT, log))
            faults = "".join(f"\n  {file}:{line}: {fault}" for file, line, fault in sorted(faults))
            sys.exit(f"WRONG: {wrong}\nwhat moto did not answer with 2xx:{refused}\nmoto's own faults:{faults or ' none'}")
        print(f"moto answered {front.passed.total()} calls of {len(front.passed)} operations,", end=" ")
        print(f"front.py {front.answered.total()} of {len(front.answered)}: {', '.join(sorted(front.answered))}")
    print(f"released twice and rolled back against moto in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(str(pathlib.Path(sys.argv[1]).resolve()))
