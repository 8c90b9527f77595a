"""STS: who the caller is, and sessions of a role for a web identity."""

import base64
import json
import time

import boto3
import botocore
import botocore.config

from cloud import REGION, Case, client, endpoint, unique, until_seen

ISSUER = "issuer.example"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
SUBJECT = "repo:octo/hello:environment:prod"


def web_identity(**claims):
    """A JSON Web Token, not signed."""
    claims = {"iss": f"https://{ISSUER}", "sub": SUBJECT, "aud": "sts.amazonaws.com", "exp": int(time.time()) + 86400 * 365, **claims}
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)] + [b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def as_role(name, policy, service):
    """A client of a session of a new role with this policy."""
    condition = {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": SUBJECT}}
    trust = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
    until_seen()
    unsigned = botocore.config.Config(signature_version=botocore.UNSIGNED)
    sts = boto3.client("sts", region_name=REGION, endpoint_url=endpoint(), config=unsigned)
    given = sts.assume_role_with_web_identity(RoleArn=role["Arn"], RoleSessionName="run-8", WebIdentityToken=web_identity())
    given = given["Credentials"]
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint(),
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )


class Sts(Case):
    @classmethod
    def setUpClass(cls):
        # Whoever assumes a role with a web identity has no credentials yet.
        unsigned = botocore.config.Config(signature_version=botocore.UNSIGNED)
        cls.sts = boto3.client("sts", region_name=REGION, endpoint_url=endpoint(), config=unsigned)
        condition = {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": SUBJECT}}
        trust = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
        name = unique("deployer")
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        cls.role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy, MaxSessionDuration=7200)["Role"]
        until_seen()

    def assume(self, **more):
        asked = {"RoleArn": self.role["Arn"], "RoleSessionName": "run-7", "WebIdentityToken": web_identity(), **more}
        return self.sts.assume_role_with_web_identity(**asked)

    def test_the_caller_has_an_account_and_an_arn(self):
        who = client("sts").get_caller_identity()
        self.assertRegex(who["Account"], r"^\d{12}$")
        self.assertIn(who["Account"], who["Arn"])

    def test_a_web_identity_gets_a_session_and_is_its_caller(self):
        answer = self.assume(DurationSeconds=900)
        given = answer["Credentials"]
        self.assertRegex(given["AccessKeyId"], r"^ASIA\w{16}$")
        self.assertEqual((answer["SubjectFromWebIdentityToken"], answer["Provider"]), (SUBJECT, PROVIDER))

        def caller(token):
            sts = boto3.client(
                "sts",
                region_name=REGION,
                endpoint_url=endpoint(),
                aws_access_key_id=given["AccessKeyId"],
                aws_secret_access_key=given["SecretAccessKey"],
                aws_session_token=token,
            )
            return sts.get_caller_identity()

        who = caller(given["SessionToken"])
        self.assertEqual(who["Arn"], answer["AssumedRoleUser"]["Arn"])
        self.assertEqual(who["UserId"], answer["AssumedRoleUser"]["AssumedRoleId"])
        with self.refused("InvalidClientTokenId"):
            caller("another")

    def test_somebody_of_the_account_takes_on_a_role_that_lets_the_account_in_and_no_other(self):
        sts = client("sts")
        account = sts.get_caller_identity()["Account"]

        def role(principal):
            trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            made = client("iam").create_role(RoleName=unique("taken-on"), AssumeRolePolicyDocument=policy)
            return made["Role"]["Arn"]

        open_to_us = role({"AWS": f"arn:aws:iam::{account}:root"})
        closed = [role({"AWS": "arn:aws:iam::999999999999:root"}), role({"Service": "ec2.amazonaws.com"})]
        until_seen()
        answer = sts.assume_role(RoleArn=open_to_us, RoleSessionName="run-7", DurationSeconds=900)
        self.assertRegex(answer["AssumedRoleUser"]["Arn"], r":assumed-role/.*/run-7$")
        for arn in [*closed, open_to_us + "-unknown"]:
            with self.refused("AccessDenied", "sts:AssumeRole on resource"):
                sts.assume_role(RoleArn=arn, RoleSessionName="run-7")
        with self.refused("ValidationError", "43200"):
            sts.assume_role(RoleArn=open_to_us, RoleSessionName="run-7", DurationSeconds=43201)
        given = answer["Credentials"]
        keys = {"aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"]}
        session = boto3.client("sts", region_name=REGION, endpoint_url=endpoint(), aws_session_token=given["SessionToken"], **keys)
        with self.refused("AccessDenied"):
            # The account lets it in, and the session's role is allowed nothing.
            session.assume_role(RoleArn=open_to_us, RoleSessionName="run-8")

    def test_what_is_not_trusted_or_out_of_range_is_refused(self):
        with self.refused("AccessDenied", "sts:AssumeRoleWithWebIdentity"):
            self.assume(WebIdentityToken=web_identity(sub="repo:octo@1/hello@2:environment:prod"))
        with self.refused("AccessDenied"):
            self.assume(RoleArn=self.role["Arn"] + "-unknown")
        with self.refused("InvalidIdentityToken"):
            self.assume(WebIdentityToken="no token")
        with self.refused("InvalidIdentityToken", "audience"):
            self.assume(WebIdentityToken=web_identity(aud="elsewhere"))
        with self.refused("ExpiredTokenException"):
            self.assume(WebIdentityToken=web_identity(exp=1))
        with self.refused("ValidationError", "MaxSessionDuration"):
            self.assume(DurationSeconds=7201)
        with self.refused("ValidationError", "43200"):
            self.assume(DurationSeconds=43201)
        with self.refused("ValidationError", "roleSessionName"):
            self.assume(RoleSessionName="run 7")
        with self.refused("UnknownParameter", "Policy"):
            self.assume(Policy="{}")

    def test_a_call_without_a_signature_that_needs_one_is_refused(self):
        with self.refused("MissingAuthenticationToken"):
            self.sts.get_caller_identity()

    def test_an_operation_it_lacks_is_refused_by_name(self):
        with self.refused("InvalidAction", "GetSessionToken"):
            client("sts").get_session_token()
