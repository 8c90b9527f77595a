"""Runs the conformance tests against a local cloud: run.py http://127.0.0.1:PORT [ec2 s3 ...]"""

import json
import os
import sys
import time
import unittest

import shapes

FILES = ["planted", "sts", "ec2", "elbv2", "autoscaling", "ssm", "s3", "iam", "cloudwatch", "quotas", "cli", "story", "regions", "refusals"]


class Result(unittest.TextTestResult):
    """A test whose answers were not as AWS's model has them has failed, whatever its assertions say."""

    def startTest(self, test):
        self.seen, self.started = len(shapes.VIOLATIONS), time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        new = sorted(set(shapes.VIOLATIONS[self.seen :]))
        if new:
            self.addFailure(test, (AssertionError, AssertionError("\n".join(new)), None))
        else:
            self.stream.write(f"[{time.monotonic() - self.started:4.1f} s] ")
            super().addSuccess(test)


def is_aws_s(service, code):
    """Whether AWS would refuse the call, too, by this code."""
    return code not in shapes.OWN or (service, code) == ("ec2", "UnknownParameter")


def main(endpoint, files):
    os.environ["AWS_ENDPOINT_URL"] = endpoint
    shapes.install()
    suite = unittest.defaultTestLoader.loadTestsFromNames(files or FILES)
    result = unittest.TextTestRunner(resultclass=Result, verbosity=2, stream=sys.stdout).run(suite)
    import cloud

    operations = {(service, operation) for service, operation, _ in shapes.CALLS}
    calls, refusals = len(shapes.CALLS), len(cloud.REFUSALS)
    print(f"{calls} calls, {len(operations)} operations, {refusals} negative cases")
    refused = {(service, operation) for service, operation, code in cloud.REFUSALS if is_aws_s(service, code)}
    print("books:", json.dumps({"succeeded": sorted(shapes.SUCCEEDED), "refused": sorted(refused)}))
    for violation in sorted(set(shapes.VIOLATIONS)):
        print(f"violation: {violation}")
    return 0 if result.wasSuccessful() and not shapes.VIOLATIONS else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
