"""An instance is `pending` before it is `running`, `stopping` before it is `stopped`, and each call fits some states only.

StartInstances of one that is stopping or (being) terminated, StopInstances of one that is pending or (being) terminated
and CreateImage or RebootInstances of one that is (being) terminated are refused with IncorrectInstanceState. Starting
sets LaunchTime anew. The time of a stop or an end is told in StateTransitionReason, `User initiated (... GMT)`.
"""

import copy

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import OperationDisableApiStopNotPermitted
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.responses.instances import InstanceResponse

from lab import Refusal, around
from states import changes, go_on, user_ended

ENDED = ("shutting-down", "terminated")


def refuse_in(instance, states, purpose):
    if instance.state in states:
        message = f"The instance '{instance.id}' is not in a state from which it can be {purpose}."
        raise Refusal("IncorrectInstanceState", message)


def install(lab):
    @around(InstanceBackend, "run_instances")
    def run(original, backend, *args, **kwargs):
        reservation = original(backend, *args, **kwargs)
        for instance in reservation.instances:
            go_on(lab, lab.options.boot, instance, "pending", "running")
        return reservation

    @around(InstanceResponse, "start_instances")
    def start(_, response):
        instances = response.ec2_backend.get_multi_instances_by_id(response._get_param("InstanceIds", []))
        for instance in instances:
            refuse_in(instance, ("stopping", *ENDED), "started")
        done = []
        for instance in instances:
            before = copy.copy(instance._state)
            if before.name == "stopped":
                instance.start()
                instance._state.name = "stopped"
                instance.launch_time = utcnow()
                instance.ended_at = None
                go_on(lab, lab.options.boot, instance, "pending", "running")
            done.append((instance, before, "pending" if before.name == "stopped" else before.name))
        return ActionResult({"StartingInstances": changes(done)})

    def stop_it(instance):
        reason = instance.state_reason
        instance.stop()
        instance.state_reason = reason
        instance._state.name = "running"
        go_on(lab, lab.options.stop, instance, "stopping", "stopped")

    lab.stop_instance = stop_it

    @around(InstanceResponse, "stop_instances")
    def stop(_, response):
        instances = response.ec2_backend.get_multi_instances_by_id(response._get_param("InstanceIds", []))
        for instance in instances:
            refuse_in(instance, ("pending", *ENDED), "stopped")
            if instance.disable_api_stop:
                raise OperationDisableApiStopNotPermitted(instance.id)
        done = []
        for instance in instances:
            before = copy.copy(instance._state)
            if before.name == "running":
                user_ended(instance)
                stop_it(instance)
            done.append((instance, before, "stopping" if before.name == "running" else before.name))
        return ActionResult({"StoppingInstances": changes(done)})

    @around(InstanceResponse, "reboot_instances")
    def reboot(original, response):
        instances = response.ec2_backend.get_multi_instances_by_id(response._get_param("InstanceIds", []))
        for instance in instances:
            refuse_in(instance, ("pending", "stopping", "stopped", *ENDED), "rebooted")
        result = original(response)
        for instance in instances:
            lab.reboot_instance(instance)
        return result

    def reason(instance):
        ended = getattr(instance, "ended_at", None)
        return f"User initiated ({ended:%Y-%m-%d %H:%M:%S} GMT)" if ended else ""

    Instance.state_transition_reason = property(reason)
