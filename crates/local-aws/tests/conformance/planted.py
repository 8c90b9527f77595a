"""What the shape check must catch: answers that are wrong on purpose. A check that passes everything proves nothing."""

import json
import unittest

import botocore.parsers
import botocore.session

import shapes


def found(service, operation, body, protocol=None):
    """The violations in `body` as an answer of `operation`."""
    model = botocore.session.get_session().get_service_model(service)
    parser = botocore.parsers.PROTOCOL_PARSERS[protocol or model.resolved_protocol]()
    before = len(shapes.VIOLATIONS)
    shapes.check(parser, {"status_code": 200, "body": body if isinstance(body, bytes) else body.encode(), "headers": {}}, model.operation_model(operation).output_shape)
    new = shapes.VIOLATIONS[before:]
    del shapes.VIOLATIONS[before:]
    return new


class Planted(unittest.TestCase):
    def test_wrong_answers_are_caught_and_right_ones_are_not(self):
        def ec2(inner):
            return f"<R><requestId>1</requestId><reservationSet><item><instancesSet><item>{inner}</item></instancesSet></item></reservationSet></R>"

        def elb(inner):
            name = "DescribeLoadBalancersResult"
            return f"<R><{name}><LoadBalancers><member>{inner}</member></LoadBalancers></{name}><ResponseMetadata/></R>"

        def ssm(inner):
            return json.dumps({"Parameter": inner})

        for service, operation, body, wrong in [
            ("ec2", "DescribeInstances", ec2("<instanceId>i-1</instanceId>"), None),
            ("ec2", "DescribeInstances", ec2("<instanceIdentifier>i-1</instanceIdentifier>"), "instanceIdentifier"),
            ("ec2", "DescribeInstances", ec2("<InstanceId>i-1</InstanceId>"), "InstanceId"),
            ("ec2", "DescribeInstances", ec2("<amiLaunchIndex>one</amiLaunchIndex>"), "integer"),
            ("ec2", "DescribeInstances", ec2("<ebsOptimized>yes</ebsOptimized>"), "boolean"),
            ("ec2", "DescribeInstances", ec2("<launchTime>yesterday</launchTime>"), "moment"),
            ("ec2", "DescribeInstances", ec2("<architecture>vax</architecture>"), "vax"),
            ("ec2", "DescribeInstances", ec2("<tagSet><member><key>a</key></member></tagSet>"), "member"),
            ("elbv2", "DescribeLoadBalancers", elb("<Scheme>internal</Scheme>"), None),
            ("elbv2", "DescribeLoadBalancers", elb("<scheme>internal</scheme>"), "scheme"),
            ("ssm", "GetParameter", ssm({"Version": 1}), None),
            ("ssm", "GetParameter", ssm({"Version": "1"}), "long"),
            ("ssm", "GetParameter", ssm({"LastModifiedDate": "2026-01-01T00:00:00Z"}), "timestamp"),
            ("autoscaling", "DescribeAutoScalingGroups", "<R><DescribeAutoScalingGroupsResult/><ResponseMetadata/></R>", "AutoScalingGroups"),
        ]:
            with self.subTest(body):
                violations = found(service, operation, body)
                self.assertEqual(len(violations), 0 if wrong is None else 1, violations)
                self.assertTrue(wrong is None or wrong in violations[0], violations)

    def test_numbers_without_their_form_are_caught_in_cbor(self):
        def result(name, item):
            return b"\xa1\x71MetricDataResults\x81\xa1" + bytes([0x60 + len(name)]) + name + b"\x81" + item

        half = b"\xfb\x3f\xe0\0\0\0\0\0\0"
        for name, item, wrong in [
            (b"Values", half, None),
            (b"Values", b"\x03", "double"),
            (b"Timestamps", b"\xc1" + half, None),
            (b"Timestamps", half, "timestamp"),
        ]:
            with self.subTest(name=name, item=item):
                violations = found("cloudwatch", "GetMetricData", result(name, item), "smithy-rpc-v2-cbor")
                self.assertEqual(len(violations), 0 if wrong is None else 1, violations)
                self.assertTrue(wrong is None or wrong in violations[0], violations)
