"""EC2: network, security groups, instances, images, launch templates, tags."""

import base64

from cloud import QUICK, REGION, Case, Network, client, newest_image, unique, until, until_seen


def by_name(name):
    return [{"Name": "tag:Name", "Values": [name]}]


class Ec2(Case):
    @classmethod
    def setUpClass(cls):
        cls.ec2 = client("ec2")
        cls.network = Network(cls.ec2)
        cls.image = newest_image()

    def run_one(self, name, **more):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}, {"Key": "team", "Value": "a & b"}]}]
        settings = {"ImageId": self.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "TagSpecifications": tags}
        run = self.ec2.run_instances(**{**settings, **more})
        ids = [instance["InstanceId"] for instance in run["Instances"]]
        self.addCleanup(self.end, ids)
        return ids

    def end(self, ids):
        # A new instance is not seen by every call at once, here as in AWS.
        self.ec2.get_waiter("instance_exists").wait(InstanceIds=ids, WaiterConfig=QUICK)
        self.ec2.terminate_instances(InstanceIds=ids)

    def group(self):
        name = unique("conformance")
        made = self.ec2.create_security_group(GroupName=name, Description="of a test", VpcId=self.network.vpc)
        until_seen()
        return made["GroupId"], name


class Places(Ec2):
    def test_the_network_is_described(self):
        self.assertEqual(self.ec2.describe_vpcs(VpcIds=[self.network.vpc])["Vpcs"][0]["IsDefault"], True)
        self.assertGreaterEqual(len(self.network.subnets), 2)
        subnet = self.ec2.describe_subnets(SubnetIds=self.network.subnets[:1])["Subnets"][0]
        self.assertGreater(subnet["AvailableIpAddressCount"], 0)
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertTrue(set(self.network.zones) <= {zone["ZoneName"] for zone in zones})
        self.assertIn(REGION, [region["RegionName"] for region in self.ec2.describe_regions()["Regions"]])
        kind = self.ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"][0]
        self.assertEqual(kind["ProcessorInfo"]["SupportedArchitectures"], ["x86_64"])
        micro = [{"Name": "instance-type", "Values": ["t3.micro"]}]
        offered = self.ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=micro)["InstanceTypeOfferings"]
        self.assertEqual({one["InstanceType"] for one in offered}, {"t3.micro"})
        self.assertTrue(set(self.network.zones) <= {one["Location"] for one in offered})
        offered = self.ec2.describe_instance_type_offerings(Filters=micro)["InstanceTypeOfferings"]
        self.assertEqual(offered, [{"InstanceType": "t3.micro", "LocationType": "region", "Location": REGION}])

    def test_how_disks_are_encrypted_by_default_is_told(self):
        self.assertEqual(self.ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"], False)
        self.assertEqual(self.ec2.get_ebs_default_kms_key_id()["KmsKeyId"], "alias/aws/ebs")
        for operation in ("get_ebs_encryption_by_default", "get_ebs_default_kms_key_id"):
            with self.refused("DryRunOperation"):
                getattr(self.ec2, operation)(DryRun=True)

    def test_where_subnets_lead_is_described(self):
        main = [{"Name": "vpc-id", "Values": [self.network.vpc]}, {"Name": "association.main", "Values": ["true"]}]
        (table,) = self.ec2.describe_route_tables(Filters=main)["RouteTables"]
        self.assertEqual([(one["Main"], one.get("SubnetId")) for one in table["Associations"]], [(True, None)])
        routes = {route["DestinationCidrBlock"]: route["GatewayId"] for route in table["Routes"]}
        self.assertEqual(routes.pop("172.31.0.0/16"), "local")
        self.assertRegex(routes.pop("0.0.0.0/0"), "^igw-")
        own = [{"Name": "association.subnet-id", "Values": self.network.subnets}]
        self.assertEqual(self.ec2.describe_route_tables(Filters=own)["RouteTables"], [])
        of_network = [{"Name": "vpc-id", "Values": [self.network.vpc]}]
        self.assertEqual(self.ec2.describe_vpc_endpoints(Filters=of_network)["VpcEndpoints"], [])

    def test_places_that_are_not_there_are_refused(self):
        with self.refused("InvalidVpcID.NotFound"):
            self.ec2.describe_vpcs(VpcIds=["vpc-00000000000000001"])
        with self.refused("InvalidSubnetID.NotFound"):
            self.ec2.describe_subnets(SubnetIds=["subnet-00000000000000001"])
        with self.refused("InvalidRouteTableID.NotFound"):
            self.ec2.describe_route_tables(RouteTableIds=["rtb-00000000000000001"])
        with self.refused("InvalidVpcEndpointId.NotFound"):
            self.ec2.describe_vpc_endpoints(VpcEndpointIds=["vpce-00000000000000001"])
        with self.refused("InvalidParameterValue", "association.state"):
            self.ec2.describe_route_tables(Filters=[{"Name": "association.state", "Values": ["x"]}])
        with self.refused("InvalidInstanceType"):
            self.ec2.describe_instance_types(InstanceTypes=["t9.enormous"])
        with self.refused("InvalidParameterValue", "locationType"):
            self.ec2.describe_instance_type_offerings(LocationType="planet")

    def test_what_the_local_cloud_lacks_is_refused_by_name(self):
        with self.refused("InvalidAction", "DescribeKeyPairs"):
            self.ec2.describe_key_pairs()
        with self.refused("UnknownParameter", "EnclaveOptions"):
            self.run_one("never", EnclaveOptions={"Enabled": True})


class SecurityGroups(Ec2):
    def test_a_group_lives_and_dies(self):
        group, name = self.group()
        found = self.ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])["SecurityGroups"]
        self.assertEqual([one["GroupId"] for one in found], [group])
        self.assertEqual(found[0]["IpPermissionsEgress"][0]["IpProtocol"], "-1")
        web = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}]}
        own = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8081, "UserIdGroupPairs": [{"GroupId": group}]}
        allowed = self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[web, own])
        self.assertEqual(len(allowed["SecurityGroupRules"]), 2)
        self.ec2.authorize_security_group_egress(
            GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
        )
        self.assertEqual(len(self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]), 2)
        everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.assertTrue(self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everywhere])["Return"])
        left = self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
        self.assertEqual([one["IpProtocol"] for one in left], ["tcp"])
        with self.refused("InvalidPermission.Duplicate"):
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[web])
        self.assertTrue(self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[web])["Return"])
        with self.refused("InvalidPermission.NotFound"):
            self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[web])
        self.ec2.delete_security_group(GroupId=group)
        with self.refused("InvalidGroup.NotFound"):
            self.ec2.describe_security_groups(GroupIds=[group])

    def test_names_and_uses_of_groups_are_guarded(self):
        group, name = self.group()
        with self.refused("InvalidGroup.Duplicate"):
            self.ec2.create_security_group(GroupName=name, Description="again", VpcId=self.network.vpc)
        other, _ = self.group()
        self.ec2.authorize_security_group_ingress(
            GroupId=other, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]
        )
        with self.refused("DependencyViolation"):
            self.ec2.delete_security_group(GroupId=group)
        self.ec2.delete_security_group(GroupId=other)
        self.ec2.delete_security_group(GroupId=group)
        with self.refused("InvalidGroup.NotFound"):
            self.ec2.delete_security_group(GroupId=group)

    def test_a_new_group_is_not_seen_at_once(self):
        def make():
            made = self.ec2.create_security_group(GroupName=unique("new"), Description="of a test", VpcId=self.network.vpc)
            self.addCleanup(self.ec2.delete_security_group, GroupId=made["GroupId"])
            return made["GroupId"]

        def let_in(group):
            self.ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")

        let_in(self.unseen("InvalidGroup.NotFound", make, let_in))
        self.unseen("InvalidGroup.NotFound", make, lambda group: self.ec2.describe_security_groups(GroupIds=[group]))

    def test_pages_are_cut_and_joined(self):
        groups = {self.group()[0] for _ in range(6)}
        pages = list(self.ec2.get_paginator("describe_security_groups").paginate(PaginationConfig={"PageSize": 5}))
        self.assertGreaterEqual(len(pages), 2)
        found = {group["GroupId"] for page in pages for group in page["SecurityGroups"]}
        self.assertTrue(groups <= found)
        for group in groups:
            self.ec2.delete_security_group(GroupId=group)


class Instances(Ec2):
    def test_an_instance_lives_and_dies(self):
        name = unique("life")
        [instance] = self.run_one(name, UserData="#!/bin/sh\ntrue\n")
        self.ec2.get_waiter("instance_exists").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        self.ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        self.ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        running = [*by_name(name), {"Name": "instance-state-name", "Values": ["pending", "running"]}]
        [reservation] = self.ec2.describe_instances(Filters=running)["Reservations"]
        found = reservation["Instances"][0]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in found["Tags"]}["team"], "a & b")
        self.assertIn(found["SubnetId"], self.network.subnets)
        self.assertIn(found["Placement"]["AvailabilityZone"], self.network.zones)
        for member in ("PrivateIpAddress", "LaunchTime", "SecurityGroups", "Architecture", "RootDeviceName"):
            self.assertIn(member, found)
        shown = self.ec2.get_console_output(InstanceId=instance, Latest=True)
        self.assertEqual(shown["InstanceId"], instance)
        self.assertIn("Timestamp", shown)
        self.assertIn("user data ended", until("the boot is on the console", lambda: self.ec2.get_console_output(
            InstanceId=instance, Latest=True).get("Output")))
        self.ec2.reboot_instances(InstanceIds=[instance])
        change = self.ec2.stop_instances(InstanceIds=[instance])["StoppingInstances"][0]
        self.assertEqual(change["PreviousState"]["Name"], "running")
        self.ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        status = self.ec2.describe_instance_status(InstanceIds=[instance], IncludeAllInstances=True)["InstanceStatuses"]
        self.assertEqual(status[0]["InstanceState"], {"Code": 80, "Name": "stopped"})
        self.ec2.start_instances(InstanceIds=[instance])
        self.ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        with self.refused("IncorrectInstanceState"):
            self.ec2.start_instances(InstanceIds=[instance])

    def test_a_client_token_makes_one_instance_of_two_calls(self):
        name, token = unique("token"), unique("token")
        first = self.run_one(name, ClientToken=token)
        self.assertEqual(self.run_one(name, ClientToken=token), first)
        with self.refused("IdempotentParameterMismatch"):
            self.run_one(name, ClientToken=token, InstanceType="t3.small")

    def test_pages_of_instances(self):
        name = unique("pages")
        ids = set(self.run_one(name, MinCount=6, MaxCount=6))
        self.ec2.get_waiter("instance_running").wait(InstanceIds=list(ids), WaiterConfig=QUICK)
        for _ in range(3):
            ids |= set(self.run_one(name))
        self.ec2.get_waiter("instance_running").wait(InstanceIds=list(ids), WaiterConfig=QUICK)
        pager = self.ec2.get_paginator("describe_instances")
        found = [
            instance["InstanceId"]
            for page in pager.paginate(Filters=by_name(name), PaginationConfig={"PageSize": 5})
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        ]
        self.assertEqual(sorted(found), sorted(ids))
        statuses = self.ec2.get_paginator("describe_instance_status").paginate(PaginationConfig={"PageSize": 5})
        self.assertTrue(ids <= {status["InstanceId"] for page in statuses for status in page["InstanceStatuses"]})

    def test_instances_that_cannot_be_are_refused(self):
        with self.refused("InvalidInstanceID.NotFound", "i-00000000000000001"):
            self.ec2.describe_instances(InstanceIds=["i-00000000000000001"])
        with self.refused("InvalidInstanceID.Malformed"):
            self.ec2.describe_instances(InstanceIds=["mine"])
        with self.refused("InvalidInstanceID.NotFound"):
            self.ec2.terminate_instances(InstanceIds=["i-00000000000000001"])
        with self.refused("InvalidAMIID.NotFound"):
            self.run_one("never", ImageId="ami-00000000000000001")
        with self.refused("InvalidAMIID.Malformed"):
            self.run_one("never", ImageId="ubuntu")
        with self.refused("InvalidSubnetID.NotFound"):
            self.run_one("never", SubnetId="subnet-00000000000000001")
        with self.refused("InvalidGroup.NotFound"):
            self.run_one("never", SecurityGroupIds=["sg-00000000000000001"])
        with self.refused("InvalidParameterValue"):
            self.run_one("never", InstanceType="t9.enormous")
        for ebs in ({"VolumeSize": 0}, {"VolumeSize": 65_537}, {"VolumeType": "gp2", "VolumeSize": 16_385}, {"VolumeType": "gp4"}, {"Iops": 2999}, {"Throughput": 2001}):
            with self.subTest(**ebs), self.refused("InvalidParameterValue"):
                self.run_one("never", BlockDeviceMappings=[{"DeviceName": "/dev/xvdb", "Ebs": ebs}])
        with self.refused("InvalidBlockDeviceMapping", "smaller"):
            self.run_one("never", BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 7}}])
        with self.refused("InvalidParameterValue", "16384"):
            self.run_one("never", UserData="#" * 16_385)
        with self.refused("DryRunOperation"):
            self.run_one("never", DryRun=True)


class Images(Ec2):
    def test_a_disk_s_encryption_goes_on_to_its_image(self):
        key = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"

        def disk(**ebs):
            return [{"DeviceName": "/dev/xvda", "Ebs": ebs}]

        with self.refused("InvalidParameterDependency"):
            self.run_one(unique("plain"), BlockDeviceMappings=disk(KmsKeyId=key))
        ids = self.run_one(unique("encrypted"), BlockDeviceMappings=disk(Encrypted=True, KmsKeyId=key))
        self.ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=QUICK)
        image = self.ec2.create_image(InstanceId=ids[0], Name=unique("encrypted"), NoReboot=True)["ImageId"]
        self.ec2.get_waiter("image_exists").wait(ImageIds=[image], WaiterConfig=QUICK)
        self.ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=QUICK)
        [found] = self.ec2.describe_images(ImageIds=[image])["Images"]
        ebs = found["BlockDeviceMappings"][0]["Ebs"]
        self.assertEqual((ebs["Encrypted"], found["RootDeviceName"]), (True, "/dev/xvda"))
        [snapshot] = self.ec2.describe_snapshots(SnapshotIds=[ebs["SnapshotId"]])["Snapshots"]
        self.assertEqual((snapshot["Encrypted"], snapshot["KmsKeyId"]), (True, key))
        self.ec2.deregister_image(ImageId=image)
        self.ec2.delete_snapshot(SnapshotId=ebs["SnapshotId"])

    def test_an_image_is_made_and_unmade(self):
        name = unique("image")
        [instance] = self.run_one(name)
        self.ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        tags = [{"Key": "Name", "Value": name}]
        made = self.ec2.create_image(
            InstanceId=instance, Name=name, Description="of a test", NoReboot=True,
            TagSpecifications=[{"ResourceType": "image", "Tags": tags}, {"ResourceType": "snapshot", "Tags": tags}],
        )["ImageId"]
        with self.refused("InvalidAMIName.Duplicate"):
            self.ec2.create_image(InstanceId=instance, Name=name, NoReboot=True)
        self.ec2.get_waiter("image_exists").wait(ImageIds=[made], WaiterConfig=QUICK)
        self.ec2.get_waiter("image_available").wait(ImageIds=[made], WaiterConfig=QUICK)
        [found] = self.ec2.describe_images(Owners=["self"], Filters=by_name(name))["Images"]
        self.assertEqual((found["ImageId"], found["State"], found["Name"]), (made, "available", name))
        snapshot = found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        [shown] = self.ec2.describe_snapshots(OwnerIds=["self"], Filters=by_name(name))["Snapshots"]
        self.assertEqual(shown["SnapshotId"], snapshot)
        with self.refused("InvalidSnapshot.InUse"):
            self.ec2.delete_snapshot(SnapshotId=snapshot)
        self.ec2.deregister_image(ImageId=made)
        self.ec2.delete_snapshot(SnapshotId=snapshot)
        with self.refused("InvalidSnapshot.NotFound"):
            self.ec2.describe_snapshots(SnapshotIds=[snapshot])
        with self.refused("InvalidAMIID.NotFound"):
            self.ec2.describe_images(ImageIds=["ami-00000000000000001"])
        with self.refused("InvalidAMIID.NotFound"):
            self.ec2.deregister_image(ImageId=made)

    def test_amazon_s_own_images_are_there(self):
        [image] = self.ec2.describe_images(ImageIds=[self.image])["Images"]
        self.assertEqual(image["Architecture"], "x86_64")
        listed = self.ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "architecture", "Values": ["arm64"]}])["Images"]
        self.assertTrue(listed)


class LaunchTemplates(Ec2):
    def test_a_template_has_versions(self):
        name, token = unique("template"), unique("token")
        data = {
            "ImageId": self.image, "InstanceType": "t3.micro", "UserData": base64.b64encode(b"#cloud-config\n{}").decode(),
            "MetadataOptions": {"HttpTokens": "required"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": name}]}],
        }
        settings = {"LaunchTemplateName": name, "LaunchTemplateData": data, "ClientToken": token}
        template = self.ec2.create_launch_template(**settings)["LaunchTemplate"]
        again = self.ec2.create_launch_template(**settings)["LaunchTemplate"]
        until_seen()
        self.assertEqual(again["LaunchTemplateId"], template["LaunchTemplateId"])
        with self.refused("InvalidLaunchTemplateName.AlreadyExistsException"):
            self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        second = self.ec2.create_launch_template_version(
            LaunchTemplateName=name, SourceVersion="1", VersionDescription="second", LaunchTemplateData={"InstanceType": "t3.small"}
        )["LaunchTemplateVersion"]
        self.assertEqual((second["VersionNumber"], second["LaunchTemplateData"]["ImageId"]), (2, self.image))
        until_seen()
        changed = self.ec2.modify_launch_template(LaunchTemplateName=name, DefaultVersion="2")["LaunchTemplate"]
        self.assertEqual((changed["DefaultVersionNumber"], changed["LatestVersionNumber"]), (2, 2))
        [latest] = self.ec2.describe_launch_template_versions(LaunchTemplateName=name, Versions=["$Latest"])["LaunchTemplateVersions"]
        self.assertEqual(latest["VersionNumber"], 2)
        pages = self.ec2.get_paginator("describe_launch_template_versions").paginate(
            LaunchTemplateName=name, PaginationConfig={"PageSize": 1}
        )
        self.assertEqual([version["VersionNumber"] for page in pages for version in page["LaunchTemplateVersions"]], [2, 1])
        [instance] = self.run_one(name, LaunchTemplate={"LaunchTemplateName": name, "Version": "2"}, ImageId=self.image)
        self.ec2.get_waiter("instance_exists").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        gone = self.ec2.delete_launch_template_versions(LaunchTemplateName=name, Versions=["1", "7"])
        self.assertEqual(gone["SuccessfullyDeletedLaunchTemplateVersions"][0]["VersionNumber"], 1)
        failed = gone["UnsuccessfullyDeletedLaunchTemplateVersions"][0]["ResponseError"]
        self.assertEqual(failed["Code"], "launchTemplateVersionDoesNotExist")
        found = self.ec2.describe_launch_templates(LaunchTemplateNames=[name])["LaunchTemplates"]
        self.assertEqual(len(found), 1)
        self.ec2.delete_launch_template(LaunchTemplateName=name)
        with self.refused("InvalidLaunchTemplateName.NotFoundException"):
            self.ec2.describe_launch_templates(LaunchTemplateNames=[name])

    def test_a_new_template_and_a_new_version_are_not_seen_at_once(self):
        data = {"ImageId": self.image, "InstanceType": "t3.micro"}
        code = "InvalidLaunchTemplateId.NotFound"

        def make():
            made = self.ec2.create_launch_template(LaunchTemplateName=unique("new"), LaunchTemplateData=data)["LaunchTemplate"]
            self.addCleanup(self.ec2.delete_launch_template, LaunchTemplateId=made["LaunchTemplateId"])
            return made["LaunchTemplateId"]

        template = self.unseen(code, make, lambda made: self.ec2.describe_launch_templates(LaunchTemplateIds=[made]))

        def publish():
            made = self.ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
            return str(made["LaunchTemplateVersion"]["VersionNumber"])

        def describe(version):
            return self.ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])["LaunchTemplateVersions"]

        version = self.unseen("InvalidLaunchTemplateId.VersionNotFound", publish, describe)
        self.assertEqual([str(one["VersionNumber"]) for one in describe(version)], [version])

    def test_templates_that_are_not_there_are_refused(self):
        with self.refused("InvalidLaunchTemplateId.NotFound"):
            self.ec2.describe_launch_template_versions(LaunchTemplateId="lt-00000000000000001")
        with self.refused("InvalidLaunchTemplateName.NotFoundException"):
            self.ec2.delete_launch_template(LaunchTemplateName=unique("none"))


class Tags(Ec2):
    def test_tags_are_set_listed_and_removed(self):
        group, _ = self.group()
        self.ec2.create_tags(Resources=[group], Tags=[{"Key": "Name", "Value": "<x>"}, {"Key": "empty", "Value": ""}])
        filters = [{"Name": "resource-id", "Values": [group]}]
        pages = self.ec2.get_paginator("describe_tags").paginate(Filters=filters)
        tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        self.assertEqual(tags, {"Name": "<x>", "empty": ""})
        self.ec2.delete_tags(Resources=[group], Tags=[{"Key": "empty"}])
        [tag] = self.ec2.describe_tags(Filters=filters)["Tags"]
        self.assertEqual((tag["ResourceType"], tag["Key"]), ("security-group", "Name"))
        self.ec2.delete_security_group(GroupId=group)
        with self.refused("InvalidInstanceID.NotFound"):
            self.ec2.create_tags(Resources=["i-00000000000000001"], Tags=[{"Key": "a", "Value": "b"}])
