"""S3: buckets and their settings, objects, conditions, ranges, listings, uploads in parts."""

import base64
import hashlib
import io
import json

import boto3.s3.transfer

from cloud import QUICK, REGION, Case, client, unique
from sts import as_role


class S3(Case):
    @classmethod
    def setUpClass(cls):
        cls.s3 = client("s3")

    def bucket(self):
        name = unique("conformance")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.addCleanup(self.empty_and_delete, name)
        return name

    def empty_and_delete(self, name):
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for found in page.get("Contents", []):
                self.s3.delete_object(Bucket=name, Key=found["Key"])
        if self.s3.get_bucket_versioning(Bucket=name).get("Status"):
            return  # older versions stay, and keep the bucket
        self.s3.delete_bucket(Bucket=name)
        self.s3.get_waiter("bucket_not_exists").wait(Bucket=name, WaiterConfig=QUICK)


class Buckets(S3):
    def test_a_bucket_has_settings(self):
        name = self.bucket()
        self.s3.get_waiter("bucket_exists").wait(Bucket=name, WaiterConfig=QUICK)
        self.assertEqual(self.s3.head_bucket(Bucket=name)["BucketRegion"], REGION)
        self.assertIn(name, [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]])
        self.assertEqual(self.s3.get_bucket_location(Bucket=name)["LocationConstraint"], REGION)
        blocked = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
        self.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=blocked)
        self.assertEqual(self.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"], blocked)
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self.s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        rules = self.s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        self.assertEqual(rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")
        tags = [{"Key": "team", "Value": "a & b"}]
        self.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_bucket_tagging(Bucket=name)["TagSet"], tags)
        lifecycle = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "artifacts/"}, "Expiration": {"Days": 30}}
        self.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [lifecycle]})
        [found] = self.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        self.assertEqual((found["ID"], found["Expiration"]["Days"]), ("old", 30))
        self.s3.delete_public_access_block(Bucket=name)
        with self.refused("NoSuchPublicAccessBlockConfiguration"):
            self.s3.get_public_access_block(Bucket=name)
        owned = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
        self.s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=owned)
        self.assertEqual(self.s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"], owned)
        self.s3.delete_bucket_ownership_controls(Bucket=name)
        with self.refused("OwnershipControlsNotFoundError"):
            self.s3.get_bucket_ownership_controls(Bucket=name)

    def test_what_keeps_a_bucket_is_every_version_and_mark(self):
        name = self.bucket()
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"1", b"2"):
            self.s3.put_object(Bucket=name, Key="a", Body=body)
        self.s3.delete_object(Bucket=name, Key="a")
        with self.refused("BucketNotEmpty"):
            self.s3.delete_bucket(Bucket=name)
        listed = self.s3.list_object_versions(Bucket=name, Prefix="a")
        versions = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in listed["Versions"] + listed["DeleteMarkers"]]
        self.assertEqual(len(versions), 3)
        gone = self.s3.delete_objects(Bucket=name, Delete={"Objects": versions})
        self.assertEqual(sorted(one["VersionId"] for one in gone["Deleted"]), sorted(one["VersionId"] for one in versions))
        self.assertNotIn("Versions", self.s3.list_object_versions(Bucket=name))
        self.s3.delete_bucket(Bucket=name)
        with self.refused("NoSuchBucket"):
            self.s3.get_bucket_tagging(Bucket=name)
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})  # for the clean-up

    def test_of_several_deletes_those_that_are_not_allowed_are_named_in_the_answer(self):
        name, role = self.bucket(), unique("remover")
        for key in ("ours/a", "theirs/a"):
            self.s3.put_object(Bucket=name, Key=key, Body=b"a")
        allowed = {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/ours/*"}
        s3 = as_role(role, {"Version": "2012-10-17", "Statement": [allowed]}, "s3")
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "ours/a"}, {"Key": "theirs/a"}]})
        self.assertEqual([one["Key"] for one in answer["Deleted"]], ["ours/a"])
        self.assertEqual([(one["Key"], one["Code"]) for one in answer["Errors"]], [("theirs/a", "AccessDenied")])
        [left] = self.s3.list_objects_v2(Bucket=name)["Contents"]
        self.assertEqual(left["Key"], "theirs/a")

    def test_versions_are_kept(self):
        name = self.bucket()
        self.assertNotIn("Status", self.s3.get_bucket_versioning(Bucket=name))
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.assertEqual(self.s3.get_bucket_versioning(Bucket=name)["Status"], "Enabled")
        first = self.s3.put_object(Bucket=name, Key="a", Body=b"1")["VersionId"]
        self.s3.put_object(Bucket=name, Key="a", Body=b"2")
        self.assertEqual(self.s3.get_object(Bucket=name, Key="a", VersionId=first)["Body"].read(), b"1")

    def test_buckets_that_cannot_be_are_refused(self):
        with self.refused("NoSuchBucket"):
            self.s3.list_objects_v2(Bucket=unique("none"))
        with self.refused("404"):
            self.s3.head_bucket(Bucket=unique("none"))
        name = self.bucket()
        with self.refused("BucketAlreadyOwnedByYou"):
            self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        for code, call in {
            "NoSuchTagSet": self.s3.get_bucket_tagging,
            "NoSuchLifecycleConfiguration": self.s3.get_bucket_lifecycle_configuration,
        }.items():
            with self.refused(code):
                call(Bucket=name)
        self.s3.put_object(Bucket=name, Key="a", Body=b"a")
        with self.refused("BucketNotEmpty"):
            self.s3.delete_bucket(Bucket=name)
        with self.refused("NotImplemented", "website"):
            self.s3.get_bucket_website(Bucket=name)


    def test_a_marked_object_is_gone_and_its_versions_are_there(self):
        name = self.bucket()
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        first = self.s3.put_object(Bucket=name, Key="a", Body=b"1")["VersionId"]
        mark = self.s3.delete_object(Bucket=name, Key="a")
        self.assertTrue(mark["DeleteMarker"])
        with self.refused("NoSuchKey"):
            self.s3.get_object(Bucket=name, Key="a")
        with self.refused("MethodNotAllowed"):
            self.s3.get_object(Bucket=name, Key="a", VersionId=mark["VersionId"])
        with self.refused("NoSuchVersion"):
            self.s3.get_object(Bucket=name, Key="a", VersionId="0" * 32)
        found = self.s3.list_object_versions(Bucket=name)
        self.assertEqual([one["VersionId"] for one in found["DeleteMarkers"]], [mark["VersionId"]])
        self.assertEqual(self.s3.get_object(Bucket=name, Key="a", VersionId=first)["Body"].read(), b"1")
        self.s3.delete_object(Bucket=name, Key="a", VersionId=mark["VersionId"])
        self.assertEqual(self.s3.get_object(Bucket=name, Key="a")["Body"].read(), b"1")
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
        self.assertEqual(self.s3.put_object(Bucket=name, Key="a", Body=b"2")["VersionId"], "null")
        with self.refused("MalformedXML"):
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Off"})

    def test_a_policy_is_kept_and_obeyed(self):
        name = self.bucket()
        arn = f"arn:aws:s3:::{name}"
        with self.refused("NoSuchBucketPolicy"):
            self.s3.get_bucket_policy(Bucket=name)
        tls = {
            "Sid": "Tls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, arn + "/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        policy = {"Version": "2012-10-17", "Statement": [tls]}
        self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        self.assertEqual(json.loads(self.s3.get_bucket_policy(Bucket=name)["Policy"]), policy)
        self.s3.put_object(Bucket=name, Key="a", Body=b"a")
        closed = dict(tls, Sid="Closed", Action="s3:PutObject", Resource=arn + "/*")
        del closed["Condition"]
        self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls, closed]}))
        with self.refused("AccessDenied", "with an explicit deny in a resource-based policy"):
            self.s3.put_object(Bucket=name, Key="b", Body=b"b")
        self.s3.delete_bucket_policy(Bucket=name)
        self.s3.put_object(Bucket=name, Key="b", Body=b"b")
        public = dict(closed, Effect="Allow")
        for code, word, statements in (
            ("MalformedPolicy", "Principal", [{key: value for key, value in tls.items() if key != "Principal"}]),
            ("MalformedPolicy", "resource", [dict(tls, Resource="arn:aws:s3:::another")]),
            ("MalformedPolicy", "action", [dict(tls, Action="ec2:*")]),
            ("MalformedPolicy", "SID", [tls, tls]),
            ("AccessDenied", "BlockPublicPolicy", [public]),
        ):
            with self.refused(code, word):
                self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        with self.refused("MalformedPolicy", "JSON"):
            self.s3.put_bucket_policy(Bucket=name, Policy="{")

    def test_a_bucket_is_only_its_owner_s(self):
        name, owner = self.bucket(), client("sts").get_caller_identity()["Account"]
        own, other = {"Bucket": name, "ExpectedBucketOwner": owner}, {"Bucket": name, "ExpectedBucketOwner": "210987654321"}
        self.s3.put_object(Key="a", Body=b"a", **own)
        self.assertEqual(self.s3.get_object(Key="a", **own)["Body"].read(), b"a")
        for call in (
            lambda: self.s3.get_object(Key="a", **other),
            lambda: self.s3.put_object(Key="a", Body=b"b", **other),
            lambda: self.s3.create_multipart_upload(Key="a", **other),
            lambda: self.s3.get_bucket_policy(**other),
            lambda: self.s3.put_bucket_tagging(Tagging={"TagSet": []}, **other),
            lambda: self.s3.list_objects_v2(**other),
        ):
            with self.refused("AccessDenied"):
                call()
        with self.refused("403"):
            self.s3.head_bucket(**other)
        with self.refused("InvalidBucketOwnerAWSAccountID"):
            self.s3.get_object(Bucket=name, Key="a", ExpectedBucketOwner="me")
        with self.refused("NoSuchBucket"):
            self.s3.get_bucket_tagging(**dict(own, Bucket=unique("none")))

    def test_settings_that_cannot_be_are_refused(self):
        name = self.bucket()

        def rules(*all):
            self.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": list(all)})

        rule = {"Status": "Enabled", "Filter": {"Prefix": "a/"}, "NoncurrentVersionExpiration": {"NoncurrentDays": 7}}
        rules(dict(rule, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}))
        found = self.s3.get_bucket_lifecycle_configuration(Bucket=name)
        self.assertTrue(found["Rules"][0]["ID"])
        self.assertEqual(found["TransitionDefaultMinimumObjectSize"], "all_storage_classes_128K")
        for code, word, all in (
            ("InvalidArgument", "same ID", [dict(rule, ID="one"), dict(rule, ID="one")]),
            ("InvalidArgument", "positive", [dict(rule, Expiration={"Days": 0})]),
            ("InvalidRequest", "action", [{"Status": "Enabled", "Filter": {"Prefix": "a/"}}]),
            ("MalformedXML", "", [dict(rule, Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True})]),
            ("MalformedXML", "", [dict(rule, Status="On")]),
            ("MalformedXML", "", []),
        ):
            with self.refused(code, word):
                rules(*all)
        self.s3.delete_bucket_lifecycle(Bucket=name)
        with self.refused("NoSuchLifecycleConfiguration"):
            self.s3.get_bucket_lifecycle_configuration(Bucket=name)
        for word, tags in (
            ("same key", [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]),
            ("System tags", [{"Key": "aws:a", "Value": "1"}]),
            ("TagValue", [{"Key": "a", "Value": "1" * 257}]),
        ):
            with self.refused("InvalidTag", word):
                self.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
        self.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
        self.s3.delete_bucket_tagging(Bucket=name)
        with self.refused("NoSuchTagSet"):
            self.s3.get_bucket_tagging(Bucket=name)

        def encrypt(**by_default):
            rules = [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}]
            self.s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})

        def encrypted():
            [rule] = self.s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
            return rule["ApplyServerSideEncryptionByDefault"]

        key = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
        self.assertEqual(encrypted(), {"SSEAlgorithm": "AES256"})
        encrypt(SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
        self.assertEqual(encrypted(), {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key})
        put = self.s3.put_object(Bucket=name, Key="a", Body=b"a")
        self.assertEqual((put["ServerSideEncryption"], put["SSEKMSKeyId"]), ("aws:kms", key))
        self.assertEqual(self.s3.head_object(Bucket=name, Key="a")["SSEKMSKeyId"], key)
        with self.refused("InvalidArgument"):
            encrypt(SSEAlgorithm="AES256", KMSMasterKeyID=key)
        with self.refused("MalformedXML"):
            encrypt(SSEAlgorithm="rot13")
        self.s3.delete_bucket_encryption(Bucket=name)
        self.assertEqual(encrypted(), {"SSEAlgorithm": "AES256"})


class Objects(S3):
    def test_an_object_lives_and_dies(self):
        name, body = self.bucket(), bytes(range(256)) * 400
        key = "folder/ä & b + c.bin"
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        put = self.s3.put_object(
            Bucket=name, Key=key, Body=body, ContentType="application/x-thing", Metadata={"release": "1"}, ChecksumSHA256=digest
        )
        self.assertRegex(put["ETag"], r'^"[0-9a-f]{32}"$')
        self.s3.get_waiter("object_exists").wait(Bucket=name, Key=key, WaiterConfig=QUICK)
        head = self.s3.head_object(Bucket=name, Key=key, ChecksumMode="ENABLED")
        self.assertEqual((head["ContentLength"], head["ContentType"], head["Metadata"]), (len(body), "application/x-thing", {"release": "1"}))
        self.assertEqual(head["ChecksumSHA256"], digest)
        self.assertEqual(self.s3.get_object(Bucket=name, Key=key)["Body"].read(), body)
        part = self.s3.get_object(Bucket=name, Key=key, Range="bytes=10-19")
        self.assertEqual((part["Body"].read(), part["ContentRange"]), (body[10:20], f"bytes 10-19/{len(body)}"))
        with self.refused("InvalidRange"):
            self.s3.get_object(Bucket=name, Key=key, Range=f"bytes={len(body)}-")
        with self.refused("PreconditionFailed"):
            self.s3.put_object(Bucket=name, Key=key, Body=b"again", IfNoneMatch="*")
        with self.refused("PreconditionFailed"):
            self.s3.get_object(Bucket=name, Key=key, IfMatch='"0"')
        with self.refused("304"):
            self.s3.get_object(Bucket=name, Key=key, IfNoneMatch=put["ETag"])
        self.s3.delete_object(Bucket=name, Key=key)
        self.s3.delete_object(Bucket=name, Key=key)
        self.s3.get_waiter("object_not_exists").wait(Bucket=name, Key=key, WaiterConfig=QUICK)
        with self.refused("NoSuchKey"):
            self.s3.get_object(Bucket=name, Key=key)
        with self.refused("404"):
            self.s3.head_object(Bucket=name, Key=key)
        with self.refused("BadDigest"):
            self.s3.put_object(Bucket=name, Key=key, Body=b"other", ChecksumSHA256=digest)

    def test_listings_are_paged_and_folded(self):
        name = self.bucket()
        keys = [f"{folder}/{number}" for folder in "ab" for number in range(5)]
        for key in keys:
            self.s3.put_object(Bucket=name, Key=key, Body=key.encode())
        pages = list(self.s3.get_paginator("list_objects_v2").paginate(Bucket=name, PaginationConfig={"PageSize": 3}))
        self.assertEqual([found["Key"] for page in pages for found in page["Contents"]], keys)
        self.assertEqual(len(pages), 4)
        folded = self.s3.list_objects_v2(Bucket=name, Delimiter="/")
        self.assertEqual([prefix["Prefix"] for prefix in folded["CommonPrefixes"]], ["a/", "b/"])
        self.assertEqual(self.s3.list_objects_v2(Bucket=name, Prefix="a/", StartAfter="a/2")["KeyCount"], 2)
        self.assertEqual([found["Key"] for found in self.s3.list_objects(Bucket=name, Prefix="b/")["Contents"]], keys[5:])
        gone = self.s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in keys[:5]]})
        self.assertEqual(sorted(one["Key"] for one in gone["Deleted"]), keys[:5])

    def test_uploads_in_parts_are_joined(self):
        name, parts = self.bucket(), [b"a" * (5 << 20), b"b" * 10]
        upload = self.s3.create_multipart_upload(Bucket=name, Key="big")["UploadId"]
        tags = [
            self.s3.upload_part(Bucket=name, Key="big", UploadId=upload, PartNumber=number, Body=part)["ETag"]
            for number, part in enumerate(parts, 1)
        ]
        done = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
        listed = self.s3.list_parts(Bucket=name, Key="big", UploadId=upload)["Parts"]
        self.assertEqual([(part["PartNumber"], part["ETag"]) for part in listed], list(enumerate(tags, 1)))
        begun = self.s3.list_multipart_uploads(Bucket=name)["Uploads"]
        self.assertEqual([(one["Key"], one["UploadId"]) for one in begun], [("big", upload)])
        joined = self.s3.complete_multipart_upload(Bucket=name, Key="big", UploadId=upload, MultipartUpload={"Parts": done})
        self.assertTrue(joined["ETag"].endswith('-2"'), joined["ETag"])
        self.assertEqual(self.s3.head_object(Bucket=name, Key="big")["ContentLength"], (5 << 20) + 10)
        with self.refused("NoSuchUpload"):
            self.s3.abort_multipart_upload(Bucket=name, Key="big", UploadId=upload)
        other = self.s3.create_multipart_upload(Bucket=name, Key="never")["UploadId"]
        self.s3.abort_multipart_upload(Bucket=name, Key="never", UploadId=other)

    def test_boto3_s_own_transfers_work(self):
        name, body = self.bucket(), b"0123456789abcdef" * (600 << 10)
        config = boto3.s3.transfer.TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=5 << 20, max_concurrency=2)
        self.s3.upload_fileobj(io.BytesIO(body), name, "big", Config=config)
        out = io.BytesIO()
        self.s3.download_fileobj(name, "big", out, Config=config)
        self.assertEqual(out.getvalue(), body)
