"""DryRun of any EC2 call that is permitted is answered with DryRunOperation, HTTP status 412, and nothing is done.

A call that is not permitted is UnauthorizedOperation with or without DryRun: see `denied` in `faults.py`.
"""

from moto.core.utils import camelcase_to_underscores
from moto.ec2.responses import EC2Response

from lab import Refusal, around


def install(_):
    @around(EC2Response, "call_action")
    def call(original, response):
        known = hasattr(response, camelcase_to_underscores(response._get_action()))
        if known and response._get_bool_param("DryRun", False):
            raise Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        return original(response)
