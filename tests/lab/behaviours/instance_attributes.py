"""ModifyInstanceAttribute changes the attribute that is named and no other.

moto takes InstanceInitiatedShutdownBehavior, which it does not know, for an empty list of security groups.
"""

from moto.core.responses import EmptyResult
from moto.ec2.responses.instances import InstanceResponse

from lab import around


def install(_):
    @around(InstanceResponse, "modify_instance_attribute")
    def modify(original, response):
        behavior = response._get_param("InstanceInitiatedShutdownBehavior.Value")
        if behavior is None:
            return original(response)
        instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
        instance.instance_initiated_shutdown_behavior = behavior
        return EmptyResult()
