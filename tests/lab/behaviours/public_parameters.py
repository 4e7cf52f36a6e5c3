"""Parameter Store has the newest images of Debian and Ubuntu as public parameters, of the names below.

Their values are the images of `amis.json`. Everybody may read them, nobody may write below /aws.
"""

import json
import os
import pathlib

from moto.core.utils import utcnow
from moto.ssm.models import Parameter, ParameterDict

from lab import around

NAMES = {
    "/aws/service/debian/release/12/latest/amd64": "debian-12-amd64-",
    "/aws/service/debian/release/13/latest/amd64": "debian-13-amd64-",
    **{
        f"/aws/service/canonical/ubuntu/server/{number}/stable/current/amd64/hvm/{volume}/ami-id": f"-{number}-amd64-server-"
        for number in ("22.04", "24.04")
        for volume in ("ebs-gp2", "ebs-gp3")
    },
}


def install(_):
    images = json.loads(pathlib.Path(os.environ["MOTO_AMIS_PATH"]).read_text())

    @around(ParameterDict, "_check_loading_status")
    def load(original, parameters, key):
        original(parameters, key)
        part = NAMES.get(str(key))
        if part is None or dict.get(parameters, key):
            return
        newest = max((image for image in images if part in image["name"]), key=lambda image: image["creation_date"])
        dict.__setitem__(
            parameters,
            key,
            [
                Parameter(
                    account_id=parameters.account_id,
                    name=key,
                    value=newest["ami_id"],
                    parameter_type="String",
                    description=None,
                    allowed_pattern=None,
                    keyid=None,
                    last_modified_date=utcnow(),
                    version=1,
                    data_type="aws:ec2:image",
                )
            ],
        )
