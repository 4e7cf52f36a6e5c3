"""Tags of a thing are looked up by its id, and instances without a copy of everything.

AWS lists a thousand instances in a second; moto compares each one's id with every tag of the region.
"""

from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

from lab import around


def install(_):
    @around(TaggedEC2Resource, "get_tags")
    def tags(_, thing):
        kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(thing.id), "")
        of_it = thing.ec2_backend.tags.get(thing.id, {})
        return [{"resource_id": thing.id, "key": key, "value": of_it[key], "resource_type": kind} for key in of_it]

    @around(InstanceBackend, "get_instance")
    def get(_, backend, instance_id):
        for reservation in backend.reservations.values():
            for instance in reservation.instances:
                if instance.id == instance_id:
                    return instance
        raise InvalidInstanceIdError(instance_id)
