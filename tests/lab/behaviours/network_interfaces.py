"""RunInstances tags network interfaces as it does instances and volumes, and they go with their instance.

An interface that a launch makes has DeleteOnTermination unless the launch says otherwise. An instance's security groups
are those of its interface, be they asked for with the interface or be it the default one.
"""

from moto.ec2.models.instances import InstanceBackend

from lab import around


def install(_):
    @around(InstanceBackend, "run_instances")
    def run(original, backend, *args, **kwargs):
        tags = kwargs.get("tags", {}).get("network-interface", {})
        asked = {int(nic.get("DeviceIndex", 0)): nic for nic in kwargs.get("nics", [])}
        reservation = original(backend, *args, **kwargs)
        for instance in reservation.instances:
            instance.security_groups = instance.security_groups or list(instance.nics[0]._group_set)
            for index, nic in instance.nics.items():
                nic.add_tags(tags)
                if "NetworkInterfaceId" not in asked.get(index, {}):
                    nic.delete_on_termination = asked.get(index, {}).get("DeleteOnTermination", True) is True
        return reservation
