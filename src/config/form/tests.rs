//! What fits each form, and that its pattern agrees.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_form_knows_what_fits_and_what_does_not() {
    let long = "a".repeat(21);
    let [path, longer_path] = [1_024, 1_025].map(|length| "/".repeat(length));
    let table: [(&str, Form, &[&str], &[&str]); 15] = [
        (
            "name",
            NAME,
            &["a", "hello", "a-1"],
            &["", "A", "1a", "-a", "a-", "a_b", "a b", "ä", &long],
        ),
        (
            "release",
            RELEASE,
            &["1.2.3", "a+b~c"],
            &["", "a b", "ä", "a\n"],
        ),
        (
            "region",
            REGION,
            &["eu-central-1", "us-gov-east-1", "ap-southeast-7"],
            &[
                "",
                "eu",
                "eu-1",
                "eu-central",
                "eu-central-x",
                "EU-central-1",
                "eu--1",
            ],
        ),
        (
            "role path",
            ROLE_PATH,
            &["/", "/bg-deploy/", "/a/b.c/"],
            &["", "a", "/a", "a/", "//", "/a//", "/a b/", "/ä/"],
        ),
        (
            "managed policy",
            MANAGED_POLICY,
            &[
                "arn:aws:iam::123456789012:policy/b",
                "arn:aws-cn:iam::123456789012:policy/a/b",
                "arn:aws:iam::aws:policy/PowerUserAccess",
            ],
            &[
                "",
                "b",
                "arn:aws:iam::1:policy/b",
                "arn:aws:iam::123456789012:role/b",
                "arn:aws:iam::123456789012:policy/",
                "arn:aws:iam::123456789012:policy/a//b",
                "arn:aws:iam:eu-central-1:123456789012:policy/b",
            ],
        ),
        (
            "KMS key",
            KMS_KEY,
            &[
                "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000",
                "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1",
            ],
            &[
                "",
                "alias/aws/ebs",
                "arn:aws:kms:eu-central-1:123456789012:alias/a",
                "arn:aws:kms:eu-central-1:1:key/a",
                "arn:aws:kms:eu-central-1:123456789012:key/",
                "arn:aws:kms::123456789012:key/a",
            ],
        ),
        (
            "account",
            ACCOUNT,
            &["000000000000"],
            &["", "1", "12345678901x", "1234567890123"],
        ),
        (
            "path",
            PATH,
            &["/", "/hc?deep=1"],
            &["", "hc", "/a b", "/ä", "/#a"],
        ),
        (
            "health path",
            HEALTH_PATH,
            &["/", &path],
            &["", "hc", "/a b", &longer_path],
        ),
        (
            "pointer",
            POINTER,
            &["/", "/a/0", "/a~0b~1"],
            &["", "a", "/a~", "/a~2"],
        ),
        (
            "origin",
            ORIGIN,
            &["http://a", "https://a.b:8443", "http://[::1]:80"],
            &[
                "",
                "a",
                "ftp://a",
                "http://",
                "http://a/",
                "http://a:",
                "http://a:0",
                "http://a:65536",
                "http://a:+1",
                "http://[::1",
                "http://[]",
                "http://u@a",
            ],
        ),
        (
            "image",
            IMAGE,
            &["ami-0123456789abcdef0", "ssm:/a/b"],
            &[
                "",
                "ami-",
                "ami-xyz",
                "ssm:",
                "ssm:/",
                "ssm:a",
                "i-0123456789abcdef0",
            ],
        ),
        (
            "instance type",
            INSTANCE_TYPE,
            &["t3.micro", "u-6tb1.metal"],
            &["", "t3", "t3.", ".micro", "T3.micro", "t3 .micro"],
        ),
        ("variable", VARIABLE, &["A", "_a1"], &["", "1A", "A-B", "Ä"]),
        ("line", LINE, &["./hello --a b"], &["", "  ", "a\nb"]),
    ];
    for (name, form, good, bad) in table {
        for text in good {
            assert!((form.fits)(text), "{name}: {text:?}");
        }
        for text in bad {
            assert!(!(form.fits)(text), "{name}: {text:?}");
        }
    }
}
