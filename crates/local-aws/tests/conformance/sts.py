"""STS: who the caller is."""

from cloud import Case, client


class Sts(Case):
    def test_the_caller_has_an_account_and_an_arn(self):
        who = client("sts").get_caller_identity()
        self.assertRegex(who["Account"], r"^\d{12}$")
        self.assertIn(who["Account"], who["Arn"])

    def test_an_operation_it_lacks_is_refused_by_name(self):
        with self.refused("InvalidAction", "GetSessionToken"):
            client("sts").get_session_token()
