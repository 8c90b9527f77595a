"""What is not there, and what cannot be, asked of one operation after the other: each is refused by AWS's code for it.

A row is an operation, a code and what is asked for. Whatever needs something to be in a certain state stands in its service's file.
"""

import json

import botocore

from cloud import Case, client

NAME = "none-of-this-name"
UUID = "00000000-0000-4000-8000-000000000000"
INSTANCE = "i-00000000000000001"
TAGS = [{"Key": "a", "Value": "b"}]
TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})


def arn(kind, rest):
    region = client("ec2").meta.region_name
    return f"arn:aws:elasticloadbalancing:{region}:123456789012:{kind}/{rest}"


class Refusals(Case):
    def all_refused(self, service, rows, **shared):
        asked = client(service)
        for operation, code, more in rows:
            with self.subTest(operation, **more), self.refused(code):
                getattr(asked, botocore.xform_name(operation))(**{**shared, **more})

    def test_ec2_refuses_what_is_not_there(self):
        self.all_refused("ec2", [
            ("DescribeInstanceStatus", "InvalidInstanceID.NotFound", {"InstanceIds": [INSTANCE]}),
            ("StartInstances", "InvalidInstanceID.NotFound", {"InstanceIds": [INSTANCE]}),
            ("StopInstances", "InvalidInstanceID.NotFound", {"InstanceIds": [INSTANCE]}),
            ("RebootInstances", "InvalidInstanceID.Malformed", {"InstanceIds": ["mine"]}),
            ("RebootInstances", "InvalidInstanceID.NotFound", {"InstanceIds": [INSTANCE]}),
            ("GetConsoleOutput", "InvalidInstanceID.NotFound", {"InstanceId": INSTANCE}),
            ("DescribeTags", "InvalidParameterValue", {"Filters": [{"Name": "resource", "Values": ["x"]}]}),
            ("DeleteTags", "InvalidID", {"Resources": ["mine"], "Tags": [{"Key": "a"}]}),
            ("DescribeAvailabilityZones", "InvalidParameterValue", {"ZoneNames": ["mars-north-1a"]}),
            ("DescribeAvailabilityZones", "InvalidParameterValue", {"Filters": [{"Name": "zone", "Values": ["x"]}]}),
        ])

    def test_ec2_refuses_groups_and_templates_that_are_not_there(self):
        rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
        group, template = {"GroupId": "sg-00000000000000001"}, {"LaunchTemplateId": "lt-00000000000000001"}
        self.all_refused("ec2", [
            (f"{act}SecurityGroup{way}", "InvalidGroup.NotFound", {**group, "IpPermissions": rule})
            for act in ("Authorize", "Revoke")
            for way in ("Ingress", "Egress")
        ])
        self.all_refused("ec2", [
            ("CreateLaunchTemplateVersion", "InvalidLaunchTemplateId.NotFound", {**template, "LaunchTemplateData": {"EbsOptimized": True}}),
            ("ModifyLaunchTemplate", "InvalidLaunchTemplateId.NotFound", {**template, "DefaultVersion": "1"}),
            ("DeleteLaunchTemplateVersions", "InvalidLaunchTemplateId.NotFound", {**template, "Versions": ["1"]}),
            ("DeleteLaunchTemplateVersions", "InvalidLaunchTemplateId.Malformed", {"LaunchTemplateId": "mine", "Versions": ["1"]}),
        ])

    def test_elastic_load_balancing_refuses_what_is_not_there(self):
        balancer = {"LoadBalancerArn": arn("loadbalancer", "app/none/0123456789abcdef")}
        group = {"TargetGroupArn": arn("targetgroup", "none/0123456789abcdef")}
        listener = {"ListenerArn": arn("listener", "app/none/0123456789abcdef/0123456789abcdef")}
        rule = {"RuleArn": arn("listener-rule", "app/none/0123456789abcdef/0123456789abcdef/0123456789abcdef")}
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        wrong = arn("planet", "none")
        self.all_refused("elbv2", [
            ("ModifyLoadBalancerAttributes", "LoadBalancerNotFound", {**balancer, "Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "9"}]}),
            ("DescribeLoadBalancerAttributes", "LoadBalancerNotFound", balancer),
            ("DeleteLoadBalancer", "ValidationError", {"LoadBalancerArn": wrong}),
            ("SetSecurityGroups", "LoadBalancerNotFound", {**balancer, "SecurityGroups": ["sg-00000000000000001"]}),
            ("SetSubnets", "LoadBalancerNotFound", {**balancer, "Subnets": ["subnet-00000000000000001"]}),
            ("DescribeListeners", "LoadBalancerNotFound", balancer),
            ("ModifyTargetGroup", "TargetGroupNotFound", {**group, "HealthCheckPath": "/"}),
            ("ModifyTargetGroupAttributes", "TargetGroupNotFound", {**group, "Attributes": [{"Key": "stickiness.enabled", "Value": "false"}]}),
            ("DescribeTargetGroupAttributes", "TargetGroupNotFound", group),
            ("RegisterTargets", "TargetGroupNotFound", {**group, "Targets": [{"Id": INSTANCE}]}),
            ("DeregisterTargets", "TargetGroupNotFound", {**group, "Targets": [{"Id": INSTANCE}]}),
            ("DeleteTargetGroup", "ValidationError", {"TargetGroupArn": wrong}),
            ("ModifyListener", "ListenerNotFound", {**listener, "DefaultActions": fixed}),
            ("DeleteListener", "ListenerNotFound", listener),
            ("DescribeRules", "ListenerNotFound", listener),
            ("DescribeRules", "RuleNotFound", {"RuleArns": [rule["RuleArn"]]}),
            ("DeleteRule", "RuleNotFound", rule),
            ("SetRulePriorities", "RuleNotFound", {"RulePriorities": [{**rule, "Priority": 1}]}),
            ("AddTags", "LoadBalancerNotFound", {"ResourceArns": [balancer["LoadBalancerArn"]], "Tags": TAGS}),
            ("AddTags", "ListenerNotFound", {"ResourceArns": [listener["ListenerArn"]], "Tags": TAGS}),
            ("RemoveTags", "RuleNotFound", {"ResourceArns": [rule["RuleArn"]], "TagKeys": ["a"]}),
            ("RemoveTags", "ValidationError", {"ResourceArns": [wrong], "TagKeys": ["a"]}),
        ])

    def test_auto_scaling_refuses_what_is_not_there(self):
        group = arn("targetgroup", "none/0123456789abcdef")
        tag = {"ResourceId": NAME, "ResourceType": "auto-scaling-group", "Key": "a", "Value": "b", "PropagateAtLaunch": True}
        track = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}, "TargetValue": 50.0}
        self.all_refused("autoscaling", [
            ("UpdateAutoScalingGroup", "ValidationError", {"MaxSize": 1}),
            ("DeleteAutoScalingGroup", "ValidationError", {}),
            ("SuspendProcesses", "ValidationError", {}),
            ("ResumeProcesses", "ValidationError", {}),
            ("DetachInstances", "ValidationError", {"InstanceIds": [INSTANCE], "ShouldDecrementDesiredCapacity": True}),
            ("SetInstanceProtection", "ValidationError", {"InstanceIds": [INSTANCE], "ProtectedFromScaleIn": True}),
            ("AttachLoadBalancerTargetGroups", "ValidationError", {"TargetGroupARNs": [group]}),
            ("DetachLoadBalancerTargetGroups", "ValidationError", {"TargetGroupARNs": [group]}),
            ("DescribeLoadBalancerTargetGroups", "ValidationError", {}),
            ("AttachTrafficSources", "ValidationError", {"TrafficSources": [{"Identifier": group, "Type": "elbv2"}]}),
            ("DetachTrafficSources", "ValidationError", {"TrafficSources": [{"Identifier": group, "Type": "elbv2"}]}),
            ("DescribeTrafficSources", "ValidationError", {}),
            ("PutScheduledUpdateGroupAction", "ValidationError", {"ScheduledActionName": "up", "DesiredCapacity": 1}),
            ("DeleteScheduledAction", "ValidationError", {"ScheduledActionName": "up"}),
            ("PutScalingPolicy", "ValidationError", {"PolicyName": "cpu", "PolicyType": "TargetTrackingScaling", "TargetTrackingConfiguration": track}),
        ], AutoScalingGroupName=NAME)
        self.all_refused("autoscaling", [
            ("SetInstanceHealth", "ValidationError", {"InstanceId": INSTANCE, "HealthStatus": "Unhealthy"}),
            ("CreateOrUpdateTags", "ValidationError", {"Tags": [tag]}),
            ("DeleteTags", "ValidationError", {"Tags": [tag]}),
            ("DescribeTags", "ValidationError", {"Filters": [{"Name": "planet", "Values": ["mars"]}]}),
        ])
        self.all_refused("autoscaling", [
            (f"Describe{what}", "InvalidNextToken", {"NextToken": "never given"})
            for what in ("AutoScalingGroups", "AutoScalingInstances", "ScalingActivities", "ScheduledActions", "Policies", "Tags")
        ])

    def test_what_takes_no_parameter_is_refused_to_whom_it_does_not_know(self):
        # There is nothing else for which it could be refused.
        expired = client("autoscaling", key="EXPIRED")
        with self.refused("ExpiredToken"):
            expired.describe_scaling_process_types()

    def test_systems_manager_refuses_what_is_not_there(self):
        parameter = {"ResourceType": "Parameter", "ResourceId": "/none"}
        many = [f"/none/{number}" for number in range(11)]
        self.all_refused("ssm", [
            ("GetParameters", "ValidationException", {"Names": many}),
            ("GetParametersByPath", "ValidationException", {"Path": "none"}),
            ("GetParametersByPath", "InvalidNextToken", {"Path": "/none", "NextToken": "never given"}),
            ("DeleteParameters", "ValidationException", {"Names": many}),
            ("DescribeParameters", "InvalidFilterKey", {"ParameterFilters": [{"Key": "Planet", "Values": ["mars"]}]}),
            ("DescribeParameters", "InvalidNextToken", {"NextToken": "never given"}),
            ("AddTagsToResource", "InvalidResourceId", {**parameter, "Tags": TAGS}),
            ("RemoveTagsFromResource", "InvalidResourceId", {**parameter, "TagKeys": ["a"]}),
            ("UpdateDocument", "InvalidDocument", {"Name": NAME, "Content": "{}", "DocumentVersion": "$LATEST"}),
            ("UpdateDocumentDefaultVersion", "InvalidDocument", {"Name": NAME, "DocumentVersion": "1"}),
            ("GetDocument", "InvalidDocument", {"Name": NAME}),
            ("ListDocumentVersions", "InvalidDocument", {"Name": NAME}),
            ("ListDocuments", "InvalidFilterKey", {"Filters": [{"Key": "Planet", "Values": ["mars"]}]}),
            ("ListDocuments", "InvalidNextToken", {"NextToken": "never given"}),
            ("DescribeAutomationExecutions", "InvalidNextToken", {"NextToken": "never given"}),
            ("DescribeAutomationStepExecutions", "AutomationExecutionNotFoundException", {"AutomationExecutionId": UUID}),
            ("ListCommands", "InvalidNextToken", {"NextToken": "never given"}),
            ("ListCommandInvocations", "InvalidNextToken", {"NextToken": "never given"}),
            ("CancelCommand", "InvalidCommandId", {"CommandId": UUID}),
            ("DescribeInstanceInformation", "InvalidFilterKey", {"Filters": [{"Key": "Planet", "Values": ["mars"]}]}),
            ("DescribeInstanceInformation", "InvalidNextToken", {"NextToken": "never given"}),
        ])

    def test_iam_refuses_what_is_not_there(self):
        managed = {"PolicyArn": "arn:aws:iam::123456789012:policy/none"}
        self.all_refused("iam", [
            (operation, "NoSuchEntity", more)
            for operation, more in [
                ("UpdateAssumeRolePolicy", {"PolicyDocument": TRUST}),
                ("TagRole", {"Tags": TAGS}),
                ("UntagRole", {"TagKeys": ["a"]}),
                ("ListRoleTags", {}),
                ("PutRolePolicy", {"PolicyName": "read", "PolicyDocument": POLICY}),
                ("ListRolePolicies", {}),
                ("DeleteRolePolicy", {"PolicyName": "read"}),
                ("DetachRolePolicy", managed),
                ("ListAttachedRolePolicies", {}),
                ("ListInstanceProfilesForRole", {}),
                ("DeleteRole", {}),
            ]
        ], RoleName=NAME)
        self.all_refused("iam", [
            (operation, "NoSuchEntity", more)
            for operation, more in [
                ("AddRoleToInstanceProfile", {"RoleName": NAME}),
                ("RemoveRoleFromInstanceProfile", {"RoleName": NAME}),
                ("TagInstanceProfile", {"Tags": TAGS}),
                ("UntagInstanceProfile", {"TagKeys": ["a"]}),
                ("ListInstanceProfileTags", {}),
                ("DeleteInstanceProfile", {}),
            ]
        ], InstanceProfileName=NAME)
        self.all_refused("iam", [
            ("ListRoles", "ValidationError", {"Marker": "never given"}),
            ("ListInstanceProfiles", "ValidationError", {"Marker": "never given"}),
        ])

    def test_s3_refuses_what_is_not_there(self):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        upload = {"Key": "a", "UploadId": "none"}
        s3 = client("s3")
        kinds = ("PublicAccessBlock", "BucketEncryption", "BucketTagging", "BucketPolicy", "BucketOwnershipControls")
        self.all_refused("s3", [
            (operation, "NoSuchBucket", more)
            for operation, more in [
                *((f"{act}{kind}", {}) for act in ("Get", "Delete") for kind in kinds),
                ("GetBucketLifecycleConfiguration", {}),
                ("DeleteBucketLifecycle", {}),
                ("PutPublicAccessBlock", {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}),
                ("PutBucketEncryption", {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}),
                ("PutBucketOwnershipControls", {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}),
                ("PutBucketVersioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
                ("GetBucketVersioning", {}),
                ("GetBucketLocation", {}),
                ("DeleteBucket", {}),
                ("ListObjects", {}),
                ("ListObjectVersions", {}),
                ("ListMultipartUploads", {}),
                ("DeleteObject", {"Key": "a"}),
                ("DeleteObjects", {"Delete": {"Objects": [{"Key": "a"}]}}),
                ("CreateMultipartUpload", {"Key": "a"}),
            ]
        ], Bucket=NAME)
        self.all_refused("s3", [
            ("UploadPart", "NoSuchUpload", {**upload, "PartNumber": 1, "Body": b"a"}),
            ("CompleteMultipartUpload", "NoSuchUpload", {**upload, "MultipartUpload": {"Parts": [{"ETag": "a", "PartNumber": 1}]}}),
            ("ListParts", "NoSuchUpload", upload),
        ], Bucket=self.bucket(s3))
        self.all_refused("s3", [("ListBuckets", "InvalidArgument", {"MaxBuckets": 10_001})])

    def bucket(self, s3):
        name = f"refusals-{s3.meta.region_name}"
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
        self.addCleanup(s3.delete_bucket, Bucket=name)
        return name
