"""A Linux instance is a machine, and a machine that is shut down from within stops or ends its instance.

The machine does what InstanceInitiatedShutdownBehavior says, `stop` if nothing was said, and StateReason tells
Client.InstanceInitiatedShutdown. One that fails is terminated, with Server.InternalError. A reboot keeps instance and
address. (With `--machines` only; see `machines.py`.)
"""

import machines
import states


def install(lab):
    if lab.house is None:
        return

    def guest_ended(instance, failed):
        states.user_ended(instance)
        if failed:
            states.note_reason(instance, "Server.InternalError", "Internal error")
            return lab.end_instance(instance)
        states.note_reason(instance, "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
        if instance.instance_initiated_shutdown_behavior == "terminate":
            return lab.end_instance(instance)
        return lab.stop_instance(instance)

    def reboot(instance):
        machine = machines.of(instance.id)
        if machine:
            machine.reboot()

    states.watchers.append(lab.house.changed)
    lab.guest_ended = guest_ended
    lab.reboot_instance = reboot
