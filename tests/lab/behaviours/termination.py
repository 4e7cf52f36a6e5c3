"""TerminateInstances: a terminated instance stays so, and a batch with a wrong or protected instance fails.

From any state it goes by `shutting-down` to `terminated`, then it has neither volumes nor groups nor network
interfaces, and about an hour later it is no longer listed. Terminating it again succeeds and tells the state it has. An
unknown id fails the whole request. A protected one (DisableApiTermination) fails it with OperationNotPermitted and keeps
all of its Availability Zone; those in other zones are terminated nevertheless (API reference, TerminateInstances).
"""

import copy

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidParameterCombination, OperationNotPermitted4
from moto.ec2.models.instances import Instance
from moto.ec2.responses.instances import InstanceResponse

from lab import around
from states import changes, set_state, user_ended


def install(lab):
    def forget(instance):
        for reservation in list(instance.ec2_backend.reservations.values()):
            if instance in reservation.instances:
                reservation.instances.remove(instance)
            if not reservation.instances:
                del instance.ec2_backend.reservations[reservation.id]
        instance.ec2_backend.tags.pop(instance.id, None)

    def finish(instance):
        if instance.state == "terminated":
            return
        reason = instance.state_reason
        instance.terminate()
        instance.state_reason = reason
        instance._state.name = "shutting-down"
        set_state(instance, "terminated")
        instance.security_groups = []
        for nic in instance.nics.values():
            instance.ec2_backend.enis.pop(nic.id, None)
            nic._group_set = []
        lab.after(lab.options.forget, lambda: forget(instance))

    def end(instance):
        before = copy.copy(instance._state)
        if before.name in ("shutting-down", "terminated"):
            return instance, before, before.name
        user_ended(instance)
        end_it(instance)
        return instance, before, "shutting-down"

    def end_it(instance):
        set_state(instance, "shutting-down")
        lab.after(lab.options.end, lambda: finish(instance))

    lab.end_instance = end_it

    @around(InstanceResponse, "terminate_instances")
    def terminate(_, response):
        ids = response._get_param("InstanceIds", [])
        if not ids:
            raise InvalidParameterCombination("No instances specified")
        instances = response.ec2_backend.get_multi_instances_by_id(ids)
        protected = [instance for instance in instances if instance.disable_api_termination]
        kept = {instance.availability_zone for instance in protected}
        done = [end(instance) for instance in instances if instance.availability_zone not in kept]
        if protected:
            raise OperationNotPermitted4(protected[0].id)
        return ActionResult({"TerminatingInstances": changes(done)})

    interfaces = Instance.network_interfaces.fget
    Instance.network_interfaces = property(lambda instance: [] if instance.state == "terminated" else interfaces(instance))
