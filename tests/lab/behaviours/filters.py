"""Filters: those of DescribeInstances that moto lacks, with wildcards; an unknown one is an InvalidParameterValue.

Values of a filter are alternatives, `*` and `?` stand for anything. moto ends with an internal error on a filter that it
does not know, known to AWS or not.
"""

import fnmatch

from moto.ec2 import utils
from moto.ec2.exceptions import FilterNotImplementedError
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.security_groups import SecurityGroup

from lab import Refusal, around

GROUP_IDS = ("group-id", "instance.group-id", "network-interface.group-id")
GROUP_NAMES = ("group-name", "instance.group-name", "network-interface.group-name")
OWN = {
    "availability-zone": lambda instance: instance.availability_zone,
    "client-token": lambda instance: instance.client_token,
    "hypervisor": lambda instance: instance.hypervisor,
    "iam-instance-profile.arn": lambda instance: (instance.iam_instance_profile or {}).get("Arn"),
    "instance-lifecycle": lambda instance: instance.lifecycle,
    "instance-state-code": lambda instance: str(instance.state_code),
    "launch-time": lambda instance: instance.launch_time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "platform": lambda instance: instance.platform,
    "root-device-name": lambda instance: instance.root_device_name,
    "root-device-type": lambda instance: instance.root_device_type,
    "virtualization-type": lambda instance: instance.virtualization_type,
    **{name: lambda instance: [group.id for group in instance.security_groups] for name in GROUP_IDS},
    **{name: lambda instance: [group.name for group in instance.security_groups] for name in GROUP_NAMES},
}


def invalid(name):
    return Refusal("InvalidParameterValue", f"The filter '{name}' is invalid")


def value_of(instance, name):
    if name in OWN:
        return OWN[name](instance)
    if name in utils.filter_dict_attribute_mapping:
        return utils.get_object_value(instance, utils.filter_dict_attribute_mapping[name])
    raise invalid(name)


def matches(value, patterns):
    values = value if isinstance(value, list) else [value]
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values if value is not None]
    return any(fnmatch.fnmatchcase(text, pattern) for text in texts for pattern in patterns)


def install(_):
    def instance_passes(instance, filters):
        for name, patterns in filters.items():
            if utils.is_tag_filter(name):
                if not utils.tag_filter_matches(instance, name, patterns):
                    return False
            elif not matches(value_of(instance, name), patterns):
                return False
        return True

    utils.passes_filter_dict = instance_passes

    @around(TaggedEC2Resource, "get_filter_value")
    def value(original, thing, name, method=None):
        try:
            return original(thing, name, method)
        except FilterNotImplementedError as why:
            raise invalid(name) from why

    @around(SecurityGroup, "matches_filter")
    def group_matches(original, group, name, patterns):
        if not utils.is_tag_filter(name) and name not in group.filters:
            raise invalid(name)
        return original(group, name, patterns)
