"""GetConsoleOutput gives the last 64 kB of what the machine wrote to its console, in base64.

cloud-init writes there what it does, and the fingerprints of the host keys between BEGIN SSH HOST KEY FINGERPRINTS and
END. An instance that has no machine has written nothing.
"""

import base64

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.responses.general import General

import machines
from lab import around


def install(lab):
    @around(General, "get_console_output")
    def output(original, response):
        if lab.house is None:
            return original(response)
        instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
        machine = machines.of(instance.id)
        text = machine.console_text() if machine else b""
        told = {"InstanceId": instance.id, "Timestamp": utcnow()}
        if text:
            told["Output"] = base64.b64encode(text).decode()
        return ActionResult(told)
