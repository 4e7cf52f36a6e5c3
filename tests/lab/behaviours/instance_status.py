"""DescribeInstanceStatus: the instance's check is `initializing` until it has booted, and `impaired` when it hangs.

The system's check, of what is below the instance, passes. (What has no machine is `ok` at once.)
"""

from moto.ec2.models.instances import Instance

import machines


def install(_):
    told = Instance.instance_status.fget

    def status(instance):
        machine = machines.of(instance.id)
        if machine is None or instance.state != "running":
            return told(instance)
        if machine.hung:
            return {"Status": "impaired", "Details": [{"Name": "reachability", "Status": "failed"}]}
        if not machine.up:
            return {"Status": "initializing", "Details": [{"Name": "reachability", "Status": "initializing"}]}
        return told(instance)

    Instance.instance_status = property(status)
