"""EC2 is eventually consistent: an instance that was just launched may not be seen yet.

By its id it is InvalidInstanceID.NotFound then, and it is in no list. How long: `--consistent`.
"""

from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models.instances import InstanceBackend

from lab import around


def install(lab):
    unseen = set()
    lab.at_reset(unseen.clear)

    @around(InstanceBackend, "run_instances")
    def run(original, backend, *args, **kwargs):
        reservation = original(backend, *args, **kwargs)
        for instance in reservation.instances:
            unseen.add(instance.id)
            lab.after(lab.options.consistent, lambda instance=instance: unseen.discard(instance.id))
        return reservation

    @around(InstanceBackend, "get_reservations_by_instance_ids")
    def by_ids(original, backend, instance_ids, filters=None):
        for instance_id in instance_ids:
            if instance_id in unseen:
                raise InvalidInstanceIdError(instance_id)
        return original(backend, instance_ids, filters=filters)

    @around(InstanceBackend, "describe_instances")
    def describe(original, backend, filters=None):
        reservations = original(backend, filters=filters)
        for reservation in reservations:
            reservation.instances = [instance for instance in reservation.instances if instance.id not in unseen]
        return [reservation for reservation in reservations if reservation.instances]
