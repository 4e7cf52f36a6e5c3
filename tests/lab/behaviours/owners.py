"""DescribeSnapshots with OwnerIds and DescribeImages with Owners give what belongs to those accounts.

`self` is the account's own; `amazon` is what Amazon itself publishes. moto gives all snapshots whatever the owner, and
takes every image for Amazon's.
"""

import copy

from moto.ec2.models import amis
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from lab import around

AMAZON = ("801119661308", "137112412989")


def install(_):
    published = copy.deepcopy(amis.AMIS)

    @around(amis.AmiBackend, "_load_amis")
    def load(original, backend):
        # moto reads the dates within the list itself, and fails on it for the second region
        amis.AMIS = copy.deepcopy(published)
        original(backend)
        for image in backend.amis.values():
            image.owner_alias = "amazon" if image.owner_id in AMAZON else None

    @around(ElasticBlockStore, "describe_snapshots")
    def describe(original, response):
        result = original(response)
        owners = set(response._get_param("OwnerIds", []))
        if owners:
            account = response.ec2_backend.account_id
            whose = {account if owner == "self" else owner for owner in owners - {"amazon"}}
            whose |= set(AMAZON) if "amazon" in owners else set()
            listed = result.result["Snapshots"]
            result.result["Snapshots"] = [snapshot for snapshot in listed if snapshot.owner_id in whose]
        return result
