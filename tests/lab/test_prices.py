"""The lab's Price List and Spot prices against boto3: a test a behaviour, each docstring naming the fact of AWS.

Run by a Python that has `requirements.txt`; `tests/lab.rs` does so within `cargo test`.
"""

import datetime
import json
import unittest

from botocore.exceptions import BotoCoreError

from test_lab import LabTest

UTC = datetime.timezone.utc
EXACT = {
    "regionCode": "us-west-2",
    "instanceType": "c5.9xlarge",
    "tenancy": "Shared",
    "productFamily": "Compute Instance",
    "preInstalledSw": "NA",
    "operatingSystem": "Linux",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}


class PriceTest(LabTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pricing = cls.lab.client("pricing", "us-east-1")

    def ask(self, filters, service="AmazonEC2", **more):
        """Products; filters are {field: value}, or (type, value) in the place of a value."""
        told = [(field, value if isinstance(value, tuple) else ("TERM_MATCH", value)) for field, value in filters.items()]
        asked = [{"Type": kind, "Field": field, "Value": value} for field, (kind, value) in told]
        answer = self.pricing.get_products(ServiceCode=service, Filters=asked, **more)
        return [json.loads(each) for each in answer["PriceList"]], answer.get("NextToken")

    def usd(self, product):
        (term,) = product["terms"]["OnDemand"].values()
        (dimension,) = term["priceDimensions"].values()
        return dimension["pricePerUnit"]["USD"], dimension["unit"]

    def prices(self, filters, **more):
        return sorted(self.usd(product)[0] for product in self.ask(filters, **more)[0])


class PriceList(PriceTest):
    def test_products_are_json_in_text_and_prices_are_text(self):
        """GetProducts: PriceList is a list of strings, each a product as JSON; pricePerUnit.USD is a string too."""
        (product,), token = self.ask(EXACT)
        self.assertIsNone(token)
        self.assertEqual(self.usd(product), ("1.5300000000", "Hrs"))
        of = product["product"]["attributes"]
        self.assertEqual((of["vcpu"], of["memory"], of["processorArchitecture"]), ("36", "72 GiB", "64-bit"))
        self.assertIn("Reserved", product["terms"])

    def test_a_filter_less_catches_what_is_no_price_on_demand(self):
        """The list has dedicated, reserved, host, licensed and block products of each type besides the one on demand."""
        lacking = {
            "tenancy": ["0.0000000000", "1.5300000000", "1.6830000000"],
            "capacitystatus": ["0.0000000000", "1.5300000000", "1.5300000000"],
            "preInstalledSw": ["1.5300000000", "2.1348000000"],
            "marketoption": ["0.0000000000", "1.5300000000"],
            "operatingSystem": ["1.5300000000"] * 2 + ["2.0484000000"] + ["3.1860000000"] * 2,
        }
        for field, expected in lacking.items():
            filters = {name: value for name, value in EXACT.items() if name != field}
            self.assertEqual(self.prices(filters), expected, field)

    def test_windows_needs_the_licence_named(self):
        """Windows with one's own licence has the price of Linux; it differs by licenseModel alone."""
        windows = {**EXACT, "operatingSystem": "Windows"}
        self.assertEqual(self.prices(windows), ["1.5300000000", "3.1860000000", "3.1860000000"])
        self.assertEqual(self.prices({**windows, "licenseModel": "No License required"}), ["3.1860000000"])
        self.assertEqual(self.prices({**windows, "instanceType": "c8g.4xlarge"}), [])

    def test_filters_have_types(self):
        """Filter types: TERM_MATCH, EQUALS, CONTAINS, ANY_OF and NONE_OF, the last two with commas between values."""
        for kind, value, many in [
            ("EQUALS", "c5.9xlarge", 1),
            ("CONTAINS", "xlarge", 10),
            ("ANY_OF", "c5.9xlarge,c5.4xlarge, m6i.large", 3),
            ("NONE_OF", "c5.9xlarge,c5.4xlarge", 10),
        ]:
            self.assertEqual(len(self.ask({**EXACT, "instanceType": (kind, value)})[0]), many, kind)
        self.fails("InvalidParameterException", self.ask, filters={"instanceTyp": "c5.9xlarge"})
        self.fails("InvalidParameterException", self.ask, filters={"instanceType": ("LIKE", "c5.9xlarge")})
        self.fails("InvalidParameterException", self.ask, filters={"instanceType": ("ANY_OF", "x" * 1025)})

    def test_pages_hold_a_hundred_at_most(self):
        """MaxResults is from 1 to 100; NextToken is good for the same question alone."""
        region = {"regionCode": "us-west-2", "productFamily": "Compute Instance"}
        found, token, pages = [], None, 0
        while pages == 0 or token:
            page, token = self.ask(region, **({"NextToken": token} if token else {}))
            self.assertLessEqual(len(page), 100)
            found, pages = found + [each["product"]["sku"] for each in page], pages + 1
        self.assertGreater(pages, 1)
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(len(self.ask(region, MaxResults=7)[0]), 7)
        self.fails("InvalidParameterException", self.ask, filters=region, MaxResults=101)
        _, token = self.ask(region)
        self.fails("InvalidNextTokenException", self.ask, filters=EXACT, NextToken=token)
        self.fails("InvalidNextTokenException", self.ask, filters=EXACT, NextToken="what")

    def test_there_are_three_endpoints(self):
        """Price List Query API endpoints: us-east-1, eu-central-1 and ap-south-1; no other region has such a host."""
        for region in ("eu-central-1", "ap-south-1"):
            self.assertEqual(len(self.lab.client("pricing", region).get_products(ServiceCode="AmazonVPC")["PriceList"]), 12)
        with self.assertRaises(BotoCoreError):
            self.lab.client("pricing", "us-west-2").get_products(ServiceCode="AmazonEC2")
        self.assertEqual(self.lab.ask("calls")[-1]["status"], "no host")

    def test_volumes_and_snapshots(self):
        """EBS: gp3 is Storage by the GB-month, with IOPS and throughput in other families; snapshots have several kinds."""
        east = {"regionCode": "us-east-1"}
        (gp3,) = self.ask({**east, "productFamily": "Storage", "volumeApiName": "gp3"})[0]
        self.assertEqual((self.usd(gp3), gp3["product"]["attributes"]["usagetype"]), (("0.0800000000", "GB-Mo"), "EBS:VolumeUsage.gp3"))
        self.assertEqual(len(self.ask({**east, "volumeApiName": "gp3"})[0]), 3)
        usage = ("CONTAINS", "EBS:SnapshotUsage")
        self.assertEqual(len(self.ask({**east, "productFamily": "Storage Snapshot", "usagetype": usage})[0]), 3)
        eu = {"regionCode": "eu-west-1", "productFamily": "Storage Snapshot", "usagetype": "EU-EBS:SnapshotUsage"}
        self.assertEqual(self.prices(eu), ["0.0500000000"])

    def test_addresses_are_of_amazon_vpc(self):
        """Public IPv4: AmazonVPC, no productFamily, group VPCPublicIPv4Address, usage types with the region in us-east-1 too."""
        filters = {"regionCode": "us-east-1", "group": "VPCPublicIPv4Address"}
        found = self.ask(filters, "AmazonVPC")[0]
        self.assertEqual({each["product"].get("productFamily") for each in found}, {None})
        usage = {each["product"]["attributes"]["usagetype"]: self.usd(each)[0] for each in found}
        self.assertEqual(usage["USE1-PublicIPv4:InUseAddress"], "0.0050000000")
        self.assertEqual(len(usage), 3)

    def test_it_is_throttled_and_denied_as_others_are(self):
        """Errors: ThrottlingException and AccessDeniedException, in JSON."""
        self.lab.faults({"kind": "throttle", "service": "pricing"})
        self.fails("ThrottlingException", self.ask, 400, filters=EXACT)
        self.lab.faults({"kind": "denied", "action": "GetProducts", "id": "us-west-2"})
        self.assertIn("pricing:GetProducts", self.fails("AccessDeniedException", self.ask, 400, filters=EXACT))
        self.assertEqual(len(self.ask({**EXACT, "regionCode": "us-east-1"})[0]), 1)

    def test_prices_are_changed_by_tests(self):
        def changed(**row):
            self.lab.ask("prices", [{"region": "us-west-2", "what": "linux", "type": "c5.9xlarge", **row}])
            return self.ask(EXACT)[0]

        self.assertEqual(self.usd(changed(price="1.6")[0])[0], "1.6000000000")
        self.assertEqual(changed(price=None), [])
        self.assertEqual(len(changed(twice=True, price="9")), 2)
        with self.assertRaises(json.JSONDecodeError):
            changed(raw="{no json")
        self.lab.ask("reset", {})
        self.assertEqual(self.prices(EXACT), ["1.5300000000"])


class SpotPrices(PriceTest):
    def history(self, **more):
        asked = {"InstanceTypes": ["c5.9xlarge"], "ProductDescriptions": ["Linux/UNIX"], **more}
        return self.ec2.describe_spot_price_history(**asked)["SpotPriceHistory"]

    def test_from_now_it_is_the_present_price_of_each_zone(self):
        """StartTime=now returns the last price change before the start, which is the price as of the start."""
        now = datetime.datetime.now(UTC)
        found = self.history(StartTime=now)
        self.assertEqual(sorted(each["AvailabilityZone"] for each in found), [f"us-west-2{zone}" for zone in "abcd"])
        for each in found:
            self.assertLess(each["Timestamp"], now)
            self.assertGreater(each["Timestamp"], now - datetime.timedelta(hours=7))
            self.assertTrue(0.3 < float(each["SpotPrice"]) < 1.1, each)
        self.assertGreater(len({each["SpotPrice"] for each in found}), 1)

    def test_history_is_of_ninety_days(self):
        """The start is up to 90 days back; the newest come first."""
        now = datetime.datetime.now(UTC)
        found = self.history(StartTime=now - datetime.timedelta(days=400), AvailabilityZone="us-west-2a", EndTime=now)
        times = [each["Timestamp"] for each in found]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertTrue(90 * 4 <= len(found) <= 90 * 4 + 2, len(found))
        day = now - datetime.timedelta(days=2)
        first = self.history(StartTime=day, EndTime=now, AvailabilityZone="us-west-2a")[-1]
        self.assertLess(first["Timestamp"], day)

    def test_systems_have_two_names(self):
        """product-description: Linux/UNIX and Windows, each also with ` (Amazon VPC)`."""
        both = self.history(ProductDescriptions=["Linux/UNIX", "Linux/UNIX (Amazon VPC)"], StartTime=datetime.datetime.now(UTC))
        self.assertEqual({each["ProductDescription"] for each in both}, {"Linux/UNIX", "Linux/UNIX (Amazon VPC)"})
        linux, windows = (
            self.history(ProductDescriptions=[name], StartTime=datetime.datetime.now(UTC)) for name in ("Linux/UNIX", "Windows")
        )
        self.assertGreater(min(float(each["SpotPrice"]) for each in windows), max(float(each["SpotPrice"]) for each in linux))
        self.assertEqual(self.history(InstanceTypes=["c8g.4xlarge"], ProductDescriptions=["Windows"]), [])

    def test_it_comes_in_pages_and_the_last_token_is_empty(self):
        """NextToken is an empty string when there are no more items."""
        start = datetime.datetime.now(UTC)
        asked = {"InstanceTypes": ["c5.9xlarge", "c5.4xlarge"], "ProductDescriptions": ["Linux/UNIX"], "StartTime": start}
        page = self.ec2.describe_spot_price_history(MaxResults=5, **asked)
        self.assertEqual(len(page["SpotPriceHistory"]), 5)
        rest = self.ec2.describe_spot_price_history(MaxResults=5, NextToken=page["NextToken"], **asked)
        self.assertEqual((len(rest["SpotPriceHistory"]), rest["NextToken"]), (3, ""))


if __name__ == "__main__":
    unittest.main()
