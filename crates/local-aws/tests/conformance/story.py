"""A stack built by hand, as a stranger would, and taken down again until nothing is left."""

import urllib.error
import urllib.request

from cloud import QUICK, Case, Network, client, delete_group, free_port, newest_image, unique, until, until_seen


def status(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return reply.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return None


class Story(Case):
    def test_a_stack_is_built_seen_to_be_unhealthy_and_removed(self):
        ec2, elb, scaling = client("ec2"), client("elbv2"), client("autoscaling")
        network, name, port = Network(ec2), unique("story"), free_port()
        tags = [{"Key": "story", "Value": name}]

        guard = ec2.create_security_group(
            GroupName=name, Description="web", VpcId=network.vpc, TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}]
        )["GroupId"]
        until_seen()
        ec2.authorize_security_group_ingress(GroupId=guard, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0")
        template = ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={
                "ImageId": newest_image(), "InstanceType": "t3.micro", "SecurityGroupIds": [guard],
                "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
            },
        )["LaunchTemplate"]["LaunchTemplateId"]
        targets = elb.create_target_group(
            Name=name, Protocol="HTTP", Port=8080, VpcId=network.vpc, HealthCheckPath="/hc", HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=2, HealthyThresholdCount=2, Tags=tags,
        )["TargetGroups"][0]["TargetGroupArn"]
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "5"}
        elb.modify_target_group_attributes(TargetGroupArn=targets, Attributes=[delay])
        balancer = elb.create_load_balancer(Name=name, Subnets=network.subnets, SecurityGroups=[guard], Tags=tags)
        balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer], WaiterConfig=QUICK)
        forward = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": targets, "Weight": 100}]}}]
        listener = elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[
                {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "ContentType": "text/plain"}}
            ],
        )["Listeners"][0]["ListenerArn"]
        elb.create_rule(
            ListenerArn=listener, Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/app/*"]}], Actions=forward
        )
        until("the listener answers what its default action says", lambda: status(port, "/") == 418)
        until("a target group without targets is a 503", lambda: status(port, "/app/x") == 503)

        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=0, MaxSize=2, DesiredCapacity=2, TargetGroupARNs=[targets],
            LaunchTemplate={"LaunchTemplateId": template, "Version": "1"}, VPCZoneIdentifier=",".join(network.subnets),
            HealthCheckType="EC2",
        )
        self.two_unhealthy_targets(elb, targets)
        # Nothing listens in Amazon's bare image; with every target unhealthy the load balancer fails open and tries them.
        until("the load balancer tries them, and cannot connect", lambda: status(port, "/app/x") == 502)
        self.take_down(ec2, elb, scaling, name, balancer, listener, targets, template, guard)
        until("the port is closed", lambda: status(port, "/") is None)

    def two_unhealthy_targets(self, elb, targets):
        def look():
            health = elb.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"]
            return [target["TargetHealth"]["State"] for target in health] == ["unhealthy"] * 2 and health

        for target in until("both targets are unhealthy", look, 40):
            self.assertIn(target["TargetHealth"]["Reason"], ("Target.FailedHealthChecks", "Target.Timeout"))
            self.assertTrue(target["TargetHealth"]["Description"])

    def take_down(self, ec2, elb, scaling, name, balancer, listener, targets, template, guard):
        scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        groups = lambda: scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        until("the group is gone", lambda: not groups())
        with self.refused("DependencyViolation"):
            ec2.delete_security_group(GroupId=guard)
        with self.refused("ResourceInUse"):
            elb.delete_target_group(TargetGroupArn=targets)
        elb.delete_listener(ListenerArn=listener)
        elb.delete_load_balancer(LoadBalancerArn=balancer)
        elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[balancer], WaiterConfig=QUICK)
        elb.delete_target_group(TargetGroupArn=targets)
        ec2.delete_launch_template(LaunchTemplateId=template)
        filters = [{"Name": "tag:story", "Values": [name]}]
        instances = lambda: [
            instance["State"]["Name"]
            for reservation in ec2.describe_instances(Filters=filters)["Reservations"]
            for instance in reservation["Instances"]
        ]
        until("the instances are gone", lambda: set(instances()) <= {"terminated"})
        delete_group(ec2, guard)

        balancers = elb.describe_load_balancers()["LoadBalancers"]
        self.assertNotIn(name, [one["LoadBalancerName"] for one in balancers])
        self.assertNotIn(name, [one["TargetGroupName"] for one in elb.describe_target_groups()["TargetGroups"]])
        for found in (
            ec2.describe_security_groups(Filters=filters)["SecurityGroups"],
            ec2.describe_launch_templates(Filters=[{"Name": "launch-template-name", "Values": [name]}])["LaunchTemplates"],
        ):
            self.assertEqual(found, [])
