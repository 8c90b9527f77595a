"""What every file here needs: clients of the local cloud, names nobody has used, and refusals that are counted."""

import contextlib
import itertools
import os
import socket
import time
import unittest

import boto3
import botocore.config
import botocore.exceptions

REGION = os.environ.get("CONFORMANCE_REGION", "eu-central-1")
IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
QUICK = {"Delay": 0.2, "MaxAttempts": 150}
# What was made is seen everywhere by then: half a minute at the most, sixty times as fast.
SEEN = 0.6
REFUSALS = set()  # (what the service's requests are signed for, operation, code)

_numbers = itertools.count(1)


def endpoint():
    return os.environ["AWS_ENDPOINT_URL"]


# Auto Scaling is about something else now and then, and botocore does not ask again by itself.
BUSY = ("ResourceContention", "ScalingActivityInProgress")
PENDING_DELETE = "pending delete"


def ask_again_when_busy(response, attempts, **_):
    """How long to wait before the next attempt, if there is to be one."""
    error = response[1].get("Error", {}) if response else {}
    is_habit = error.get("Code") in BUSY and PENDING_DELETE not in error.get("Message", "")
    return 0.01 if is_habit and attempts <= 5 else None


def client(service, region=REGION, key="local", **more):
    # The local cloud throttles as AWS does, so the clients are set up as they have to be for AWS.
    config = botocore.config.Config(
        retries={"max_attempts": 10, "mode": "standard"}, s3={"addressing_style": "path"}, read_timeout=30, **more
    )
    made = boto3.client(
        service, region_name=region, endpoint_url=endpoint(), aws_access_key_id=key, aws_secret_access_key="local", config=config
    )
    if service == "autoscaling":
        made.meta.events.register_first("needs-retry.autoscaling", ask_again_when_busy)
    return made


def unique(name):
    return f"{name}-{os.getpid()}-{next(_numbers)}"


def until(what, look, seconds=20):
    """The first true answer of `look`."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.1)


def delete_group(ec2, group):
    """Deletes a security group that the network interfaces of something that is gone may still be in."""

    def deleted():
        try:
            ec2.delete_security_group(GroupId=group)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "DependencyViolation":
                raise
            return False
        return True

    until(f"{group} is in nobody's use", deleted)


def until_seen():
    time.sleep(SEEN)


class Case(unittest.TestCase):
    maxDiff = None

    @contextlib.contextmanager
    def refused(self, code, *words):
        """The call inside is refused with AWS's `code`, in a message that has all the `words`."""
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            yield
        error = caught.exception
        self.assertEqual(error.response["Error"]["Code"], code, str(error))
        for word in words:
            self.assertIn(word, error.response["Error"]["Message"])
        REFUSALS.add((error.service, error.operation_name, code))

    def unseen(self, code, make, look):
        """What `make` makes is refused to `look` with AWS's `code` for a moment; mostly a longer one than until the next call."""
        for _ in range(50):
            made = make()
            try:
                look(made)
            except botocore.exceptions.ClientError as refused:
                self.assertEqual(refused.response["Error"]["Code"], code, str(refused))
                REFUSALS.add((refused.service, refused.operation_name, code))
                until_seen()
                return made
        raise AssertionError(f"{code} was never the answer")


class Network:
    """The default network of the account."""

    def __init__(self, ec2):
        self.vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["Subnets"]
        self.subnets = [subnet["SubnetId"] for subnet in subnets]
        self.zones = [subnet["AvailabilityZone"] for subnet in subnets]


def newest_image():
    return client("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]


def free_port():
    """A port for a load balancer's listener, which the local cloud really opens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
