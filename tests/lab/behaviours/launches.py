"""RunInstances: as many as MaxCount, once for a ClientToken, all with what was asked for.

A second call with a ClientToken gives the first one's answer, and IdempotentParameterMismatch when it asks for something
else. The instance profile goes to every instance. An unknown profile or type is an InvalidParameterValue, an unknown
image or key pair is refused as in moto. DisableApiTermination protects. A root volume goes with its instance unless
DeleteOnTermination says otherwise.
"""

import json

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidInstanceTypeError
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.instances import InstanceResponse
from moto.iam.exceptions import NotFoundException

from lab import Refusal, around


def associate(backend, instances, profile):
    for instance in instances:
        if instance.id not in backend.iam_instance_profile_associations:
            backend.associate_iam_instance_profile(
                instance_id=instance.id,
                iam_instance_profile_name=profile.get("Name"),
                iam_instance_profile_arn=profile.get("Arn"),
            )


def complete_root_volume(backend, params):
    image = backend.amis.get(params.get("ImageId"))
    for mapping in params.get("BlockDeviceMappings", []):
        if image and "Ebs" in mapping and mapping.get("DeviceName") == image.root_device_name:
            mapping["Ebs"].setdefault("DeleteOnTermination", True)


def install(lab):
    launched = {}
    lab.at_reset(launched.clear)

    @around(InstanceBackend, "run_instances")
    def launch(original, backend, *args, **kwargs):
        try:
            return original(backend, *args, **kwargs)
        except InvalidInstanceTypeError as why:
            message = f"Invalid value '{kwargs['instance_type']}' for InstanceType."
            raise Refusal("InvalidParameterValue", message) from why

    @around(InstanceResponse, "run_instances")
    def run(original, response):
        params, backend = response.params, response.ec2_backend
        token = params.get("ClientToken")
        key = (response.region, token)
        asked = json.dumps({**params, "ClientToken": None}, sort_keys=True, default=str)
        if token and key in launched:
            before, reservation = launched[key]
            if before != asked:
                raise EC2ClientError(
                    "IdempotentParameterMismatch",
                    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
                )
            return ActionResult(reservation)
        params["MinCount"] = max(int(params.get("MinCount", 1)), int(params.get("MaxCount", 1)))
        complete_root_volume(backend, params)
        profile = params.get("IamInstanceProfile", {})
        try:
            result = original(response)
        except NotFoundException as why:
            name = profile.get("Name") or profile.get("Arn")
            message = f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
            raise Refusal("InvalidParameterValue", message) from why
        for instance in result.result.instances:
            instance.disable_api_termination = bool(params.get("DisableApiTermination", False))
        if profile:
            associate(backend, result.result.instances, profile)
        if token:
            launched[key] = (asked, result.result)
        return result
