"""Spot prices differ by zone and change a few times a day; DescribeSpotPriceHistory tells the changes, newest first.

Between a start and an end it lists the changes, and the last one before the start as well, whose price holds at the start:
with StartTime=now that is the present price of each zone, of a time before now. It goes back 90 days. Systems have two
names, with and without ` (Amazon VPC)`. The last page's token is empty, not missing. moto has one price, of 2006, for all.
"""

import datetime
import hashlib
import math
from decimal import Decimal

from moto.core.responses import ActionResult
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS
from moto.ec2.responses.spot_instances import SpotInstances

import catalogue
from behaviours.filters import invalid, matches
from behaviours.paging import page_of
from lab import Refusal, around

UTC = datetime.timezone.utc
HOLDS = 6 * 3600
OLDEST = 90 * 86400
VPC = " (Amazon VPC)"
# without a word of which system, these are listed
SYSTEMS = ("Linux/UNIX", "Windows")


def chance(*parts):
    """A number from 0 to 1 that is the same each time."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4]) / 2**32


def seconds(value, default):
    if value in (None, ""):
        return default
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value.replace(tzinfo=value.tzinfo or UTC).timestamp()


def price(region, zone, kind, system, slot):
    """What an hour costs in one of the times between two changes; None where it is not sold."""
    linux, windows = catalogue.HOURS.get(region, {}).get(kind, (None, None))
    if linux is None or (system == "Windows" and windows is None):
        return None
    changed = catalogue.change(region, "spot-windows" if system == "Windows" else "spot-linux", type=kind, zone=zone)
    if changed:
        return changed["price"]
    share = 0.25 + 0.35 * chance(zone, kind) + 0.05 * chance(zone, kind, slot)
    # the licence is not cheaper
    licence = Decimal(windows) - Decimal(linux) if system == "Windows" else Decimal(0)
    return f"{Decimal(linux) * Decimal(share) + licence:.6f}"


def history(region, zone, kind, system, start, end):
    """The changes of a price from start to end, and the last one before."""
    shift = HOLDS * chance(region, zone, kind, system)
    first, last = (math.floor((at - shift) / HOLDS) for at in (start, end))
    for slot in range(first, last + 1):
        usd = price(region, zone, kind, system.removesuffix(VPC), slot)
        if usd is not None:
            yield {
                "InstanceType": kind,
                "ProductDescription": system,
                "SpotPrice": usd,
                "AvailabilityZone": zone,
                "Timestamp": datetime.datetime.fromtimestamp(math.floor(slot * HOLDS + shift), UTC),
            }


def install(lab):
    lab.at_reset(catalogue.changes.clear)

    @around(SpotInstances, "describe_spot_price_history")
    def describe(_, response):
        now = datetime.datetime.now(UTC).timestamp()
        start = max(seconds(response._get_param("StartTime"), now - OLDEST), now - OLDEST)
        end = min(seconds(response._get_param("EndTime"), now), now)
        start = min(start, now)
        if end < start:
            raise Refusal("InvalidParameterValue", "The start time must be before the end time")
        wanted = {
            "instance-type": response._get_param("InstanceTypes", []),
            "product-description": response._get_param("ProductDescriptions", []),
            "availability-zone": [zone] if (zone := response._get_param("AvailabilityZone")) else [],
        }
        for name, values in response._filters_from_querystring().items():
            if name not in wanted:
                raise invalid(name)
            wanted[name] = wanted[name] + values

        def passes(name, value):
            return not wanted[name] or matches(value, wanted[name])

        systems = [each + end for each in SYSTEMS for end in ("", VPC)] if wanted["product-description"] else SYSTEMS
        rows = []
        for offer in INSTANCE_TYPE_OFFERINGS["availability-zone"].get(response.region, []):
            zone, kind = offer["Location"], offer["InstanceType"]
            if not passes("instance-type", kind) or not passes("availability-zone", zone):
                continue
            for system in systems:
                if passes("product-description", system):
                    rows += history(response.region, zone, kind, system, start, end)
        rows.sort(key=lambda row: (row["Timestamp"], row["AvailabilityZone"], row["InstanceType"]), reverse=True)
        size = min(int(response._get_param("MaxResults") or 1000), lab.options.page, 1000)
        page, token = page_of(rows, response._get_param("NextToken"), size)
        return ActionResult({"SpotPriceHistory": page, "NextToken": token or ""})
