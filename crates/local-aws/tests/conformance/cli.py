"""The AWS CLI: what people and scripts type."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from cloud import REGION, Case, Network, client, endpoint, newest_image, unique

AWS = pathlib.Path(sys.executable).parent / "aws"


def aws(*words, fails=None):
    """Runs the AWS CLI; its answer, or the message of a failure with the exit code `fails`."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(), "AWS_ENDPOINT_URL": endpoint(), "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_PAGER": "",
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run([AWS, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != (fails or 0):
        raise AssertionError(f"aws {' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stderr if fails else done.stdout


def answer(*words):
    return json.loads(aws(*words, "--output", "json"))


class Cli(Case):
    def test_it_knows_who_it_is(self):
        self.assertEqual(answer("sts", "get-caller-identity")["Account"], "123456789012")

    def test_instances_are_waited_for_and_queried(self):
        name = unique("cli")
        tags = f"ResourceType=instance,Tags=[{{Key=Name,Value={name}}}]"
        run = answer(
            "ec2", "run-instances", "--image-id", newest_image(), "--instance-type", "t3.micro", "--tag-specifications", tags
        )
        instance = run["Instances"][0]["InstanceId"]
        aws("ec2", "wait", "instance-running", "--instance-ids", instance)
        query = "Reservations[].Instances[].[InstanceId,State.Name]"
        filters = [f"Name=tag:Name,Values={name}", "Name=instance-state-name,Values=running"]
        found = aws("ec2", "describe-instances", "--filters", *filters, "--query", query, "--output", "text")
        self.assertEqual(found.split(), [instance, "running"])
        aws("ec2", "terminate-instances", "--instance-ids", instance)

    def test_groups_and_load_balancers_are_described(self):
        name, network = unique("cli"), Network(client("ec2"))
        balancer = answer("elbv2", "create-load-balancer", "--name", name, "--subnets", *network.subnets)
        arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        state = aws("elbv2", "describe-load-balancers", "--names", name, "--query", "LoadBalancers[0].State.Code", "--output", "text")
        self.assertIn(state.strip(), ("provisioning", "active"))
        aws("elbv2", "delete-load-balancer", "--load-balancer-arn", arn)
        self.assertEqual(
            answer("autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", name), {"AutoScalingGroups": []}
        )

    def test_parameters_are_read(self):
        name = f"/{unique('cli')}"
        aws("ssm", "put-parameter", "--name", name, "--type", "String", "--value", "v1")
        value = aws("ssm", "get-parameter", "--name", name, "--query", "Parameter.Value", "--output", "text")
        self.assertEqual(value.strip(), "v1")
        aws("ssm", "delete-parameter", "--name", name)

    def test_files_go_up_and_come_down(self):
        bucket = unique("cli")
        aws("s3", "mb", f"s3://{bucket}")
        with tempfile.TemporaryDirectory() as folder:
            here, back = pathlib.Path(folder, "here"), pathlib.Path(folder, "back")
            here.write_bytes(os.urandom(9 << 20))  # more than one part
            aws("s3", "cp", "--no-progress", str(here), f"s3://{bucket}/a/file")
            self.assertRegex(aws("s3", "ls", f"s3://{bucket}/a/"), r"9437184 file")
            aws("s3", "cp", "--no-progress", f"s3://{bucket}/a/file", str(back))
            self.assertEqual(here.read_bytes(), back.read_bytes())
        self.assertIn(bucket, aws("s3", "ls"))
        aws("s3", "rb", "--force", f"s3://{bucket}")

    def test_errors_have_their_exit_codes(self):
        told = aws("ec2", "describe-instances", "--instance-ids", "i-00000000000000001", fails=255)
        self.assertIn("(InvalidInstanceID.NotFound)", told)
        told = aws("ec2", "describe-key-pairs", fails=255)
        self.assertIn("DescribeKeyPairs", told)
        aws("s3", "ls", f"s3://{unique('none')}", fails=255)
