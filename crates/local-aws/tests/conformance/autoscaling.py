"""Auto Scaling: groups, capacity, instances, activities, schedules, policies, tags."""

import datetime

from cloud import QUICK, Case, Network, client, newest_image, unique, until, until_seen


class AutoScaling(Case):
    @classmethod
    def setUpClass(cls):
        cls.scaling, cls.ec2, cls.elb = client("autoscaling"), client("ec2"), client("elbv2")
        cls.network = Network(cls.ec2)
        cls.template = unique("scaling")
        cls.ec2.create_launch_template(
            LaunchTemplateName=cls.template, LaunchTemplateData={"ImageId": newest_image(), "InstanceType": "t3.micro"}
        )
        until_seen()

    @classmethod
    def tearDownClass(cls):
        cls.ec2.delete_launch_template(LaunchTemplateName=cls.template)

    def group(self, capacity=0, most=4, **more):
        name = unique("group")
        tags = [{"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": "Name", "Value": name, "PropagateAtLaunch": True}]
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=0, MaxSize=most, DesiredCapacity=capacity, Tags=tags,
            LaunchTemplate={"LaunchTemplateName": self.template, "Version": "1"},
            VPCZoneIdentifier=",".join(self.network.subnets), **more,
        )
        self.addCleanup(self.delete, name)
        return name

    def delete(self, name):
        if self.describe(name):
            self.scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
            until(f"{name} is gone", lambda: not self.describe(name))

    def describe(self, name):
        found = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return found[0] if found else None

    def in_service(self, name, number):
        def look():
            instances = self.describe(name)["Instances"]
            states = [instance["LifecycleState"] for instance in instances]
            return states == ["InService"] * number and [instance["InstanceId"] for instance in instances] or number == 0 and not states

        return until(f"{number} instances of {name} are in service", look)


class Groups(AutoScaling):
    def test_a_group_keeps_its_capacity(self):
        name = self.group(2, HealthCheckGracePeriod=30)
        first = self.in_service(name, 2)
        found = self.describe(name)
        self.assertEqual({instance["AvailabilityZone"] for instance in found["Instances"]}, set(self.network.zones))
        self.assertEqual(found["LaunchTemplate"]["Version"], "1")
        launched = self.ec2.describe_instances(Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": [name]}])
        instances = [instance for one in launched["Reservations"] for instance in one["Instances"]]
        self.assertEqual(sorted(instance["InstanceId"] for instance in instances), sorted(first))
        self.assertIn({"Key": "Name", "Value": name}, instances[0]["Tags"])
        members = self.scaling.describe_auto_scaling_instances(InstanceIds=first)["AutoScalingInstances"]
        self.assertEqual({member["AutoScalingGroupName"] for member in members}, {name})
        self.scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3, HonorCooldown=False)
        self.in_service(name, 3)
        self.scaling.set_instance_protection(AutoScalingGroupName=name, InstanceIds=first[:1], ProtectedFromScaleIn=True)
        self.scaling.set_instance_health(InstanceId=first[1], HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
        until("the unhealthy one is replaced", lambda: first[1] not in [one["InstanceId"] for one in self.describe(name)["Instances"]])
        self.in_service(name, 3)
        ended = self.scaling.terminate_instance_in_auto_scaling_group(InstanceId=first[0], ShouldDecrementDesiredCapacity=True)
        self.assertEqual(ended["Activity"]["AutoScalingGroupName"], name)
        self.assertEqual(self.describe(name)["DesiredCapacity"], 2)
        pages = self.scaling.get_paginator("describe_scaling_activities").paginate(
            AutoScalingGroupName=name, PaginationConfig={"PageSize": 2}
        )
        activities = [activity for page in pages for activity in page["Activities"]]
        self.assertGreaterEqual(len(activities), 5)
        self.assertLessEqual({activity["StatusCode"] for activity in activities}, {"Successful", "InProgress", "PreInService"})

    def test_an_instance_is_detached_and_lives_on(self):
        name = self.group(2)
        first, other = self.in_service(name, 2)
        with self.refused("ValidationError", "is not part of Auto Scaling group"):
            self.scaling.detach_instances(
                AutoScalingGroupName=name, InstanceIds=["i-00000000000000001"], ShouldDecrementDesiredCapacity=True
            )
        self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=2)
        with self.refused("ValidationError", "To detach 1 instance, please update the AutoScalingGroup sizes appropriately"):
            self.scaling.detach_instances(AutoScalingGroupName=name, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
        self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0)
        begun = self.scaling.detach_instances(AutoScalingGroupName=name, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
        self.assertEqual(begun["Activities"][0]["Description"], f"Detaching EC2 instance: {first}")
        until("only the other is left", lambda: [one["InstanceId"] for one in self.describe(name)["Instances"]] == [other])
        self.assertEqual(self.describe(name)["DesiredCapacity"], 1)
        self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, DesiredCapacity=0)
        until("the group is empty", lambda: not self.describe(name)["Instances"])
        instance = self.ec2.describe_instances(InstanceIds=[first])["Reservations"][0]["Instances"][0]
        self.assertEqual(instance["State"]["Name"], "running")
        self.ec2.terminate_instances(InstanceIds=[first])

    def test_groups_are_updated_and_deleted(self):
        name = self.group(1)
        self.in_service(name, 1)
        with self.refused("ResourceInUse"):
            self.scaling.delete_auto_scaling_group(AutoScalingGroupName=name)
        self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, MaxSize=5, DesiredCapacity=0, DefaultCooldown=1)
        until("it is empty", lambda: not self.describe(name)["Instances"])
        self.assertEqual(self.describe(name)["MaxSize"], 5)
        until("activities have ended", lambda: all(
            activity["StatusCode"] == "Successful"
            for activity in self.scaling.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
        ))
        self.scaling.delete_auto_scaling_group(AutoScalingGroupName=name)
        until("it is gone", lambda: not self.describe(name))
        with self.refused("ValidationError"):
            self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=1)

    def test_a_new_version_is_not_seen_at_once(self):
        name = self.group()

        def publish():
            data = {"InstanceType": "t3.small"}
            made = self.ec2.create_launch_template_version(LaunchTemplateName=self.template, SourceVersion="1", LaunchTemplateData=data)
            return str(made["LaunchTemplateVersion"]["VersionNumber"])

        def update(version):
            template = {"LaunchTemplateName": self.template, "Version": version}
            self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, LaunchTemplate=template)

        version = self.unseen("ValidationError", publish, update)
        update(version)
        self.assertEqual(self.describe(name)["LaunchTemplate"]["Version"], version)

    def test_a_group_being_deleted_takes_no_more_orders(self):
        name = self.group(1)
        self.in_service(name, 1)
        self.scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        with self.refused("ScalingActivityInProgress"):
            self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=3)
        until("it is gone", lambda: not self.describe(name))

    def test_groups_that_cannot_be_are_refused(self):
        name = self.group()
        with self.refused("AlreadyExists"):
            self.scaling.create_auto_scaling_group(
                AutoScalingGroupName=name, MinSize=0, MaxSize=1, LaunchTemplate={"LaunchTemplateName": self.template},
                VPCZoneIdentifier=self.network.subnets[0],
            )
        with self.refused("ValidationError"):
            self.scaling.create_auto_scaling_group(
                AutoScalingGroupName=unique("none"), MinSize=3, MaxSize=1, LaunchTemplate={"LaunchTemplateName": self.template},
                VPCZoneIdentifier=self.network.subnets[0],
            )
        with self.refused("ValidationError"):
            self.scaling.create_auto_scaling_group(
                AutoScalingGroupName=unique("none"), MinSize=0, MaxSize=1, LaunchTemplate={"LaunchTemplateName": unique("none")},
                VPCZoneIdentifier=self.network.subnets[0],
            )
        with self.refused("ValidationError"):
            self.scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=9)
        with self.refused("ValidationError"):
            self.scaling.set_desired_capacity(AutoScalingGroupName=unique("none"), DesiredCapacity=1)
        with self.refused("ValidationError"):
            self.scaling.terminate_instance_in_auto_scaling_group(
                InstanceId="i-00000000000000001", ShouldDecrementDesiredCapacity=False
            )
        for more in (
            {"MinSize": 50}, {"MinSize": -1}, {"DesiredCapacity": 9}, {"DefaultCooldown": -1}, {"HealthCheckGracePeriod": -1},
            {"DefaultInstanceWarmup": -2}, {"MaxInstanceLifetime": 86_399}, {"HealthCheckType": "PLANET"}, {"TerminationPolicies": ["Planet"]},
            {"VPCZoneIdentifier": "subnet-00000000000000001"},
        ):
            with self.subTest(**more), self.refused("ValidationError"):
                self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, **more)
        for more in ({"PolicyType": "TargetTrackingScaling"}, {"PolicyType": "Planet"}, {"AdjustmentType": "ChangeInCapacity"}):
            with self.subTest(**more), self.refused("ValidationError"):
                self.scaling.put_scaling_policy(AutoScalingGroupName=name, PolicyName="none", **more)
        with self.refused("InvalidAction", "StartInstanceRefresh"):
            self.scaling.start_instance_refresh(AutoScalingGroupName=name)
        self.assertIsNone(self.describe(unique("none")), "unknown names are left out, not refused")

    def test_pages_and_filters_of_groups(self):
        names = {self.group() for _ in range(3)}
        pages = list(self.scaling.get_paginator("describe_auto_scaling_groups").paginate(PaginationConfig={"PageSize": 2}))
        self.assertGreaterEqual(len(pages), 2)
        self.assertTrue(names <= {group["AutoScalingGroupName"] for page in pages for group in page["AutoScalingGroups"]})
        one = min(names)
        found = self.scaling.describe_auto_scaling_groups(Filters=[{"Name": "tag:Name", "Values": [one]}])["AutoScalingGroups"]
        self.assertEqual([group["AutoScalingGroupName"] for group in found], [one])


class Extras(AutoScaling):
    def test_processes_are_suspended_and_resumed(self):
        name = self.group()
        self.scaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AlarmNotification", "AZRebalance"])
        suspended = {one["ProcessName"] for one in self.describe(name)["SuspendedProcesses"]}
        self.assertEqual(suspended, {"AlarmNotification", "AZRebalance"})
        self.scaling.resume_processes(AutoScalingGroupName=name)
        self.assertEqual(self.describe(name)["SuspendedProcesses"], [])
        with self.refused("ValidationError"):
            self.scaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Everything"])
        kinds = {one["ProcessName"] for one in self.scaling.describe_scaling_process_types()["Processes"]}
        self.assertTrue(suspended | {"Launch", "ReplaceUnhealthy"} <= kinds, kinds)

    def test_a_scheduled_action_changes_the_capacity(self):
        name = self.group()
        now = self.clock()
        self.scaling.put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledActionName="up", StartTime=now + datetime.timedelta(seconds=60), DesiredCapacity=1,
            MinSize=0, MaxSize=2,
        )
        self.scaling.put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledActionName="later", StartTime=now + datetime.timedelta(days=2), DesiredCapacity=0
        )
        [action] = self.scaling.describe_scheduled_actions(AutoScalingGroupName=name, ScheduledActionNames=["later"])["ScheduledUpdateGroupActions"]
        self.assertEqual(action["DesiredCapacity"], 0)
        until("the action was taken", lambda: self.describe(name)["DesiredCapacity"] == 1)
        self.scaling.delete_scheduled_action(AutoScalingGroupName=name, ScheduledActionName="later")
        self.assertEqual(self.scaling.describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"], [])
        with self.refused("ValidationError"):
            self.scaling.delete_scheduled_action(AutoScalingGroupName=name, ScheduledActionName="later")

    def clock(self):
        """The local cloud's date and time, which runs ahead of ours."""
        name = unique("clock")
        ssm = client("ssm")
        ssm.put_parameter(Name=name, Value="now", Type="String")
        moment = ssm.get_parameter(Name=name)["Parameter"]["LastModifiedDate"]
        ssm.delete_parameter(Name=name)
        return moment

    def test_policies_are_put_and_deleted(self):
        name = self.group()
        made = self.scaling.put_scaling_policy(
            AutoScalingGroupName=name, PolicyName="cpu", PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}, "TargetValue": 50.0
            },
        )
        self.assertIn(":scalingPolicy:", made["PolicyARN"])
        [policy] = self.scaling.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
        self.assertEqual(policy["TargetTrackingConfiguration"]["TargetValue"], 50.0)
        self.scaling.delete_policy(AutoScalingGroupName=name, PolicyName="cpu")
        self.assertEqual(self.scaling.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"], [])
        with self.refused("ValidationError"):
            self.scaling.delete_policy(AutoScalingGroupName=name, PolicyName="cpu")

    def test_tags_are_set_listed_and_removed(self):
        name = self.group()
        tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": "team", "Value": "x", "PropagateAtLaunch": False}
        self.scaling.create_or_update_tags(Tags=[tag])
        filters = [{"Name": "auto-scaling-group", "Values": [name]}]
        tags = self.scaling.describe_tags(Filters=filters)["Tags"]
        self.assertIn(tag, tags)
        self.scaling.delete_tags(Tags=[tag])
        pages = self.scaling.get_paginator("describe_tags").paginate(Filters=filters)
        self.assertEqual([one["Key"] for page in pages for one in page["Tags"]], ["Name"])

    def test_target_groups_are_attached_and_detached(self):
        name = self.group(1)
        target_group = self.elb.create_target_group(
            Name=unique("tg"), Protocol="HTTP", Port=80, VpcId=self.network.vpc
        )["TargetGroups"][0]["TargetGroupArn"]
        self.scaling.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[target_group])
        self.assertEqual(self.describe(name)["TargetGroupARNs"], [target_group])
        [state] = self.scaling.describe_load_balancer_target_groups(AutoScalingGroupName=name)["LoadBalancerTargetGroups"]
        self.assertEqual(state["LoadBalancerTargetGroupARN"], target_group)
        [source] = self.scaling.describe_traffic_sources(AutoScalingGroupName=name)["TrafficSources"]
        self.assertEqual(source["Identifier"], target_group)
        self.in_service(name, 1)
        until("its instance is registered", lambda: self.elb.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"])
        self.scaling.detach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[target_group])
        until("nothing is attached", lambda: self.describe(name)["TargetGroupARNs"] == [])
        sources = {"AutoScalingGroupName": name, "TrafficSources": [{"Identifier": target_group, "Type": "elbv2"}]}
        self.scaling.attach_traffic_sources(**sources)
        self.scaling.detach_traffic_sources(**sources)
        until("nothing is attached", lambda: self.scaling.describe_traffic_sources(AutoScalingGroupName=name)["TrafficSources"] == [])
        self.scaling.attach_traffic_sources(**sources)
        self.delete(name)
        self.elb.delete_target_group(TargetGroupArn=target_group)
        with self.refused("ValidationError"):
            self.scaling.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[target_group])
