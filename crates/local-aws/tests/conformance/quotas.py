"""Service Quotas: how many virtual CPUs may run."""

from cloud import Case, client

STANDARD = "L-1216C47A"


class Quotas(Case):
    @classmethod
    def setUpClass(cls):
        cls.quotas = client("service-quotas")

    def test_each_kind_of_instances_has_a_default(self):
        for code, word in [(STANDARD, "Standard"), ("L-DB2E81BA", "G and VT"), ("L-417A185B", "P")]:
            quota = self.quotas.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]
            self.assertEqual((quota["QuotaCode"], quota["ServiceCode"], quota["Value"]), (code, "ec2", 1152.0))
            self.assertIn(f"Running On-Demand {word}", quota["QuotaName"])
            self.assertIn(f":{self.quotas.meta.region_name}:", quota["QuotaArn"])

    def test_what_is_not_applied_or_not_there_is_refused(self):
        # Nothing but the default is applied.
        self.assertEqual(self.quotas.list_service_quotas(ServiceCode="ec2", QuotaCode=STANDARD)["Quotas"], [])
        with self.refused("NoSuchResourceException"):
            self.quotas.list_service_quotas(ServiceCode="rds")
        with self.refused("InvalidPaginationTokenException"):
            self.quotas.list_service_quotas(ServiceCode="ec2", NextToken="elsewhere")
        for service, code in [("ec2", "L-00000000"), ("rds", STANDARD)]:
            with self.refused("NoSuchResourceException"):
                self.quotas.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)
        with self.refused("InvalidAction", "ListServices"):
            self.quotas.list_services()
