"""IAM: roles, their policies and tags, instance profiles."""

import json

from cloud import QUICK, Case, client, newest_image, unique, until_seen

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
MANAGED = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


class Iam(Case):
    @classmethod
    def setUpClass(cls):
        cls.iam = client("iam")

    def role(self):
        name = unique("role")
        tags = [{"Key": "a", "Value": "b"}]
        self.iam.create_role(RoleName=name, Path="/conformance/", AssumeRolePolicyDocument=json.dumps(TRUST), Description="d", Tags=tags)
        return name

    def test_a_role_lives_and_dies(self):
        name = self.role()
        self.iam.get_waiter("role_exists").wait(RoleName=name, WaiterConfig=QUICK)
        role = self.iam.get_role(RoleName=name)["Role"]
        self.assertEqual((role["AssumeRolePolicyDocument"], role["Tags"]), (TRUST, [{"Key": "a", "Value": "b"}]))
        with self.refused("EntityAlreadyExists"):
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        other = json.loads(json.dumps(TRUST).replace("ec2.", "ssm."))
        self.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(other))
        self.assertEqual(self.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"], other)
        self.iam.tag_role(RoleName=name, Tags=[{"Key": "c", "Value": "d"}])
        self.iam.untag_role(RoleName=name, TagKeys=["a"])
        self.assertEqual(self.iam.list_role_tags(RoleName=name)["Tags"], [{"Key": "c", "Value": "d"}])
        self.iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(POLICY))
        self.assertEqual(self.iam.get_role_policy(RoleName=name, PolicyName="read")["PolicyDocument"], POLICY)
        self.assertEqual(self.iam.list_role_policies(RoleName=name)["PolicyNames"], ["read"])
        self.iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED)
        attached = self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        self.assertEqual(attached, [{"PolicyName": "AmazonSSMManagedInstanceCore", "PolicyArn": MANAGED}])
        with self.refused("DeleteConflict"):
            self.iam.delete_role(RoleName=name)
        self.iam.detach_role_policy(RoleName=name, PolicyArn=MANAGED)
        self.iam.delete_role_policy(RoleName=name, PolicyName="read")
        with self.refused("NoSuchEntity"):
            self.iam.get_role_policy(RoleName=name, PolicyName="read")
        self.iam.delete_role(RoleName=name)
        with self.refused("NoSuchEntity"):
            self.iam.get_role(RoleName=name)

    def test_roles_are_paged(self):
        names = {self.role() for _ in range(3)}
        pages = list(self.iam.get_paginator("list_roles").paginate(PathPrefix="/conformance/", PaginationConfig={"PageSize": 2}))
        self.assertGreaterEqual(len(pages), 2)
        self.assertTrue(names <= {role["RoleName"] for page in pages for role in page["Roles"]})
        for name in names:
            self.iam.delete_role(RoleName=name)

    def test_an_instance_profile_holds_one_role(self):
        role, other, name = self.role(), self.role(), unique("profile")
        self.iam.create_instance_profile(InstanceProfileName=name, Tags=[{"Key": "a", "Value": "b"}])
        self.iam.get_waiter("instance_profile_exists").wait(InstanceProfileName=name, WaiterConfig=QUICK)
        with self.refused("EntityAlreadyExists"):
            self.iam.create_instance_profile(InstanceProfileName=name)
        self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        with self.refused("LimitExceeded"):
            self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=other)
        with self.refused("DeleteConflict"):
            self.iam.delete_role(RoleName=role)
        with self.refused("DeleteConflict"):
            self.iam.delete_instance_profile(InstanceProfileName=name)
        profile = self.iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        self.assertEqual([one["RoleName"] for one in profile["Roles"]], [role])
        self.iam.tag_instance_profile(InstanceProfileName=name, Tags=[{"Key": "c", "Value": "d"}])
        tags = self.iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"]
        self.assertEqual({tag["Key"] for tag in tags}, {"a", "c"})
        self.iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["a"])
        self.assertEqual([tag["Key"] for tag in self.iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"]], ["c"])
        profiles = self.iam.get_paginator("list_instance_profiles").paginate(PaginationConfig={"PageSize": 1})
        self.assertIn(name, [one["InstanceProfileName"] for page in profiles for one in page["InstanceProfiles"]])
        of_role = self.iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
        self.assertEqual([one["InstanceProfileName"] for one in of_role], [name])
        self.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
        self.iam.delete_instance_profile(InstanceProfileName=name)
        with self.refused("NoSuchEntity"):
            self.iam.get_instance_profile(InstanceProfileName=name)
        for one in (role, other):
            self.iam.delete_role(RoleName=one)

    def test_a_boundary_is_a_policy_that_stands(self):
        name, document = unique("boundary"), json.dumps(POLICY)
        made = self.iam.create_policy(PolicyName=name, Path="/conformance/", PolicyDocument=document)["Policy"]
        self.assertTrue(made["Arn"].endswith(f":policy/conformance/{name}"), made["Arn"])
        with self.refused("EntityAlreadyExists"):
            self.iam.create_policy(PolicyName=name, PolicyDocument=document)
        with self.refused("MalformedPolicyDocument"):
            self.iam.create_policy(PolicyName=unique("boundary"), PolicyDocument="{")
        none = made["Arn"] + "-none"
        for call in (self.iam.get_policy, self.iam.delete_policy):
            with self.refused("NoSuchEntity"):
                call(PolicyArn=none)
        role, trust = unique("role"), json.dumps(TRUST)
        for code, boundary in (("NoSuchEntity", none), ("InvalidInput", "arn:aws:iam::123456789012:role/a-role-and-no-policy")):
            with self.refused(code):
                self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
        created = self.iam.create_role(RoleName=role, Path="/a/b/", AssumeRolePolicyDocument=trust, PermissionsBoundary=made["Arn"])["Role"]
        self.assertTrue(created["Arn"].endswith(f":role/a/b/{role}"), created["Arn"])
        found = self.iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]
        self.assertEqual(found["PermissionsBoundaryArn"], made["Arn"])
        used = self.iam.get_policy(PolicyArn=made["Arn"])["Policy"]
        self.assertEqual((used["PermissionsBoundaryUsageCount"], used["AttachmentCount"]), (1, 0))
        with self.refused("DeleteConflict"):
            self.iam.delete_policy(PolicyArn=made["Arn"])
        self.iam.delete_role_permissions_boundary(RoleName=role)
        self.assertNotIn("PermissionsBoundary", self.iam.get_role(RoleName=role)["Role"])
        with self.refused("NoSuchEntity"):
            self.iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=none)
        self.iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=MANAGED)
        with self.refused("NoSuchEntity"):
            self.iam.put_role_permissions_boundary(RoleName=unique("none"), PermissionsBoundary=MANAGED)
        with self.refused("NoSuchEntity"):
            self.iam.delete_role_permissions_boundary(RoleName=unique("none"))
        self.iam.attach_role_policy(RoleName=role, PolicyArn=made["Arn"])
        self.iam.detach_role_policy(RoleName=role, PolicyArn=made["Arn"])
        self.iam.delete_policy(PolicyArn=made["Arn"])
        with self.refused("NoSuchEntity"):
            self.iam.attach_role_policy(RoleName=role, PolicyArn=made["Arn"])
        self.iam.delete_role(RoleName=role)
        with self.refused("ValidationError", "path"):
            self.iam.create_role(RoleName=role, Path="/a/ b/", AssumeRolePolicyDocument=trust)

    def test_a_new_role_and_a_new_profile_are_seen_later_by_whoever_is_handed_them(self):
        ec2, image = client("ec2"), newest_image()
        trusting = []

        def role():
            name = self.role()
            self.addCleanup(self.iam.delete_role, RoleName=name)
            return self.iam.get_role(RoleName=name)["Role"]["Arn"]

        def trust(arn):
            principal = {**TRUST["Statement"][0], "Principal": {"AWS": arn}}
            document = json.dumps({**TRUST, "Statement": [principal]})
            made = self.iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=document)["Role"]["RoleName"]
            trusting.append(made)

        trust(self.unseen("MalformedPolicyDocument", role, trust))
        for name in trusting:
            self.iam.delete_role(RoleName=name)

        def profile():
            name = unique("profile")
            self.iam.create_instance_profile(InstanceProfileName=name)
            self.addCleanup(self.iam.delete_instance_profile, InstanceProfileName=name)
            return name

        def launch(name):
            launched = ec2.run_instances(
                ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": name}
            )
            return [one["InstanceId"] for one in launched["Instances"]]

        name = self.unseen("InvalidParameterValue", profile, launch)
        with self.refused("InvalidParameterValue", "has no associated IAM Roles"):
            launch(name)
        of_profile = self.role()
        until_seen()
        self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=of_profile)
        until_seen()
        ids = launch(name)
        ec2.get_waiter("instance_exists").wait(InstanceIds=ids, WaiterConfig=QUICK)
        ec2.terminate_instances(InstanceIds=ids)
        self.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=of_profile)
        self.iam.delete_role(RoleName=of_profile)

    def test_a_service_s_own_role_is_made_once_and_changed_by_nobody(self):
        service, name = "spot.amazonaws.com", "AWSServiceRoleForEC2Spot"
        with self.refused("NoSuchEntity"):
            self.iam.get_role(RoleName=name)
        made = self.iam.create_service_linked_role(AWSServiceName=service, Description="d")["Role"]
        self.assertEqual((made["RoleName"], made["Path"]), (name, f"/aws-service-role/{service}/"))
        self.assertTrue(made["Arn"].endswith(f":role/aws-service-role/{service}/{name}"))
        found = self.iam.get_role(RoleName=name)["Role"]
        self.assertEqual((found["Arn"], found["Description"]), (made["Arn"], "d"))
        self.assertEqual(found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"], {"Service": [service]})
        listed = self.iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]
        self.assertIn(name, [role["RoleName"] for role in listed])
        with self.refused("InvalidInput"):
            self.iam.create_service_linked_role(AWSServiceName=service)
        with self.refused("UnmodifiableEntity"):
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(POLICY))
        with self.refused("UnmodifiableEntity"):
            self.iam.delete_role(RoleName=name)
        with self.refused("EntityAlreadyExists"):
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))

    def test_what_cannot_be_is_refused(self):
        with self.refused("MalformedPolicyDocument"):
            self.iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument="{")
        with self.refused("NoSuchEntity"):
            self.iam.attach_role_policy(RoleName=unique("none"), PolicyArn=MANAGED)
        with self.refused("InvalidAction", "ListUsers"):
            self.iam.list_users()
