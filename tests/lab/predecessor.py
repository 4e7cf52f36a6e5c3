"""Lets Mercurial's own automation, the predecessor, make or remove what it makes on EC2 and IAM: strays as they really are.

    predecessor.py SOURCE state|terminate|purge --state-path FOLDER [--region R] [--linux N] [--windows N] [--no-image]
    predecessor.py SOURCE fingerprint --state-path FOLDER
    predecessor.py SOURCE run --state-path FOLDER [-- WORDS FOR run-tests.py]

SOURCE is an extracted source distribution of Mercurial; its `contrib/automation/hgautomation` is imported and called as
it is, against AWS_ENDPOINT_URL, which has to be on the loopback interface. Only its connections into machines have
stand-ins, since there are no machines, and its waits are cut short. `state` leaves what a killed predecessor leaves: key
pair, groups, role, profile, an image that it bakes, and instances that nobody ends. Standard output is one line of JSON
on what there is afterwards, and the error if the predecessor failed; the exit code is then 1. The server has to have
been started with `--iam-policies`.

`fingerprint` tells besides which fingerprint it wants of its image for Debian 10, and makes key pair, groups and all that
comes before. `run` has no stand-ins and prints what the predecessor prints, line by line: it is its own command line in a
SOURCE that is a repository with `contrib/automation` and `hg` in it, with the exit code that it has.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import sys
import time
import unittest.mock
import urllib.parse

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PREFIX = "hg-"
WAIT = 0.2
TWINE = ("twine", "twine.commands", "twine.commands.upload", "twine.settings")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("what", choices=sorted(SUBCOMMANDS))
    parser.add_argument("--state-path", type=pathlib.Path, required=True)
    parser.add_argument("--region", default="us-west-2")
    parser.add_argument("--linux", type=int, default=2)
    parser.add_argument("--windows", type=int, default=1)
    parser.add_argument("--no-image", dest="image", action="store_false")
    ours, _, words = "\0".join(sys.argv[1:]).partition("\0--\0")
    options = parser.parse_args(ours.split("\0"))
    options.words = words.split("\0") if words else []
    return options


def import_predecessor(options):
    """Imports a copy of it, to which a file is added that it reads and its source distribution forgot."""
    copy = options.state_path / "automation"
    if not copy.exists():
        shutil.copytree(options.source / "contrib" / "automation", copy)
        (copy / "linux-requirements-py3.5.txt").touch()
    sys.path.insert(0, str(copy))
    import hgautomation.aws

    return hgautomation


def stand_in(aws, client):
    """Connections into machines succeed once the machine runs, and commands there too."""

    def until_running(address, *_, **__):
        wanted = [{"Name": "ip-address", "Values": [address]}]
        while True:
            found = client.describe_instances(Filters=wanted)["Reservations"]
            if found and found[0]["Instances"][0]["State"]["Name"] == "running":
                return unittest.mock.MagicMock()
            time.sleep(WAIT)

    def run(*_):
        channel = unittest.mock.MagicMock()
        channel.recv_exit_status.return_value = 0
        return channel, unittest.mock.MagicMock(), []

    aws.wait_for_ssh = aws.wait_for_winrm = until_running
    aws.ssh_exec_command = run
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds, WAIT))


def make_state(automation, options):
    aws = automation.aws
    connection = automation.HGAutomation(options.state_path).aws_connection(options.region)
    stand_in(aws, connection.ec2client)
    if options.image:
        image = aws.ensure_linux_dev_ami(connection)
    else:
        image = aws.find_image(connection.ec2resource, aws.DEBIAN_ACCOUNT_ID_2, "debian-10-amd64-20190909-10")
    left = [aws.temporary_linux_dev_instances(connection, image, "c5.4xlarge") for _ in range(options.linux)]
    windows = aws.find_image(
        connection.ec2resource, aws.AMAZON_ACCOUNT_ID, aws.WINDOWS_BASE_IMAGE_NAME, reverse_sort_field="name"
    )
    left += [aws.temporary_windows_dev_instances(connection, windows, "m6i.large") for _ in range(options.windows)]
    for context in left:
        context.__enter__()
    # kept from being closed, which would terminate them: the process ends without a goodbye
    return left


def terminate(automation, options):
    connection = automation.HGAutomation(options.state_path).aws_connection(options.region, ensure_ec2_state=False)
    stand_in(automation.aws, connection.ec2client)
    automation.aws.terminate_ec2_instances(connection.ec2resource)


def purge(automation, options):
    connection = automation.HGAutomation(options.state_path).aws_connection(options.region, ensure_ec2_state=False)
    stand_in(automation.aws, connection.ec2client)
    automation.aws.remove_resources(connection)


def fingerprint(automation, options):
    aws = automation.aws
    connection = automation.HGAutomation(options.state_path).aws_connection(options.region)

    class Asked(Exception):
        pass

    def ask(_, name, wanted):
        told.update(image=name, fingerprint=wanted)
        raise Asked

    aws.find_and_reconcile_image = ask
    with contextlib.suppress(Asked):
        aws.ensure_linux_dev_ami(connection)


def run(options):
    sys.path.insert(0, str(options.source / "contrib" / "automation"))
    # it uploads with it, which nobody asks for here
    sys.modules.update({name: unittest.mock.MagicMock() for name in TWINE})
    import hgautomation.cli

    sys.stdout.reconfigure(line_buffering=True)
    sys.argv = ["automation.py", "--state-path", str(options.state_path), "--aws-region", options.region]
    sys.argv += ["run-tests-linux", "--", *options.words]
    hgautomation.cli.main()


SUBCOMMANDS = {"state": make_state, "terminate": terminate, "purge": purge, "fingerprint": fingerprint, "run": None}
# what is told besides
told = {}


def what_there_is(region):
    """All of the region and of IAM that is the predecessor's by name, and all instances that have not ended."""
    import boto3

    ec2, iam = boto3.client("ec2", region_name=region), boto3.client("iam", region_name=region)

    def pages(client, action, key, **arguments):
        return [item for page in client.get_paginator(action).paginate(**arguments) for item in page[key]]

    def ours(items, key):
        return sorted(item[key] for item in items if item[key].startswith(PREFIX))

    reservations = pages(ec2, "describe_instances", "Reservations")
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    told = {"image": "ImageId", "key": "KeyName", "type": "InstanceType", "platform": "Platform", "tags": "Tags"}
    return {
        "instances": [
            {
                "id": instance["InstanceId"],
                "state": instance["State"]["Name"],
                "groups": [group["GroupName"] for group in instance["SecurityGroups"]],
                **{name: instance.get(key) for name, key in told.items()},
            }
            for instance in instances
            if instance["State"]["Name"] != "terminated"
        ],
        "images": [
            {
                "id": image["ImageId"],
                "name": image["Name"],
                "snapshots": [mapping["Ebs"]["SnapshotId"] for mapping in image["BlockDeviceMappings"]],
            }
            for image in pages(ec2, "describe_images", "Images", Owners=["self"])
        ],
        "snapshots": [each["SnapshotId"] for each in pages(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"])],
        "volumes": [volume["VolumeId"] for volume in pages(ec2, "describe_volumes", "Volumes")],
        "key_pairs": ours(ec2.describe_key_pairs()["KeyPairs"], "KeyName"),
        "security_groups": ours(pages(ec2, "describe_security_groups", "SecurityGroups"), "GroupName"),
        "roles": ours(pages(iam, "list_roles", "Roles"), "RoleName"),
        "profiles": ours(pages(iam, "list_instance_profiles", "InstanceProfiles"), "InstanceProfileName"),
    }


def main():
    options = read_options()
    endpoint = urllib.parse.urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname
    if endpoint not in LOOPBACK:
        sys.exit("AWS_ENDPOINT_URL has to be on the loopback interface")
    options.state_path.mkdir(parents=True, exist_ok=True)
    if options.what == "run":
        return run(options)
    error = kept = None
    with contextlib.redirect_stdout(sys.stderr):
        try:
            kept = SUBCOMMANDS[options.what](import_predecessor(options), options)
        except Exception as why:
            error = f"{type(why).__name__}: {why}"
    print(json.dumps({"error": error, **told, **what_there_is(options.region)}), flush=True)
    sys.stderr.flush()
    os._exit(1 if error else 0)


if __name__ == "__main__":
    main()
