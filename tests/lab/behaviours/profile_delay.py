"""IAM is eventually consistent: EC2 does not know a new instance profile at once.

RunInstances with it is an InvalidParameterValue as for one that does not exist. How long: `--iam`.
"""

from moto.ec2.responses import instances
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend

from lab import around


def install(lab):
    @around(IAMBackend, "create_instance_profile")
    def create(original, backend, *args, **kwargs):
        profile = original(backend, *args, **kwargs)
        profile.known = False
        lab.after(lab.options.iam, lambda: setattr(profile, "known", True))
        return profile

    @around(instances, "filter_iam_instance_profiles")
    def find(original, *args, **kwargs):
        profile = original(*args, **kwargs)
        if profile is not None and not getattr(profile, "known", True):
            raise NotFoundException(f"Instance profile {profile.name} not found")
        return profile
