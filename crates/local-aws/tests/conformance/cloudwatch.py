"""CloudWatch: the figures that load balancers send to it, in every protocol that its clients speak."""

import datetime
import unittest.mock
import urllib.error
import urllib.request

from cli import answer
from cloud import QUICK, Case, Network, client, free_port, newest_image, unique, until

PROTOCOLS = {"json": ("json",), "query": ("query",), "smithy-rpc-v2-cbor": ("smithy-rpc-v2-cbor",)}
MINUTE = datetime.timedelta(minutes=1)


def speaking(protocol):
    """A client that speaks this protocol, whichever it would choose."""
    with unittest.mock.patch("botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", PROTOCOLS[protocol]):
        made = client("cloudwatch")
        assert made.meta.service_model.resolved_protocol == protocol
        return made


def now():
    """The account's date and time, which runs ahead of ours."""
    reply = client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]["x-local-aws-date"]
    return datetime.datetime.strptime(reply, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.timezone.utc)


def query(balancer, group=None, **more):
    dimensions = [{"Name": "LoadBalancer", "Value": balancer.split(":loadbalancer/")[-1]}]
    if group:
        dimensions.append({"Name": "TargetGroup", "Value": group.split(":")[-1]})
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": dimensions}
    return {"Id": "requests", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum", **more}}


def ask(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as reply:
            return reply.status
    except urllib.error.HTTPError as refused:
        return refused.code


class RequestCount(Case):
    @classmethod
    def setUpClass(cls):
        cls.elb, cls.ec2 = client("elbv2"), client("ec2")

    def served(self):
        """A load balancer before an instance on which nothing listens; its ARN, the target group's, the port."""
        network, name, port = Network(self.ec2), unique("cw"), free_port()
        balancer = self.elb.create_load_balancer(Name=name, Subnets=network.subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerArn=balancer)
        group = self.elb.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=network.vpc)["TargetGroups"][0]
        group = group["TargetGroupArn"]
        instance = self.ec2.run_instances(ImageId=newest_image(), InstanceType="t3.micro", MinCount=1, MaxCount=1)
        instance = instance["Instances"][0]["InstanceId"]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[instance])
        self.elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer], WaiterConfig=QUICK)
        self.ec2.get_waiter("instance_exists").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        self.ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        forward = [{"Type": "forward", "TargetGroupArn": group}]
        self.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=forward)
        self.assertEqual(ask(port), 503)
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": instance}])
        return balancer, group, port

    def test_requests_that_found_a_target_are_counted_and_shown_when_their_minute_is_over(self):
        balancer, group, port = self.served()
        begun = now()
        statuses = []  # 503 from a node that knows of no target yet: that is not counted
        until("every node has a target, and cannot connect", lambda: statuses.append(ask(port)) or statuses[-9:] == [502] * 9)
        counted = statuses.count(502)
        ended = now()
        span = {"StartTime": begun - MINUTE, "EndTime": ended + 10 * MINUTE}

        def shown(cloudwatch, **more):
            asked = {"MetricDataQueries": [query(balancer, group)], **span, **more}
            [result] = cloudwatch.get_metric_data(**asked)["MetricDataResults"]
            self.assertEqual((result["Id"], result["Label"], result["StatusCode"]), ("requests", "RequestCount", "Complete"))
            return list(zip(result["Timestamps"], result["Values"], strict=True))

        answers = {}
        for protocol in PROTOCOLS:
            cloudwatch = speaking(protocol)
            found = until("all have their figure", lambda: sum(v for _, v in shown(cloudwatch)) == counted and shown(cloudwatch))
            self.assertEqual(found, sorted(found, reverse=True), "the latest first")
            self.assertEqual(shown(cloudwatch, ScanBy="TimestampAscending"), sorted(found))
            answers[protocol] = found
            for at, _ in found:
                self.assertEqual((at.second, at.microsecond), (0, 0))
                self.assertTrue(begun - MINUTE < at <= ended)
        self.assertEqual(answers["json"], answers["query"])
        self.assertEqual(answers["json"], answers["smithy-rpc-v2-cbor"])
        self.elb.delete_load_balancer(LoadBalancerArn=balancer)

    def test_a_metric_that_nobody_sent_has_no_figure_rather_than_zero(self):
        span = {"StartTime": now() - 5 * MINUTE, "EndTime": now()}
        for protocol in PROTOCOLS:
            queries = [query("app/nobody/0123456789abcdef"), {**query("app/nobody/0", "targetgroup/x/1"), "Id": "other"}]
            found = speaking(protocol).get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]
            self.assertEqual([(one["Id"], one["Timestamps"], one["Values"]) for one in found], [("requests", [], []), ("other", [], [])])

    def test_the_cli_asks_for_it(self):
        asked = (
            '[{"Id":"a","MetricStat":{"Metric":{"Namespace":"AWS/ApplicationELB","MetricName":"RequestCount",'
            '"Dimensions":[{"Name":"LoadBalancer","Value":"app/nobody/0"}]},"Period":60,"Stat":"Sum"}}]'
        )
        span = ["--start-time", (now() - MINUTE).isoformat(), "--end-time", now().isoformat()]
        found = answer("cloudwatch", "get-metric-data", "--metric-data-queries", asked, *span)
        self.assertEqual([one["Values"] for one in found["MetricDataResults"]], [[]])

    def test_what_is_not_kept_and_what_cannot_be_is_refused_in_every_protocol(self):
        span = {"StartTime": now() - 5 * MINUTE, "EndTime": now()}
        balancer, other = "app/nobody/0", query("app/nobody/0")
        other["MetricStat"]["Metric"]["MetricName"] = "HTTPCode_Target_5XX_Count"
        alone = query(balancer, "targetgroup/x/1")
        del alone["MetricStat"]["Metric"]["Dimensions"][0]
        for protocol in PROTOCOLS:
            cloudwatch = speaking(protocol)

            def get(*queries, **more):
                return cloudwatch.get_metric_data(**{"MetricDataQueries": queries, **span, **more})

            with self.refused("UnknownParameter", "HTTPCode_Target_5XX_Count"):
                get(other)
            with self.refused("UnknownParameter", "without the dimension LoadBalancer"):
                get(alone)
            with self.refused("UnknownParameter", "Average"):
                get(query(balancer, Stat="Average"))
            with self.refused("UnknownParameter", "Expression"):
                get({"Id": "sum", "Expression": "SUM(METRICS())"})
            with self.refused("UnknownParameter", "MaxDatapoints"):
                get(query(balancer), MaxDatapoints=1)
            with self.refused("ValidationError", "not unique"):
                get(query(balancer), query(balancer))
            with self.refused("ValidationError", "Upper"):
                get({**query(balancer), "Id": "Upper"})
            with self.refused("ValidationError", "neither"):
                get({"Id": "nothing"})
            with self.refused("ValidationError", "multiple of 60"):
                get(query(balancer, Period=90))
            with self.refused("ValidationError", "StartTime"):
                get(query(balancer), EndTime=span["StartTime"])
            with self.refused("InvalidAction", "ListMetrics"):
                cloudwatch.list_metrics()
