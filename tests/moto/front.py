"""A proxy in front of moto. Everything goes to moto as it came, and comes back as moto says it, but for what is listed here.

Answered here, because moto does not have it:
  ssm StartAutomationExecution, GetAutomationExecution, DescribeAutomationExecutions, StopAutomationExecution: automation.py
  ssm DescribeInstanceInformation: the agent of every instance that runs is online
  GET / without a signature: the date of the clock, in the header `x-local-aws-date`, for `--clock-speed`

Mended, because moto answers otherwise than AWS; why stands with each:
  ec2 CreateImage, CreateLaunchTemplateVersion, DescribeLaunchTemplateVersions, RunInstances
  autoscaling DescribeAutoScalingGroups, UpdateAutoScalingGroup
  s3 GetBucketVersioning, PutBucketPolicy, GetBucketPolicy
  sts AssumeRole

Answered 501, where moto answers 500: what it stumbles over it stumbles over each time, and nobody needs to ask again.

Left as it is, though moto is not as AWS there, because a release that goes well does without:
  cloudwatch GetMetricData: moto's server does not speak CBOR, which the SDK does; the deployer notes that it was not told
  ec2 DeleteLaunchTemplateVersions is not there, which the undoing of a release needs
  autoscaling DescribeScalingActivities always tells of none, so no failed launch is seen here
"""

import base64
import collections
import datetime
import email.utils
import http.client
import json
import re
import sys
import threading
import urllib.parse
import xml.etree.ElementTree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from automation import Automations, Refused
from cloud import Cloud

READS = re.compile(r"Describe|Get|List|Head|GET|HEAD")
HOP = {"connection", "transfer-encoding", "keep-alive"}


class Front:
    def __init__(self, moto, clock, mended=None):
        """`moto`: its URL; `mended`: the operations whose mends are made, and without it all."""
        self.moto, self.clock, self.cloud = urllib.parse.urlsplit(moto), clock, Cloud(moto)
        self.mends = {operation: mend for operation, mend in MENDED.items() if mended is None or operation in mended}
        self.changed = threading.Event()  # set by each call that may have changed something
        self.passed, self.answered = collections.Counter(), collections.Counter()
        self.policy = b""  # of the bucket: moto cannot have it
        self.user_data = {}  # by template and version: moto cannot have it
        self.refused = collections.Counter()  # (operation and path, status) of what moto did not answer with 2xx
        self.server = Server(("127.0.0.1", 0), handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        # Through the proxy, as all others: a runbook may call what moto does not have.
        self.automations = Automations(Cloud(self.url), clock)
        self.own = {
            "AmazonSSM.StartAutomationExecution": self.automations.start,
            "AmazonSSM.GetAutomationExecution": self.automations.get,
            "AmazonSSM.DescribeAutomationExecutions": self.automations.describe,
            "AmazonSSM.StopAutomationExecution": self.automations.stop,
            "AmazonSSM.DescribeInstanceInformation": self.instance_information,
        }
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, method, path, headers, body):
        """Status, headers and body of the answer."""
        if (method, path) == ("GET", "/") and "Authorization" not in headers:
            return 200, [("x-local-aws-date", email.utils.formatdate(self.clock.now()))], b""
        operation = operation_of(method, path, headers, body)
        if operation in self.own:
            self.answered[operation] += 1
            return self.answer_here(self.own[operation], json.loads(body))
        self.passed[operation] += 1
        mend = self.mends.get(operation, lambda _, ask, body: ask(body))
        status, answered, said = mend(self, lambda body: self.ask_moto(method, path, headers, body), body)
        if status >= 300:
            self.refused[f"{operation} {path}", status] += 1
        if not READS.match(operation.rpartition(".")[2]):
            self.changed.set()
        return status, answered, said

    def ask_moto(self, method, path, headers, body):
        connection = http.client.HTTPConnection(self.moto.hostname, self.moto.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name.lower() not in HOP | {"content-length", "expect"}:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP | {"content-length"}]
            length = answer.getheader("Content-Length") if method == "HEAD" else None
            said = answer.read()
            # A fault of moto's own is the same each time, and clients ask again for seconds what is answered 500.
            status = 501 if answer.status == 500 else answer.status
            return status, kept + ([("Content-Length", length)] if length else []), said
        finally:
            connection.close()

    def answer_here(self, act, request):
        try:
            status, said = 200, act(request)
        except Refused as refused:
            status, said = 400, {"__type": refused.code, "message": str(refused)}
        return status, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(said).encode()

    def instance_information(self, request):
        (asked,) = [one["Values"] for one in request["Filters"] if one["Key"] == "InstanceIds"]
        return {"InstanceInformationList": [{"InstanceId": one, "PingStatus": "Online"} for one in self.running(asked)]}

    def running(self, instances):
        filters = [{"Name": "instance-state-name", "Values": ["running"]}]
        found = self.cloud.ec2.describe_instances(InstanceIds=instances, Filters=filters)["Reservations"]
        return [instance["InstanceId"] for reservation in found for instance in reservation["Instances"]]

    # What is mended: `ask` asks moto with this body.

    def create_image(self, ask, body):
        """moto's answer to tags for an image's snapshots is NotImplementedError; AWS gives them to all that it makes for the image.
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html"""
        fields = dict(urllib.parse.parse_qsl(body.decode()))
        (at,) = [name.removesuffix(".ResourceType") for name, value in fields.items() if value == "snapshot"]
        tags = {name: fields.pop(name) for name in list(fields) if name.startswith(f"{at}.")}
        status, headers, said = ask(urllib.parse.urlencode(fields).encode())
        if status == 200:
            image = re.search(rb"ami-\w+", said)[0].decode()
            (made,) = self.cloud.ec2.describe_images(ImageIds=[image])["Images"]
            keys = [name for name in tags if name.endswith(".Key")]
            tags = [{"Key": tags[key], "Value": tags[key.removesuffix("Key") + "Value"]} for key in keys]
            snapshots = [device["Ebs"]["SnapshotId"] for device in made["BlockDeviceMappings"]]
            self.cloud.ec2.create_tags(Resources=snapshots, Tags=tags)
        return status, headers, said

    def create_version(self, ask, body):
        """moto cannot launch what a later version of a template gives user data (AssertionError in its launch_templates.py), so
        that is kept here, and put back whenever the version is shown."""
        fields = dict(urllib.parse.parse_qsl(body.decode()))
        user_data = fields.pop("LaunchTemplateData.UserData", None)
        status, headers, said = ask(urllib.parse.urlencode(fields).encode())
        if status == 200 and user_data:
            number = re.search(rb"<versionNumber>(\d+)<", said)[1].decode()
            self.user_data[fields["LaunchTemplateId"], number] = user_data
        return status, headers, self.with_user_data(said) if status == 200 else said

    def describe_versions(self, ask, body):
        status, headers, said = ask(body)
        return status, headers, self.with_user_data(said) if status == 200 else said

    def with_user_data(self, said):
        root, space = parse(said)
        for version in root.iter():
            data = version.find(f"{space}launchTemplateData")
            if data is not None:
                of = version.findtext(f"{space}launchTemplateId"), version.findtext(f"{space}versionNumber")
                if of in self.user_data:
                    xml.etree.ElementTree.SubElement(data, f"{space}userData").text = self.user_data[of]
        return written(root, space)

    def user_data_of(self, instance):
        """What an instance was told at boot."""
        groups = self.cloud.autoscaling.describe_auto_scaling_instances(InstanceIds=[instance])["AutoScalingInstances"]
        template = groups[0]["LaunchTemplate"]["LaunchTemplateId"]
        return base64.b64decode(self.user_data[template, self.launched_from(instance, template)]).decode()

    def update_group(self, ask, body):
        """moto leaves an instance that a group has ended in its target group, as healthy; AWS deregisters it.
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-load-balancer.html"""
        answer = ask(body)
        for group in self.cloud.elbv2.describe_target_groups()["TargetGroups"]:
            arn = group["TargetGroupArn"]
            health = self.cloud.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            targets = [one["Target"] for one in health]
            ended = [target for target in targets if not self.running([target["Id"]])]
            if ended:
                self.cloud.elbv2.deregister_targets(TargetGroupArn=arn, Targets=ended)
        return answer

    def describe_groups(self, ask, body):
        """moto tells the template's default version of every instance; AWS the one that it was launched from.
        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Instance.html. Which that was is told by its image and tags."""
        status, headers, said = ask(body)
        if status != 200:
            return status, headers, said
        root, space = parse(said)
        for instance in root.iterfind(f".//{space}Instances/{space}member"):
            told = instance.find(f"{space}LaunchTemplate/{space}Version")
            if told is not None:
                template = instance.findtext(f"{space}LaunchTemplate/{space}LaunchTemplateId")
                told.text = self.launched_from(instance.findtext(f"{space}InstanceId"), template)
        return status, headers, written(root, space)

    def run_instances(self, ask, body):
        """moto wants the size of a disk whose mapping says only that it is encrypted; AWS takes what is not said from the image.
        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIEncryption.html"""
        fields = dict(urllib.parse.parse_qsl(body.decode()))
        for name in [name for name in fields if name.endswith(".Ebs.Encrypted")]:
            disk = name.removesuffix("Encrypted")
            if f"{disk}SnapshotId" not in fields:
                fields.setdefault(f"{disk}VolumeSize", "8")
        return ask(urllib.parse.urlencode(fields).encode())

    def get_versioning(self, ask, body):
        """moto calls the answer's root by the operation; AWS calls it VersioningConfiguration.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html"""
        status, headers, said = ask(body)
        return status, headers, said.replace(b"GetBucketVersioningResponse", b"VersioningConfiguration")

    def put_policy(self, ask, body):
        """moto knows no conditions in a bucket's policy (FakeBucket.allow_action): a Deny of whatever comes without TLS would deny
        everything. So the policy is kept here, and shown again."""
        self.policy = body
        return 204, [], b""

    def get_policy(self, ask, body):
        return (200, [("Content-Type", "application/json")], self.policy) if self.policy else ask(body)

    def assume_role(self, ask, body):
        """moto's sessions end by the wall's clock, which falls behind this one. They last the twelve hours that a role's session may
        last at most, for under a fast clock the machine's own work takes up minutes of them.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html"""
        status, headers, said = ask(body)
        until = datetime.datetime.fromtimestamp(self.clock.now() + 12 * 3600, datetime.timezone.utc)
        until = f"<Expiration>{until:%Y-%m-%dT%H:%M:%SZ}</Expiration>".encode()
        return status, headers, re.sub(rb"<Expiration>[^<]*</Expiration>", until, said)

    def launched_from(self, instance, template):
        found = self.cloud.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        tags = {(tag["Key"], tag["Value"]) for tag in found["Tags"]}
        for version in self.cloud.ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]:
            data = version["LaunchTemplateData"]
            given = [one["Tags"] for one in data.get("TagSpecifications", []) if one["ResourceType"] == "instance"]
            given = {(tag["Key"], tag["Value"]) for some in given for tag in some}
            ours = {tag for tag in tags if not tag[0].startswith("aws:")}
            if data["ImageId"] == found["ImageId"] and given == ours:
                return str(version["VersionNumber"])
        raise LookupError(f"{instance} is of no version of {template}")


MENDED = {
    "GET policy": Front.get_policy,
    "GET versioning": Front.get_versioning,
    "PUT policy": Front.put_policy,
    "AssumeRole": Front.assume_role,
    "RunInstances": Front.run_instances,
    "CreateImage": Front.create_image,
    "CreateLaunchTemplateVersion": Front.create_version,
    "DescribeAutoScalingGroups": Front.describe_groups,
    "DescribeLaunchTemplateVersions": Front.describe_versions,
    "UpdateAutoScalingGroup": Front.update_group,
}


def parse(said):
    """An answer in XML, and its namespace as names have it."""
    root = xml.etree.ElementTree.fromstring(said)
    return root, root.tag.partition("}")[0] + "}"


def written(root, space):
    return xml.etree.ElementTree.tostring(root, default_namespace=space[1:-1])


def operation_of(method, path, headers, body):
    """`AmazonSSM.GetDocument`, `DescribeRules`; of S3 the method, with the part of a bucket that it is about: `GET versioning`."""
    target = headers.get("X-Amz-Target")
    if target:
        return target
    found = re.match(rb"(?:.*&)?Action=(\w+)", body)
    part = re.search(r"\?(\w+)=?$", path)
    return found[1].decode() if found else f"{method} {part[1]}" if part else method


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is no fault."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def handler(front):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer goes out in one piece

        def do(self):
            try:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, said = front.answer(self.command, self.path, self.headers, body)
            except Exception as error:  # a fault of the proxy's own is told as such
                status, headers, said = 599, [], f"front.py: {type(error).__name__}: {error}".encode()
                print(said.decode(), flush=True)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            if "content-length" not in {name.lower() for name, _ in headers}:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do

        def log_message(self, *_):
            pass

    return Handler
