"""User data of more than 16,384 bytes, before base64, is an InvalidParameterValue; DescribeInstanceAttribute gives it back."""

import base64
import binascii

from moto.ec2.responses.instances import InstanceResponse

from lab import Refusal, around

MOST = 16384


def install(_):
    @around(InstanceResponse, "run_instances")
    def run(original, response):
        value = response.params.get("UserData")
        try:
            raw = base64.b64decode(value, validate=True) if isinstance(value, str) else value or b""
        except binascii.Error as why:
            raise Refusal("InvalidParameterValue", "Invalid BASE64 encoding of user data") from why
        if len(raw) > MOST:
            raise Refusal("InvalidParameterValue", f"User data is limited to {MOST} bytes")
        return original(response)
