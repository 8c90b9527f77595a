"""Regions: each has things of its own, what is global is in all of them, and one that AWS does not have is refused."""

import json

from cloud import REGION, Case, client, free_port, unique, until_seen

OTHER = "us-east-1" if REGION != "us-east-1" else "eu-central-1"


class Regions(Case):
    def test_what_is_made_in_one_is_not_in_another(self):
        here, there = client("ec2"), client("ec2", OTHER)
        vpcs = [{one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]} for ec2 in (here, there)]
        self.assertTrue(vpcs[0] and vpcs[1] and not vpcs[0] & vpcs[1], vpcs)
        name = unique("region")
        data = {"InstanceType": "t3.micro"}
        made = there.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"]
        until_seen()
        with self.refused("InvalidLaunchTemplateId.NotFound"):
            here.describe_launch_templates(LaunchTemplateIds=[made["LaunchTemplateId"]])
        with self.refused("InvalidLaunchTemplateId.NotFound"):
            here.delete_launch_template(LaunchTemplateId=made["LaunchTemplateId"])
        # The same name is free here.
        here.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        until_seen()
        for ec2 in (here, there):
            ec2.delete_launch_template(LaunchTemplateName=name)
        parameter = f"/{name}"
        client("ssm", OTHER).put_parameter(Name=parameter, Value="there", Type="String")
        with self.refused("ParameterNotFound"):
            client("ssm").get_parameter(Name=parameter)
        self.assertEqual(client("ssm", OTHER).get_parameter(Name=parameter)["Parameter"]["Value"], "there")
        client("ssm", OTHER).delete_parameter(Name=parameter)

    def test_arns_zones_and_images_are_the_region_s(self):
        elb, name = client("elbv2", OTHER), unique("away")[-32:]
        ec2 = client("ec2", OTHER)
        subnets = ec2.describe_subnets()["Subnets"]
        self.assertTrue(all(subnet["AvailabilityZone"].startswith(OTHER) for subnet in subnets), subnets)
        made = elb.create_load_balancer(Name=name, Subnets=[subnet["SubnetId"] for subnet in subnets])["LoadBalancers"][0]
        self.assertIn(f":{OTHER}:", made["LoadBalancerArn"])
        self.assertEqual(made["CanonicalHostedZoneId"], "Z35SXDOTRQ7X7K" if OTHER == "us-east-1" else "Z215JYRZR1TBD5")
        action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "204"}}
        arn = made["LoadBalancerArn"]
        elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=free_port(), DefaultActions=[action])
        with self.refused("LoadBalancerNotFound"):
            client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])
        elb.delete_load_balancer(LoadBalancerArn=arn)
        path = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
        images = [client("ssm", region).get_parameter(Name=path)["Parameter"]["Value"] for region in (REGION, OTHER)]
        self.assertNotEqual(*images)
        self.assertEqual(len(ec2.describe_images(ImageIds=[images[1]])["Images"]), 1)
        with self.refused("InvalidAMIID.NotFound"):
            ec2.describe_images(ImageIds=[images[0]])

    def test_roles_and_buckets_names_are_everywhere(self):
        name = unique("role")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        client("iam", OTHER).create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        client("iam").delete_role(RoleName=name)
        bucket = unique("bucket")
        place = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
        with self.refused("IllegalLocationConstraintException"):
            client("s3", "eu-west-1").create_bucket(Bucket=bucket, **place)
        client("s3", "eu-west-1").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.assertEqual(client("s3").get_bucket_location(Bucket=bucket)["LocationConstraint"], "eu-west-1")
        with self.refused("BucketAlreadyOwnedByYou"):
            client("s3").create_bucket(Bucket=bucket, **place)
        client("s3").delete_bucket(Bucket=bucket)

    def test_a_region_that_there_is_not_is_refused(self):
        with self.refused("InvalidRegion", "mars-north-1"):
            client("ec2", "mars-north-1").describe_vpcs()
        with self.refused("InvalidParameterValue", "mars-north-1"):
            client("ec2").describe_regions(RegionNames=["mars-north-1"])
        names = {one["RegionName"] for one in client("ec2").describe_regions()["Regions"]}
        self.assertTrue({REGION, OTHER} <= names, names)
