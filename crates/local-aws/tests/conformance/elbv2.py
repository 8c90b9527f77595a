"""Elastic Load Balancing: load balancers, target groups, listeners, rules, targets, tags."""

from cloud import QUICK, Case, Network, client, delete_group, free_port, newest_image, unique, until_seen

CONDITION = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a*", "/b"]}}


def fixed(status="404"):
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status, "ContentType": "text/plain", "MessageBody": "none"}}]


def forward(*groups):
    weighted = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}]


class Elbv2(Case):
    @classmethod
    def setUpClass(cls):
        cls.elb, cls.ec2 = client("elbv2"), client("ec2")
        cls.network = Network(cls.ec2)

    def target_group(self, **more):
        name = unique("tg")
        settings = {
            "Name": name, "Protocol": "HTTP", "Port": 8080, "VpcId": self.network.vpc, "HealthCheckPath": "/hc",
            "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2, "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200"}, "Tags": [{"Key": "Name", "Value": name}],
        }
        return self.elb.create_target_group(**{**settings, **more})["TargetGroups"][0]["TargetGroupArn"], name

    def load_balancer(self):
        name = unique("lb")
        made = self.elb.create_load_balancer(Name=name, Subnets=self.network.subnets, Tags=[{"Key": "Name", "Value": name}])
        arn = made["LoadBalancers"][0]["LoadBalancerArn"]
        self.addCleanup(self.elb.delete_load_balancer, LoadBalancerArn=arn)
        return arn, name


class LoadBalancers(Elbv2):
    def test_a_load_balancer_lives_and_dies(self):
        arn, name = self.load_balancer()
        self.assertEqual(self.elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]["State"]["Code"], "provisioning")
        self.elb.get_waiter("load_balancer_exists").wait(Names=[name], WaiterConfig=QUICK)
        self.elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn], WaiterConfig=QUICK)
        [found] = self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        self.assertEqual(sorted(zone["ZoneName"] for zone in found["AvailabilityZones"]), sorted(self.network.zones))
        for member in ("DNSName", "CanonicalHostedZoneId", "CreatedTime", "VpcId", "SecurityGroups", "Scheme"):
            self.assertIn(member, found)
        idle = {"Key": "idle_timeout.timeout_seconds", "Value": "30"}
        self.assertIn(idle, self.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[idle])["Attributes"])
        self.assertIn(idle, self.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"])
        group = self.ec2.create_security_group(GroupName=unique("lb"), Description="lb", VpcId=self.network.vpc)["GroupId"]
        until_seen()
        self.assertEqual(self.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[group])["SecurityGroupIds"], [group])
        self.assertTrue(self.elb.set_subnets(LoadBalancerArn=arn, Subnets=self.network.subnets)["AvailabilityZones"])
        settings = {"Name": name, "Subnets": self.network.subnets, "SecurityGroups": [group], "Tags": [{"Key": "Name", "Value": name}]}
        same = self.elb.create_load_balancer(**settings)["LoadBalancers"][0]
        self.assertEqual(same["LoadBalancerArn"], arn, "the same create again is idempotent")
        with self.refused("DuplicateLoadBalancerName"):
            self.elb.create_load_balancer(**settings, Scheme="internal")
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        self.elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn], WaiterConfig=QUICK)
        with self.refused("LoadBalancerNotFound"):
            self.elb.describe_load_balancers(Names=[name])
        # Its network interfaces outlive it.
        with self.refused("DependencyViolation"):
            self.ec2.delete_security_group(GroupId=group)
        delete_group(self.ec2, group)

    def test_one_that_is_protected_is_not_deleted(self):
        arn, name = self.load_balancer()

        def protect(value):
            change = [{"Key": "deletion_protection.enabled", "Value": value}]
            self.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=change)

        protect("true")
        with self.refused("OperationNotPermitted", "deletion protection"):
            self.elb.delete_load_balancer(LoadBalancerArn=arn)
        self.assertEqual(len(self.elb.describe_load_balancers(Names=[name])["LoadBalancers"]), 1)
        protect("false")
        self.elb.delete_load_balancer(LoadBalancerArn=arn)
        with self.refused("LoadBalancerNotFound"):
            self.elb.describe_load_balancers(Names=[name])

    def test_load_balancers_that_cannot_be_are_refused(self):
        with self.refused("ValidationError"):
            self.elb.create_load_balancer(Name="-wrong-", Subnets=self.network.subnets)
        with self.refused("SubnetNotFound"):
            self.elb.create_load_balancer(Name=unique("lb"), Subnets=["subnet-00000000000000001", "subnet-00000000000000002"])
        with self.refused("InvalidAction", "DescribeSSLPolicies"):
            self.elb.describe_ssl_policies()

    def test_pages_of_load_balancers(self):
        arns = {self.load_balancer()[0] for _ in range(3)}
        pages = list(self.elb.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 2}))
        self.assertGreaterEqual(len(pages), 2)
        self.assertTrue(arns <= {one["LoadBalancerArn"] for page in pages for one in page["LoadBalancers"]})


class Limits(Elbv2):
    def test_how_much_an_account_may_have_is_told(self):
        pages = self.elb.get_paginator("describe_account_limits").paginate(PaginationConfig={"PageSize": 1})
        limits = {one["Name"]: int(one["Max"]) for page in pages for one in page["Limits"]}
        self.assertEqual(limits, {"application-load-balancers": 50, "target-groups": 3000})
        with self.refused("ValidationError", "Page size"):
            self.elb.describe_account_limits(PageSize=401)


class TargetGroups(Elbv2):
    def test_a_target_group_lives_and_dies(self):
        arn, name = self.target_group()
        [found] = self.elb.describe_target_groups(Names=[name])["TargetGroups"]
        self.assertEqual((found["TargetGroupArn"], found["HealthCheckPath"], found["LoadBalancerArns"]), (arn, "/hc", []))
        changed = self.elb.modify_target_group(TargetGroupArn=arn, HealthCheckPath="/up", Matcher={"HttpCode": "200-299"})
        self.assertEqual(changed["TargetGroups"][0]["Matcher"], {"HttpCode": "200-299"})
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "20"}
        self.assertIn(delay, self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])["Attributes"])
        self.assertIn(delay, self.elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"])
        with self.refused("DuplicateTargetGroupName"):
            self.elb.create_target_group(Name=name, Protocol="HTTP", Port=9, VpcId=self.network.vpc)
        self.elb.delete_target_group(TargetGroupArn=arn)
        self.elb.delete_target_group(TargetGroupArn=arn)  # succeeds, as in AWS
        with self.refused("TargetGroupNotFound"):
            self.elb.describe_target_groups(TargetGroupArns=[arn])
        with self.refused("TargetGroupNotFound"):
            self.elb.describe_target_health(TargetGroupArn=arn)
        with self.refused("ValidationError"):
            self.target_group(Name="under_score")

    def test_settings_out_of_range_are_refused(self):
        # One that does not look at ranges itself.
        self.elb = client("elbv2", parameter_validation=False)
        arn, _ = self.target_group()
        for more in (
            {"HealthCheckIntervalSeconds": 4}, {"HealthCheckIntervalSeconds": 301}, {"HealthCheckTimeoutSeconds": 1},
            {"HealthCheckTimeoutSeconds": 121, "HealthCheckIntervalSeconds": 300}, {"HealthCheckTimeoutSeconds": 5},
            {"HealthyThresholdCount": 1}, {"HealthyThresholdCount": 11}, {"UnhealthyThresholdCount": 11}, {"HealthCheckPath": "up"},
            {"HealthCheckPath": "/" + "a" * 1024}, {"Matcher": {"HttpCode": "199"}}, {"Matcher": {"HttpCode": "200-500"}},
            {"Matcher": {"HttpCode": "299-200"}},
        ):
            with self.subTest(**more), self.refused("ValidationError"):
                self.elb.modify_target_group(TargetGroupArn=arn, **more)
        for key, value in (
            ("slow_start.duration_seconds", "29"), ("slow_start.duration_seconds", "901"), ("stickiness.enabled", "yes"),
            ("deregistration_delay.timeout_seconds", "3601"), ("stickiness.lb_cookie.duration_seconds", "0"),
            ("stickiness.lb_cookie.duration_seconds", "604801"), ("load_balancing.algorithm.type", "fastest"), ("planet", "mars"),
        ):
            with self.subTest(key, value=value), self.refused("ValidationError"):
                self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[{"Key": key, "Value": value}])
        algorithm = {"Key": "load_balancing.algorithm.type", "Value": "least_outstanding_requests"}
        for beside in ({"Key": "slow_start.duration_seconds", "Value": "30"}, {"Key": "load_balancing.algorithm.anomaly_mitigation", "Value": "on"}):
            with self.refused("InvalidConfigurationRequest"):
                self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[algorithm, beside])
        self.elb.delete_target_group(TargetGroupArn=arn)
        balancer, _ = self.load_balancer()
        for key, value in (("idle_timeout.timeout_seconds", "0"), ("idle_timeout.timeout_seconds", "4001"), ("client_keep_alive.seconds", "59")):
            with self.subTest(key, value=value), self.refused("ValidationError"):
                self.elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[{"Key": key, "Value": value}])

    def test_pages_of_target_groups(self):
        arns = {self.target_group()[0] for _ in range(3)}
        pages = list(self.elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 2}))
        self.assertGreaterEqual(len(pages), 2)
        self.assertTrue(arns <= {one["TargetGroupArn"] for page in pages for one in page["TargetGroups"]})
        for arn in arns:
            self.elb.delete_target_group(TargetGroupArn=arn)


class Listeners(Elbv2):
    def test_listeners_and_rules_divide_the_traffic(self):
        balancer, _ = self.load_balancer()
        self.elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer], WaiterConfig=QUICK)
        blue, green = self.target_group()[0], self.target_group()[0]
        port = free_port()
        listener = self.elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=fixed(), Tags=[{"Key": "a", "Value": "b"}]
        )["Listeners"][0]["ListenerArn"]
        with self.refused("DuplicateListener"):
            self.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=fixed("503"))
        rule = self.elb.create_rule(
            ListenerArn=listener, Priority=10, Conditions=[CONDITION], Actions=forward((blue, 100), (green, 0)), Tags=[{"Key": "role", "Value": "live"}]
        )["Rules"][0]
        self.assertEqual([group["Weight"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]], [100, 0])
        blunt = client("elbv2", parameter_validation=False)
        for priority in (0, 50_001):
            with self.refused("ValidationError"):
                blunt.create_rule(ListenerArn=listener, Priority=priority, Conditions=[CONDITION], Actions=fixed())
        with self.refused("ValidationError"):
            self.elb.modify_rule(RuleArn=rule["RuleArn"], Actions=forward((blue, 1000), (green, 0)))
        with self.refused("PriorityInUse"):
            self.elb.create_rule(ListenerArn=listener, Priority=10, Conditions=[CONDITION], Actions=fixed())
        with self.refused("ResourceInUse"):
            self.elb.delete_target_group(TargetGroupArn=blue)
        arn = rule["RuleArn"]
        changed = self.elb.modify_rule(RuleArn=arn, Actions=forward((blue, 0), (green, 100)))["Rules"][0]
        self.assertEqual([group["Weight"] for group in changed["Actions"][0]["ForwardConfig"]["TargetGroups"]], [0, 100])
        header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Preview", "Values": ["yes"]}}
        second = self.elb.create_rule(ListenerArn=listener, Priority=20, Conditions=[header], Actions=forward((green, 1)))["Rules"][0]
        self.elb.set_rule_priorities(
            RulePriorities=[{"RuleArn": arn, "Priority": 20}, {"RuleArn": second["RuleArn"], "Priority": 10}]
        )
        rules = self.elb.describe_rules(ListenerArn=listener)["Rules"]
        self.assertEqual([one["Priority"] for one in rules], ["10", "20", "default"])
        self.assertEqual(rules[0]["RuleArn"], second["RuleArn"])
        pages = self.elb.get_paginator("describe_rules").paginate(ListenerArn=listener, PaginationConfig={"PageSize": 1})
        self.assertEqual(sum(len(page["Rules"]) for page in pages), 3)
        with self.refused("OperationNotPermitted"):
            self.elb.delete_rule(RuleArn=rules[2]["RuleArn"])
        tags = self.elb.describe_tags(ResourceArns=[arn, listener])["TagDescriptions"]
        self.assertEqual({one["ResourceArn"]: one["Tags"] for one in tags}[arn], [{"Key": "role", "Value": "live"}])
        self.elb.modify_listener(ListenerArn=listener, DefaultActions=forward((blue, 1)))
        [shown] = self.elb.describe_listeners(ListenerArns=[listener])["Listeners"]
        self.assertEqual((shown["Port"], shown["DefaultActions"][0]["Type"]), (port, "forward"))
        self.elb.delete_rule(RuleArn=arn)
        with self.refused("RuleNotFound"):
            self.elb.modify_rule(RuleArn=arn, Actions=fixed())
        self.elb.delete_listener(ListenerArn=listener)
        with self.refused("ListenerNotFound"):
            self.elb.describe_listeners(ListenerArns=[listener])
        self.assertEqual(self.elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"], [])
        for group in (blue, green):
            self.elb.delete_target_group(TargetGroupArn=group)

    def test_actions_that_cannot_be_are_refused(self):
        balancer, _ = self.load_balancer()
        nowhere = self.target_group()[0]
        self.elb.delete_target_group(TargetGroupArn=nowhere)
        with self.refused("TargetGroupNotFound"):
            self.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=free_port(), DefaultActions=forward((nowhere, 1)))
        with self.refused("LoadBalancerNotFound"):
            self.elb.create_listener(LoadBalancerArn=balancer[:-4] + "0000", Protocol="HTTP", Port=80, DefaultActions=fixed())


class Targets(Elbv2):
    def test_targets_come_and_go(self):
        group, _ = self.target_group()
        run = self.ec2.run_instances(ImageId=newest_image(), InstanceType="t3.micro", MinCount=1, MaxCount=1)
        instance = run["Instances"][0]["InstanceId"]
        self.ec2.get_waiter("instance_exists").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        self.ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": instance}])
        [shown] = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        self.assertEqual((shown["Target"], shown["HealthCheckPort"]), ({"Id": instance, "Port": 8080}, "8080"))
        self.assertEqual((shown["TargetHealth"]["State"], shown["TargetHealth"]["Reason"]), ("unused", "Target.NotInUse"))
        self.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": instance}])
        self.elb.get_waiter("target_deregistered").wait(
            TargetGroupArn=group, Targets=[{"Id": instance}], WaiterConfig=QUICK
        )
        with self.refused("InvalidTarget"):
            self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "i-00000000000000001"}])
        [shown] = self.elb.describe_target_health(TargetGroupArn=group, Targets=[{"Id": instance}])["TargetHealthDescriptions"]
        self.assertEqual((shown["TargetHealth"]["State"], shown["TargetHealth"]["Reason"]), ("unused", "Target.NotRegistered"))
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.elb.delete_target_group(TargetGroupArn=group)


class Tags(Elbv2):
    def test_tags_are_set_listed_and_removed(self):
        group, name = self.target_group()
        self.elb.add_tags(ResourceArns=[group], Tags=[{"Key": "more", "Value": "1"}])
        self.elb.remove_tags(ResourceArns=[group], TagKeys=["Name"])
        [shown] = self.elb.describe_tags(ResourceArns=[group])["TagDescriptions"]
        self.assertEqual(shown["Tags"], [{"Key": "more", "Value": "1"}])
        self.elb.delete_target_group(TargetGroupArn=group)
        with self.refused("TargetGroupNotFound"):
            self.elb.describe_tags(ResourceArns=[group])
