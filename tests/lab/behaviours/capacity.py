"""A zone may be out of a type: InsufficientInstanceCapacity, 500; without a zone in the call AWS takes one that has it.

A type that a zone does not offer at all is Unsupported, and never taken. Where there is no capacity a test tells by
`POST /lab/capacity`: a list of {"zone", "type"}, of which either may be missing and then is all.
"""

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS
from moto.ec2.models.instances import InstanceBackend

from lab import Refusal, around

lacking = []


def set_lacking(rows):
    for row in rows:
        if not row.keys() <= {"zone", "type"}:
            raise ValueError(f"capacity is of `zone` and `type`, not {', '.join(row)}")
    lacking[:] = rows


def has(zone, kind):
    return not any(row.get("zone", zone) == zone and row.get("type", kind) == kind for row in lacking)


def zone_of(backend, kwargs):
    """The zone that a launch asks for, if any."""
    subnet = kwargs.get("subnet_id") or next((nic["SubnetId"] for nic in kwargs["nics"] if "SubnetId" in nic), None)
    return backend.get_subnet(subnet).availability_zone if subnet else kwargs.get("placement")


def install(lab):
    lab.at_reset(lacking.clear)

    @around(InstanceBackend, "run_instances")
    def run(original, backend, *args, **kwargs):
        kind = kwargs.get("instance_type")
        offers = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(backend.region_name, [])
        zones = sorted(each["Location"] for each in offers if each["InstanceType"] == kind)
        asked = zone_of(backend, kwargs)
        if not zones:
            # who knows no such type refuses it
            return original(backend, *args, **kwargs)
        if asked and asked not in zones and asked in {each["Location"] for each in offers}:
            message = (
                f"Your requested instance type ({kind}) is not supported in your requested Availability Zone ({asked}). "
                f"Please retry your request by not specifying an Availability Zone or choosing {', '.join(zones)}."
            )
            raise Refusal("Unsupported", message)
        able = [zone for zone in zones if has(zone, kind)]
        if asked in zones and asked not in able:
            message = (
                f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({asked}). "
                "Our system will be working on provisioning additional capacity. You can currently get "
                f"{kind} capacity by not specifying an Availability Zone in your request or choosing {', '.join(able)}."
            )
            raise Refusal("InsufficientInstanceCapacity", message, 500)
        if not asked:
            if not able:
                message = f"We currently do not have sufficient {kind} capacity in any Availability Zone. Try again later."
                raise Refusal("InsufficientInstanceCapacity", message, 500)
            kwargs["placement"] = able[0]
        return original(backend, *args, **kwargs)
