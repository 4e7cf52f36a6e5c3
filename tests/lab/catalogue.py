"""What the lab's Price List knows: a small table of its own, and the traps that AWS's list has around each price.

Not read from the program's bundled book: a test that holds the two together would hold the book to itself. Both columns of a
type are written out, Windows too, so that the program's rule for it is tried against numbers.

Verified in public copies of the list's products (names of attributes, usage types and operations): `UnusedBox` costs what
a used one does, `Reservation` (AllocatedCapacityReservation) nothing; Windows comes with a licence (RunInstances:0002),
with one's own (0800, the price of Linux) and, of late, as `License Included - Infrastructure` (0002:box); Graviton's
processorArchitecture is `64-bit` like all others, its physicalProcessor tells it; snapshots have kinds besides
EBS:SnapshotUsage in one product family; public addresses are AmazonVPC's, have a group and no productFamily, and their
usage types begin with the region in us-east-1 too, where those of EC2 do not. Not verified: prices of the traps other
than those, and that capacity blocks differ from the rest in `marketoption` alone.
"""

import hashlib
from decimal import Decimal

# processors, GiB, the processor
TYPES = {
    "t3.medium": (2, 4, "Intel Skylake E5 2686 v5"),
    "t3.2xlarge": (8, 32, "Intel Skylake E5 2686 v5"),
    "t3a.medium": (2, 4, "AMD EPYC 7571"),
    "t4g.medium": (2, 4, "AWS Graviton2 Processor"),
    "m6i.large": (2, 8, "Intel Xeon 8375C (Ice Lake)"),
    "m7i.large": (2, 8, "Intel Xeon Scalable (Sapphire Rapids)"),
    "m8i.large": (2, 8, "Intel Xeon 6"),
    "m7a.large": (2, 8, "AMD EPYC 9R14 Processor"),
    "c5.4xlarge": (16, 32, "Intel Xeon Platinum 8124M"),
    "c5.9xlarge": (36, 72, "Intel Xeon Platinum 8124M"),
    "c6i.4xlarge": (16, 32, "Intel Xeon 8375C (Ice Lake)"),
    "c6i.8xlarge": (32, 64, "Intel Xeon 8375C (Ice Lake)"),
    "c6a.4xlarge": (16, 32, "AMD EPYC 7R13 Processor"),
    "c7i.4xlarge": (16, 32, "Intel Xeon Scalable (Sapphire Rapids)"),
    "c7i.8xlarge": (32, 64, "Intel Xeon Scalable (Sapphire Rapids)"),
    "c7i-flex.4xlarge": (16, 32, "Intel Xeon Scalable (Sapphire Rapids)"),
    "c7a.4xlarge": (16, 32, "AMD EPYC 9R14 Processor"),
    "c7g.4xlarge": (16, 32, "AWS Graviton3 Processor"),
    "c8i.4xlarge": (16, 32, "Intel Xeon 6"),
    "c8a.4xlarge": (16, 32, "AMD EPYC 9R45"),
    "c8g.4xlarge": (16, 32, "AWS Graviton4 Processor"),
    # in no book of the program
    "c6i.16xlarge": (64, 128, "Intel Xeon 8375C (Ice Lake)"),
}
# an hour of Linux, of Windows with its licence
US = {
    "t3.medium": ("0.0416", "0.06"),
    "t3.2xlarge": ("0.3328", "0.48"),
    "m6i.large": ("0.096", "0.188"),
    "c5.4xlarge": ("0.68", "1.416"),
    "c5.9xlarge": ("1.53", "3.186"),
    "c6i.4xlarge": ("0.68", "1.416"),
    "c6i.8xlarge": ("1.36", "2.832"),
    "c6i.16xlarge": ("2.72", "5.664"),
    "c7i.4xlarge": ("0.714", "1.45"),
    "c7i.8xlarge": ("1.428", "2.9"),
    "c7a.4xlarge": ("0.82112", "1.55712"),
    "c8g.4xlarge": ("0.63808", None),
}
HOURS = {
    "us-east-1": {
        **US,
        "t3a.medium": ("0.0376", "0.056"),
        "t4g.medium": ("0.0336", None),
        "m7i.large": ("0.1008", "0.1928"),
        "m8i.large": ("0.10584", "0.19784"),
        "m7a.large": ("0.11592", "0.20792"),
        "c6a.4xlarge": ("0.612", "1.348"),
        "c7i-flex.4xlarge": ("0.6783", "1.4143"),
        "c7g.4xlarge": ("0.58", None),
        "c8i.4xlarge": ("0.74968", "1.48568"),
        "c8a.4xlarge": ("0.86216", "1.59816"),
    },
    "us-east-2": {**US, "c8g.4xlarge": ("0.63584", None)},
    "us-west-2": US,
    "eu-west-1": {
        "t3.medium": ("0.0456", "0.064"),
        "t3.2xlarge": ("0.3648", "0.512"),
        "m6i.large": ("0.107", "0.199"),
        "c5.4xlarge": ("0.768", "1.504"),
        "c5.9xlarge": ("1.728", "3.384"),
        "c6i.4xlarge": ("0.7296", "1.4656"),
        "c6i.8xlarge": ("1.4592", "2.9312"),
        "c7i.4xlarge": ("0.76608", "1.50208"),
        "c7i.8xlarge": ("1.53216", "3.00416"),
        "c7a.4xlarge": ("0.88096", "1.61696"),
        "c8g.4xlarge": ("0.68224", None),
    },
}
# a GB-month of gp3 and of snapshots, an hour of an address
STORED = {
    "us-east-1": ("0.08", "0.05", "0.005"),
    "us-east-2": ("0.08", "0.05", "0.005"),
    "us-west-2": ("0.08", "0.05", "0.005"),
    "eu-west-1": ("0.088", "0.05", "0.005"),
}
PLACES = {
    "us-east-1": ("US East (N. Virginia)", "", "USE1-"),
    "us-east-2": ("US East (Ohio)", "USE2-", "USE2-"),
    "us-west-2": ("US West (Oregon)", "USW2-", "USW2-"),
    "eu-west-1": ("EU (Ireland)", "EU-", "EU-"),
}
CHANGES = {"region", "what", "type", "zone", "price", "currency", "twice", "raw"}
KINDS = {"linux", "windows", "disk", "snapshot", "address", "spot-linux", "spot-windows"}

changes = []


def set_changes(rows):
    for row in rows:
        if not row.keys() <= CHANGES:
            raise ValueError(f"a change of prices has no {', '.join(row.keys() - CHANGES)}")
        if row.get("what") not in KINDS:
            raise ValueError(f"a change of prices is of one of {', '.join(sorted(KINDS))}")
    changes[:] = rows


def change(region, what, **more):
    """The change that a test made to a price, if any."""
    asked = {"region": region, "what": what, **more}
    return next((row for row in changes if all(row.get(name, value) == value for name, value in asked.items())), None)


def sku_of(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16].upper()


def product(service, family, attributes, usd, unit, row=None):
    """A product as the list has it: what it is, and what it costs. Prices are text with ten places."""
    row = row or {}
    sku = sku_of(service, family, sorted(attributes.items()), row.get("copy"))
    text = row.get("price", usd)
    try:
        text = f"{Decimal(text):.10f}"
    except ArithmeticError:
        pass
    offer = f"{sku}.JRTCKXETXF"
    dimension = {
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"${usd} per {unit} of {attributes.get('usagetype')}",
        "appliesTo": [],
        "rateCode": f"{offer}.6YS6EN2CT7",
        "pricePerUnit": {row.get("currency", "USD"): text},
    }
    term = {
        "sku": sku,
        "effectiveDate": "2026-11-01T00:00:00Z",
        "offerTermCode": "JRTCKXETXF",
        "termAttributes": {},
        "priceDimensions": {dimension["rateCode"]: dimension},
    }
    # a discount that one pays in advance: cheaper, and no price on demand
    reserved = {
        **term,
        "offerTermCode": "4NA7Y494T4",
        "termAttributes": {"LeaseContractLength": "1yr", "PurchaseOption": "No Upfront", "OfferingClass": "standard"},
        "priceDimensions": {"x": {**dimension, "pricePerUnit": {"USD": "0.0100000000"}}},
    }
    made = {"sku": sku, "attributes": {**attributes, "servicecode": service}}
    if family:
        made["productFamily"] = family
    terms = {"OnDemand": {offer: term}}
    if family == "Compute Instance" and attributes.get("capacitystatus") == "Used":
        terms["Reserved"] = {f"{sku}.4NA7Y494T4": reserved}
    return {
        "product": made,
        "serviceCode": service,
        "terms": terms,
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
        **({"raw": row["raw"]} if "raw" in row else {}),
    }


def priced(service, family, attributes, usd, unit, row):
    """The product whose price tests may change: as it is, changed, twice, or not there."""
    if row is not None and row.get("price", "") is None:
        return []
    made = [product(service, family, attributes, usd, unit, row)]
    if row and row.get("twice"):
        other = {**attributes, "operation": f"{attributes.get('operation', '')}:twin"}
        made.append(product(service, family, other, usd, unit, {}))
    return made


def machines(region, kind, linux, windows):
    """Everything that the list has of one type: one price on demand for each system, among others that are none."""
    location, prefix, _ = PLACES[region]
    vcpus, memory, processor = TYPES[kind]
    base = {
        "instanceType": kind,
        "vcpu": str(vcpus),
        "memory": f"{memory} GiB",
        "physicalProcessor": processor,
        "processorArchitecture": "64-bit",
        "currentGeneration": "Yes",
        "instanceFamily": "Compute optimized",
        "storage": "EBS only",
        "location": location,
        "locationType": "AWS Region",
        "regionCode": region,
        "tenancy": "Shared",
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "licenseModel": "No License required",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
        "usagetype": f"{prefix}BoxUsage:{kind}",
        "operation": "RunInstances",
    }

    def made(usd, **other):
        return product("AmazonEC2", "Compute Instance", {**base, **other}, str(usd), "Hrs")

    def around(usd, **system):
        """What a filter set that lacks one filter gets besides."""
        dearer = Decimal(usd) * Decimal("1.1")
        yield made(usd, **system, capacitystatus="UnusedCapacityReservation", usagetype=f"{prefix}UnusedBox:{kind}")
        yield made("0", **system, capacitystatus="AllocatedCapacityReservation", usagetype=f"{prefix}Reservation:{kind}")
        yield made(dearer, **system, tenancy="Dedicated", usagetype=f"{prefix}DedicatedUsage:{kind}")
        yield made("0", **system, tenancy="Host", usagetype=f"{prefix}HostBoxUsage:{kind}")
        sql = {**system, "preInstalledSw": "SQL Web", "operation": f"RunInstances:020{2 if system else 0}"}
        yield made(Decimal(usd) + Decimal("0.0168") * vcpus, **sql)
        yield made("0", **system, marketoption="CapacityBlock")

    every = {"type": kind}
    yield from around(linux)
    yield from priced("AmazonEC2", "Compute Instance", base, linux, "Hrs", change(region, "linux", **every))
    yield made(Decimal(linux) + Decimal("0.0144") * vcpus, operatingSystem="RHEL", operation="RunInstances:0010")
    if windows is None:
        return
    own = {"operatingSystem": "Windows", "operation": "RunInstances:0002"}
    yield made(linux, **{**own, "licenseModel": "Bring your own license", "operation": "RunInstances:0800"})
    boxed = {"licenseModel": "License Included - Infrastructure", "operation": "RunInstances:0002:box"}
    yield made(windows, **{**own, **boxed})
    yield from around(windows, **own)
    row = change(region, "windows", **every)
    yield from priced("AmazonEC2", "Compute Instance", {**base, **own}, windows, "Hrs", row)


def stored(region):
    """Volumes, snapshots and addresses."""
    location, prefix, vpc_prefix = PLACES[region]
    disk, snapshot, address = STORED[region]
    base = {"location": location, "locationType": "AWS Region", "regionCode": region}

    def ec2(family, usd, unit, what=None, **more):
        return priced("AmazonEC2", family, {**base, **more}, usd, unit, change(region, what) if what else None)

    gp3 = {"volumeApiName": "gp3", "volumeType": "General Purpose"}
    yield from ec2("Storage", disk, "GB-Mo", "disk", **gp3, usagetype=f"{prefix}EBS:VolumeUsage.gp3")
    yield from ec2("System Operation", "0.005", "IOPS-Mo", **gp3, usagetype=f"{prefix}EBS:VolumeP-IOPS.gp3")
    throughput = {**gp3, "usagetype": f"{prefix}EBS:VolumeP-Throughput.gp3"}
    yield from ec2("Provisioned Throughput", "40.96", "GiBps-mo", **throughput)
    gp2 = {"volumeApiName": "gp2", "volumeType": "General Purpose"}
    yield from ec2("Storage", "0.1", "GB-Mo", **gp2, usagetype=f"{prefix}EBS:VolumeUsage.gp2")
    family = "Storage Snapshot"
    yield from ec2(family, "0.0125", "GB-Mo", usagetype=f"{prefix}EBS:SnapshotArchiveStorage")
    yield from ec2(family, "0.25", "GB-Mo", usagetype=f"{prefix}EBS:SnapshotUsage.outposts")
    yield from ec2(family, "0", "GB-Mo", usagetype=f"{prefix}EBS:SnapshotUsageUnderBilling")
    yield from ec2(family, snapshot, "GB-Mo", "snapshot", usagetype=f"{prefix}EBS:SnapshotUsage")
    group = {**base, "group": "VPCPublicIPv4Address"}
    for use, usd, what in (("ContiguousBlock", "0.008", None), ("IdleAddress", address, None), ("InUseAddress", address, "address")):
        usage = {**group, "usagetype": f"{vpc_prefix}PublicIPv4:{use}"}
        yield from priced("AmazonVPC", None, usage, usd, "Hrs", change(region, what) if what else None)


def products():
    """All of the list."""
    for region, types in HOURS.items():
        for kind, (linux, windows) in types.items():
            yield from machines(region, kind, linux, windows)
        yield from stored(region)
