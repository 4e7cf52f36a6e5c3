"""Lists come in pages: EC2's by MaxResults and NextToken, IAM's by MaxItems and Marker.

A page may hold fewer than asked for and still be followed by another, whether or not one asked for pages; `--page` is
the most that any holds. EC2 counts instances, so that a reservation may go over several pages. MaxResults together with
ids is an InvalidParameterCombination, and what is asked for by id comes in one piece. IAM's pages hold 100 by default.
"""

import base64
import copy
import json

from moto.core.responses import ActionResult
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.security_groups import SecurityGroups
from moto.iam.responses import IamResponse

from lab import Refusal, around

EC2 = [
    (InstanceResponse, "describe_instances", "Reservations", ("InstanceIds",)),
    (AmisResponse, "describe_images", "Images", ("ImageIds",)),
    (ElasticBlockStore, "describe_snapshots", "Snapshots", ("SnapshotIds",)),
    (ElasticBlockStore, "describe_volumes", "Volumes", ("VolumeIds",)),
    (SecurityGroups, "describe_security_groups", "SecurityGroups", ("GroupIds", "GroupNames")),
]
IAM = {
    "list_roles": "Roles",
    "list_instance_profiles": "InstanceProfiles",
    "list_instance_profiles_for_role": "InstanceProfiles",
    "list_attached_role_policies": "AttachedPolicies",
    "list_role_policies": "PolicyNames",
    "list_policies": "Policies",
}
IAM_DEFAULT = 100
ALL = 10**9


def name_of(item):
    """What tells one item of a list from the others."""
    if isinstance(item, tuple):
        return name_of(item[1])
    if isinstance(item, dict):
        return json.dumps(item, sort_keys=True, default=str)
    return item if isinstance(item, str) else item.id if hasattr(item, "id") else item.name


def token_after(index, item):
    return base64.b64encode(json.dumps([index, name_of(item)]).encode()).decode()


def start_of(token, items):
    """Where the page of a token begins: after its item, or where that was if it is gone."""
    if not token:
        return 0
    try:
        index, name = json.loads(base64.b64decode(token))
    except ValueError as why:
        raise Refusal("InvalidParameterValue", f"Unable to parse pagination token: {token}") from why
    names = [name_of(item) for item in items]
    return names.index(name) + 1 if name in names else index


def page_of(items, token, size):
    """The items of a page, and the token of the next one."""
    start = start_of(token, items)
    page = items[start : start + size]
    more = start + size < len(items)
    return page, token_after(start + size - 1, page[-1]) if more and page else None


def instances_of(reservations):
    return [(reservation, instance) for reservation in reservations for instance in reservation.instances]


def reservations_of(pairs):
    found = {}
    for reservation, instance in pairs:
        if reservation.id not in found:
            found[reservation.id] = copy.copy(reservation)
            found[reservation.id].instances = []
        found[reservation.id].instances.append(instance)
    return list(found.values())


def install(lab):
    def page_ec2(owner, method, key, ids):
        @around(owner, method)
        def describe(original, response):
            asked = response.params.pop("MaxResults", None)
            token = response.params.pop("NextToken", None)
            by_id = any(response.params.get(name) for name in ids)
            if by_id and asked is not None:
                message = f"The parameter {ids[0]} cannot be used with the parameter MaxResults"
                raise Refusal("InvalidParameterCombination", message)
            if method == "describe_instances":
                response.data.pop("MaxResults", None)
                response.params["MaxResults"] = ALL
            result = original(response).result
            if by_id:
                result["NextToken"] = None
                return ActionResult(result)
            items = instances_of(result[key]) if key == "Reservations" else result[key]
            page, result["NextToken"] = page_of(items, token, min(int(asked or ALL), lab.options.page))
            result[key] = reservations_of(page) if key == "Reservations" else page
            return ActionResult(result)

    def page_iam(method, key):
        @around(IamResponse, method)
        def list_(original, response):
            asked = int(response.params.pop("MaxItems", IAM_DEFAULT))
            token = response.params.pop("Marker", None)
            response.params["MaxItems"] = ALL
            result = original(response).result
            result[key], result["Marker"] = page_of(list(result[key]), token, min(asked, lab.options.page))
            result["IsTruncated"] = result["Marker"] is not None
            return ActionResult(result)

    for row in EC2:
        page_ec2(*row)
    for row in IAM.items():
        page_iam(*row)
