"""The lab against boto3: a test a behaviour, each docstring naming the fact of AWS that it holds the lab to.

Run by a Python that has `requirements.txt`; `tests/lab.rs` does so within `cargo test`.
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

SERVER = pathlib.Path(__file__).with_name("server.py")
DEBIAN, WINDOWS = "ami-0deb00000000012a0", "ami-0e100000000020220"
TRUST = '{"Version":"2012-10-17","Statement":[]}'
REGION = "us-west-2"


class Server:
    """A lab of one's own."""

    def __init__(self, *flags):
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(SERVER), *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.endpoint = json.loads(self.process.stdout.readline())["endpoint"]

    def client(self, service, region=REGION, **config):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    def ask(self, path, value=None):
        data = None if value is None else json.dumps(value).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/lab/{path}", data)) as answer:
            return json.load(answer)

    def faults(self, *faults):
        self.ask("faults", list(faults))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(60)


def eventually(holds):
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class LabTest(unittest.TestCase):
    """Each test finds the lab empty."""

    FLAGS = ("--boot", "0", "--end", "0", "--stop", "0")

    @classmethod
    def setUpClass(cls):
        cls.lab = Server(*cls.FLAGS)
        cls.ec2, cls.iam = cls.lab.client("ec2"), cls.lab.client("iam")

    @classmethod
    def tearDownClass(cls):
        assert cls.lab.close() == 0

    def setUp(self):
        self.lab.ask("reset", {})

    def run_instances(self, count=1, **more):
        asked = {"ImageId": DEBIAN, "InstanceType": "t3.medium", "MinCount": count, "MaxCount": count, **more}
        return [instance["InstanceId"] for instance in self.ec2.run_instances(**asked)["Instances"]]

    def instance(self, instance_id):
        found = self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return found[0]["Instances"][0]

    def state(self, instance_id):
        return self.instance(instance_id)["State"]["Name"]

    def fails(self, code, call, status=None, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        response = caught.exception.response
        self.assertEqual(response["Error"]["Code"], code, response)
        if status:
            self.assertEqual(response["ResponseMetadata"]["HTTPStatusCode"], status)
        return response["Error"]["Message"]


class SlowStates(LabTest):
    FLAGS = ("--boot", "3600", "--end", "3600", "--stop", "3600", "--image", "3600", "--forget", "3600")

    def time_passes(self):
        self.lab.ask("sooner", {"seconds": 3600})

    def test_states_take_time(self):
        """EC2 instance lifecycle: pending, running, stopping, stopped, shutting-down, terminated."""
        (one,) = self.run_instances()
        self.assertEqual(self.state(one), "pending")
        self.fails("IncorrectInstanceState", self.ec2.stop_instances, InstanceIds=[one])
        self.time_passes()
        self.assertEqual(self.state(one), "running")
        stopping = self.ec2.stop_instances(InstanceIds=[one])["StoppingInstances"][0]
        self.assertEqual(stopping["CurrentState"], {"Code": 64, "Name": "stopping"})
        self.assertEqual(stopping["PreviousState"], {"Code": 16, "Name": "running"})
        self.assertEqual(self.state(one), "stopping")
        self.fails("IncorrectInstanceState", self.ec2.start_instances, InstanceIds=[one])
        self.time_passes()
        self.assertEqual(self.state(one), "stopped")
        self.assertRegex(self.instance(one)["StateTransitionReason"], r"^User initiated \(\d{4}-\d\d-\d\d .* GMT\)$")
        started = self.ec2.start_instances(InstanceIds=[one])["StartingInstances"][0]
        self.assertEqual(started["CurrentState"]["Name"], "pending")
        self.time_passes()
        self.assertEqual(self.state(one), "running")
        ending = self.ec2.terminate_instances(InstanceIds=[one])["TerminatingInstances"][0]
        self.assertEqual(ending["CurrentState"], {"Code": 32, "Name": "shutting-down"})
        self.assertEqual(self.state(one), "shutting-down")
        self.assertEqual(len(self.ec2.describe_volumes()["Volumes"]), 1)
        self.time_passes()
        self.assertEqual(self.state(one), "terminated")
        self.assertEqual(self.ec2.describe_volumes()["Volumes"], [])

    def test_terminated_instances_vanish(self):
        """Terminated instances remain visible for a while, usually one hour."""
        (one,) = self.run_instances()
        self.ec2.terminate_instances(InstanceIds=[one])
        self.time_passes()
        self.assertEqual(self.state(one), "terminated")
        self.time_passes()
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])
        self.fails("InvalidInstanceID.NotFound", self.ec2.describe_instances, InstanceIds=[one])

    def test_an_image_is_pending_first(self):
        """CreateImage returns at once, while the image is still `pending`."""
        (one,) = self.run_instances()
        self.time_passes()
        image = self.ec2.create_image(InstanceId=one, Name="mine")["ImageId"]
        state = lambda: self.ec2.describe_images(ImageIds=[image])["Images"][0]["State"]
        self.assertEqual(state(), "pending")
        self.time_passes()
        self.assertEqual(state(), "available")

    def test_later_makes_old(self):
        """(Of the lab alone: everything becomes older, and what waits is done.)"""
        (one,) = self.run_instances()
        before = self.instance(one)["LaunchTime"]
        self.lab.ask("later", {"seconds": 7200})
        after = self.instance(one)
        self.assertEqual((before - after["LaunchTime"]).total_seconds(), 7200)
        self.assertEqual(after["State"]["Name"], "running")

    def test_sooner_does_what_waits_and_makes_nothing_old(self):
        """(Of the lab alone: for who moves the clock.)"""
        (one,) = self.run_instances()
        before = self.instance(one)["LaunchTime"]
        self.lab.ask("sooner", {"seconds": 7200})
        after = self.instance(one)
        self.assertEqual((before, after["State"]["Name"]), (after["LaunchTime"], "running"))


class Instances(LabTest):
    def test_terminated_stays_terminated(self):
        """Terminating again succeeds and tells the state; a terminated instance cannot be started."""
        (one,) = self.run_instances()
        self.ec2.terminate_instances(InstanceIds=[one])
        self.assertEqual(self.state(one), "terminated")
        again = self.ec2.terminate_instances(InstanceIds=[one])["TerminatingInstances"][0]
        self.assertEqual(again["CurrentState"]["Name"], "terminated")
        self.assertEqual(again["PreviousState"]["Name"], "terminated")
        for call in (self.ec2.start_instances, self.ec2.stop_instances, self.ec2.reboot_instances):
            self.fails("IncorrectInstanceState", call, InstanceIds=[one])
        ended = self.instance(one)
        self.assertEqual((ended["SecurityGroups"], ended["NetworkInterfaces"], ended["BlockDeviceMappings"]), ([], [], []))

    def test_an_unknown_id_fails_the_batch(self):
        """TerminateInstances: if one id is wrong, the request fails and no instance is terminated."""
        (one,) = self.run_instances()
        ids = [one, "i-0123456789abcdef0"]
        self.fails("InvalidInstanceID.NotFound", self.ec2.terminate_instances, InstanceIds=ids)
        self.assertEqual(self.state(one), "running")

    def test_protection_keeps_its_zone(self):
        """TerminateInstances: a protected instance fails the request and keeps all of its Availability Zone."""
        (kept,) = self.run_instances(DisableApiTermination=True)
        (beside,) = self.run_instances()
        (elsewhere,) = self.run_instances(Placement={"AvailabilityZone": "us-west-2b"})
        ids = [beside, elsewhere, kept]
        self.fails("OperationNotPermitted", self.ec2.terminate_instances, InstanceIds=ids)
        self.assertEqual([self.state(one) for one in ids], ["running", "terminated", "running"])
        self.ec2.modify_instance_attribute(InstanceId=kept, DisableApiTermination={"Value": False})
        self.ec2.terminate_instances(InstanceIds=[beside, kept])
        self.assertEqual(self.state(kept), "terminated")

    def test_volumes_follow_delete_on_termination(self):
        """At the end of an instance volumes are deleted, or become available without DeleteOnTermination."""
        mappings = [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9}},
            {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 10, "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdc", "Ebs": {"VolumeSize": 11, "DeleteOnTermination": True}},
        ]
        (one,) = self.run_instances(BlockDeviceMappings=mappings)
        volumes = self.ec2.describe_volumes()["Volumes"]
        self.assertEqual(sorted(volume["Size"] for volume in volumes), [9, 10, 11])
        self.fails("VolumeInUse", self.ec2.delete_volume, VolumeId=volumes[0]["VolumeId"])
        self.ec2.terminate_instances(InstanceIds=[one])
        (left,) = self.ec2.describe_volumes()["Volumes"]
        self.assertEqual((left["Size"], left["State"], left["Attachments"]), (10, "available", []))
        self.ec2.delete_volume(VolumeId=left["VolumeId"])

    def test_client_token(self):
        """RunInstances: the same ClientToken launches once, with other parameters it is refused."""
        first = self.run_instances(ClientToken="t")
        self.assertEqual(self.run_instances(ClientToken="t"), first)
        self.assertEqual(len(self.ec2.describe_instances()["Reservations"]), 1)
        with self.assertRaisesRegex(ClientError, "IdempotentParameterMismatch"):
            self.run_instances(ClientToken="t", InstanceType="t3.large")

    def test_as_many_as_max_count(self):
        """RunInstances launches up to MaxCount."""
        asked = self.ec2.run_instances(ImageId=DEBIAN, InstanceType="t3.medium", MinCount=1, MaxCount=3)
        self.assertEqual(len(asked["Instances"]), 3)

    def test_validation(self):
        """RunInstances refuses unknown images, key pairs, types and instance profiles."""
        for code, wrong in [
            ("InvalidAMIID.NotFound", {"ImageId": "ami-0123456789abcdef0"}),
            ("InvalidKeyPair.NotFound", {"KeyName": "none"}),
            ("InvalidParameterValue", {"InstanceType": "t99.huge"}),
            ("InvalidParameterValue", {"IamInstanceProfile": {"Name": "none"}}),
        ]:
            asked = {"ImageId": DEBIAN, "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1, **wrong}
            with self.subTest(str(wrong)):
                self.fails(code, self.ec2.run_instances, **asked)

    def test_profile_goes_to_all(self):
        """RunInstances gives every instance the profile."""
        self.iam.create_instance_profile(InstanceProfileName="p")
        for one in self.run_instances(2, IamInstanceProfile={"Name": "p"}):
            self.assertTrue(self.instance(one)["IamInstanceProfile"]["Arn"].endswith("/p"))

    def test_attributes_leave_groups_alone(self):
        """ModifyInstanceAttribute changes one attribute."""
        group = self.ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
        (one,) = self.run_instances(SecurityGroupIds=[group])
        self.ec2.modify_instance_attribute(InstanceId=one, InstanceInitiatedShutdownBehavior={"Value": "terminate"})
        name = "instanceInitiatedShutdownBehavior"
        told = self.ec2.describe_instance_attribute(InstanceId=one, Attribute=name)
        self.assertEqual(told["InstanceInitiatedShutdownBehavior"]["Value"], "terminate")
        self.assertEqual(self.instance(one)["SecurityGroups"][0]["GroupId"], group)

    def test_filters(self):
        """DescribeInstances: filters of AWS work, with wildcards; an unknown one is refused."""
        (one,) = self.run_instances(ClientToken="mine", Placement={"AvailabilityZone": "us-west-2b"})
        self.run_instances()
        for name, value in [
            ("client-token", "mi*"),
            ("availability-zone", "us-west-2b"),
            ("instance-id", one),
            ("instance.group-name", "none"),
            ("launch-time", "2001-*"),
        ]:
            found = self.ec2.describe_instances(Filters=[{"Name": name, "Values": [value]}])["Reservations"]
            wanted = [] if name in ("instance.group-name", "launch-time") else [one]
            self.assertEqual([each["Instances"][0]["InstanceId"] for each in found], wanted, name)
        unknown = [{"Name": "colour", "Values": ["red"]}]
        for call in (
            self.ec2.describe_instances,
            self.ec2.describe_images,
            self.ec2.describe_snapshots,
            self.ec2.describe_volumes,
            self.ec2.describe_security_groups,
        ):
            message = self.fails("InvalidParameterValue", call, 400, Filters=unknown)
            self.assertIn("'colour'", message)

    def test_unknown_actions(self):
        """An action that the service does not have is InvalidAction."""
        self.fails("InvalidAction", self.ec2.describe_volume_status, 400)
        self.fails(
            "InvalidAction",
            self.iam.simulate_principal_policy,
            400,
            PolicySourceArn="arn:aws:iam::123456789012:role/r",
            ActionNames=["ec2:RunInstances"],
        )


class OtherThings(LabTest):
    def test_groups_in_use(self):
        """DeleteSecurityGroup of a group that an instance uses or another's rule refers to: DependencyViolation."""
        used, source, free = (
            self.ec2.create_security_group(GroupName=name, Description="d")["GroupId"] for name in ("u", "s", "f")
        )
        own = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
        for group, referred in [(used, source), (free, free)]:
            rule = {**own, "UserIdGroupPairs": [{"GroupId": referred}]}
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        (one,) = self.run_instances(SecurityGroupIds=[used])
        self.ec2.stop_instances(InstanceIds=[one])
        self.fails("DependencyViolation", self.ec2.delete_security_group, GroupId=used)
        self.fails("DependencyViolation", self.ec2.delete_security_group, GroupId=source)
        self.ec2.delete_security_group(GroupId=free)
        self.ec2.terminate_instances(InstanceIds=[one])
        self.ec2.delete_security_group(GroupId=used)
        self.ec2.delete_security_group(GroupId=source)
        (default,) = self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"]
        self.fails("CannotDelete", self.ec2.delete_security_group, GroupId=default["GroupId"])

    def test_key_pairs(self):
        """DeleteKeyPair of none succeeds; fingerprints are as AWS's."""
        self.ec2.delete_key_pair(KeyName="none")
        rsa = self.ec2.create_key_pair(KeyName="rsa")
        self.assertRegex(rsa["KeyFingerprint"], r"^([0-9a-f]{2}:){19}[0-9a-f]{2}$")
        modern = self.ec2.create_key_pair(KeyName="ed", KeyType="ed25519")
        self.assertRegex(modern["KeyFingerprint"], r"^[A-Za-z0-9+/]{43}=$")
        self.ec2.delete_key_pair(KeyPairId=rsa["KeyPairId"])
        self.assertEqual([pair["KeyName"] for pair in self.ec2.describe_key_pairs()["KeyPairs"]], ["ed"])

    def make_image(self, instance, name="mine", **more):
        return self.ec2.create_image(InstanceId=instance, Name=name, **more)["ImageId"]

    def own_snapshots(self):
        return self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]

    def test_create_image(self):
        """CreateImage snapshots every volume, tags both, and wants a new name."""
        mappings = [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 10, "VolumeType": "gp3"}},
            {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 12}},
        ]
        (one,) = self.run_instances(BlockDeviceMappings=mappings)
        tags = [{"ResourceType": kind, "Tags": [{"Key": "k", "Value": kind}]} for kind in ("image", "snapshot")]
        image = self.make_image(one, Description="told", TagSpecifications=tags)
        (told,) = self.ec2.describe_images(Owners=["self"])["Images"]
        self.assertEqual((told["ImageId"], told["Description"]), (image, "told"))
        self.assertEqual(told["Tags"], [{"Key": "k", "Value": "image"}])
        self.assertEqual((told["RootDeviceName"], told["RootDeviceType"]), ("/dev/xvda", "ebs"))
        sizes = {mapping["DeviceName"]: mapping["Ebs"]["VolumeSize"] for mapping in told["BlockDeviceMappings"]}
        self.assertEqual(sizes, {"/dev/xvda": 10, "/dev/sdb": 12})
        snapshots = self.own_snapshots()
        self.assertEqual(sorted(snapshot["VolumeSize"] for snapshot in snapshots), [10, 12])
        for snapshot in snapshots:
            self.assertEqual(snapshot["Description"], f"Created by CreateImage({one}) for {image}")
            self.assertEqual(snapshot["Tags"], [{"Key": "k", "Value": "snapshot"}])
        self.fails("InvalidAMIName.Duplicate", self.make_image, instance=one)
        (copy,) = self.run_instances(ImageId=image)
        devices = {mapping["DeviceName"] for mapping in self.instance(copy)["BlockDeviceMappings"]}
        self.assertEqual(devices, {"/dev/xvda", "/dev/sdb"})

    def test_deregister_image(self):
        """DeregisterImage leaves the snapshots, which are in use before; DeleteAssociatedSnapshots deletes them."""
        (one,) = self.run_instances()
        first, second = self.make_image(one, "first"), self.make_image(one, "second")
        for snapshot in self.own_snapshots():
            self.fails("InvalidSnapshot.InUse", self.ec2.delete_snapshot, SnapshotId=snapshot["SnapshotId"])
        self.ec2.deregister_image(ImageId=first)
        self.assertEqual(len(self.own_snapshots()), 2)
        told = self.ec2.deregister_image(ImageId=second, DeleteAssociatedSnapshots=True)
        self.assertEqual([each["ReturnCode"] for each in told["DeleteSnapshotResults"]], ["success"])
        (left,) = self.own_snapshots()
        self.assertIn(first, left["Description"])
        self.ec2.delete_snapshot(SnapshotId=left["SnapshotId"])
        self.assertEqual(self.own_snapshots(), [])
        self.fails("AuthFailure", self.ec2.deregister_image, ImageId=DEBIAN)

    def test_owners(self):
        """`self` lists what is the account's own, `amazon` what Amazon publishes."""
        self.assertEqual(self.own_snapshots(), [])
        self.assertEqual(self.ec2.describe_images(Owners=["self"])["Images"], [])
        self.assertGreater(len(self.ec2.describe_snapshots()["Snapshots"]), 0)
        (windows,) = self.ec2.describe_images(Owners=["amazon"])["Images"]
        self.assertEqual((windows["ImageId"], windows["Platform"]), (WINDOWS, "windows"))

    def test_roles_and_profiles_in_use(self):
        """DeleteRole with policies or in a profile, and DeleteInstanceProfile with a role: DeleteConflict."""
        iam = self.iam
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
        iam.create_instance_profile(InstanceProfileName="p")
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
        self.fails("DeleteConflict", iam.delete_instance_profile, 409, InstanceProfileName="p")
        self.fails("DeleteConflict", iam.delete_role, 409, RoleName="r")
        iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
        document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}'
        arn = iam.create_policy(PolicyName="managed", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
        self.fails("DeleteConflict", iam.delete_role, 409, RoleName="r")
        iam.detach_role_policy(RoleName="r", PolicyArn=arn)
        iam.put_role_policy(RoleName="r", PolicyName="inline", PolicyDocument=document)
        self.fails("DeleteConflict", iam.delete_role, 409, RoleName="r")
        iam.delete_role_policy(RoleName="r", PolicyName="inline")
        iam.delete_role(RoleName="r")
        iam.delete_instance_profile(InstanceProfileName="p")

    def test_dry_run(self):
        """DryRun is answered with DryRunOperation, 412, and changes nothing."""
        (one,) = self.run_instances()
        image = self.make_image(one)
        snapshot, volume = self.own_snapshots()[0], self.ec2.describe_volumes()["Volumes"][0]
        group = self.ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
        launch = {"ImageId": DEBIAN, "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1}
        for action, arguments in {
            "describe_instances": {},
            "describe_images": {},
            "describe_snapshots": {},
            "describe_volumes": {},
            "describe_security_groups": {},
            "describe_key_pairs": {},
            "describe_regions": {},
            "terminate_instances": {"InstanceIds": [one]},
            "deregister_image": {"ImageId": image},
            "delete_snapshot": {"SnapshotId": snapshot["SnapshotId"]},
            "delete_volume": {"VolumeId": volume["VolumeId"]},
            "delete_key_pair": {"KeyName": "k"},
            "delete_security_group": {"GroupId": group},
            "run_instances": launch,
            "create_tags": {"Resources": [one], "Tags": [{"Key": "k", "Value": "v"}]},
        }.items():
            with self.subTest(action):
                self.fails("DryRunOperation", getattr(self.ec2, action), 412, DryRun=True, **arguments)
        self.assertEqual(self.state(one), "running")
        self.assertNotIn("Tags", self.instance(one))


    def test_network_interfaces(self):
        """RunInstances tags network interfaces, which end with their instance."""
        tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "k", "Value": "v"}]}]
        (one,) = self.run_instances(TagSpecifications=tags)
        named = [{"Name": "tag:k", "Values": ["v"]}]
        (nic,) = self.ec2.describe_network_interfaces(Filters=named)["NetworkInterfaces"]
        self.assertEqual((nic["Attachment"]["InstanceId"], nic["Attachment"]["DeleteOnTermination"]), (one, True))
        self.assertEqual(nic["TagSet"], [{"Key": "k", "Value": "v"}])
        self.ec2.terminate_instances(InstanceIds=[one])
        self.assertEqual(self.ec2.describe_network_interfaces()["NetworkInterfaces"], [])

    def test_capacity(self):
        """A zone may lack a type; without a zone in the call AWS takes another one. What it does not offer is Unsupported."""
        self.lab.ask("capacity", [{"zone": "us-west-2a", "type": "c5.9xlarge"}])
        zone = lambda one: self.instance(one)["Placement"]["AvailabilityZone"]
        (one,) = self.run_instances(InstanceType="c5.9xlarge")
        self.assertEqual(zone(one), "us-west-2b")
        (other,) = self.run_instances(InstanceType="c5.large")
        self.assertEqual(zone(other), "us-west-2a")
        launch = {"ImageId": DEBIAN, "InstanceType": "c5.9xlarge", "MinCount": 1, "MaxCount": 1}
        placed = {**launch, "Placement": {"AvailabilityZone": "us-west-2a"}}
        message = self.fails("InsufficientInstanceCapacity", self.ec2.run_instances, 500, **placed)
        self.assertIn("us-west-2b", message)
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-west-2a"]}])["Subnets"]
        self.fails("InsufficientInstanceCapacity", self.ec2.run_instances, **launch, SubnetId=subnets[0]["SubnetId"])
        self.lab.ask("capacity", [{"type": "c5.9xlarge"}])
        self.fails("InsufficientInstanceCapacity", self.ec2.run_instances, 500, **launch)
        self.lab.ask("capacity", [])
        self.run_instances(InstanceType="c5.9xlarge", Placement={"AvailabilityZone": "us-west-2a"})
        offered = self.ec2.describe_instance_type_offerings(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["c5d.large"]}]
        )["InstanceTypeOfferings"]
        zones = {each["Location"] for each in offered}
        self.assertIn("us-west-2a", zones)
        lacking = {f"us-west-2{letter}" for letter in "abcd"} - zones
        for each in lacking:
            wrong = {**launch, "InstanceType": "c5d.large", "Placement": {"AvailabilityZone": each}}
            self.fails("Unsupported", self.ec2.run_instances, 400, **wrong)

    def test_instance_types(self):
        """DescribeInstanceTypes tells of processors and of disks of an instance's own."""
        names = ["c5.large", "c6i.xlarge", "t3.medium", "m6i.large", "c5d.2xlarge"]
        told = {each["InstanceType"]: each for each in self.ec2.describe_instance_types(InstanceTypes=names)["InstanceTypes"]}
        self.assertEqual({name: told[name]["VCpuInfo"]["DefaultVCpus"] for name in names}, dict(zip(names, [2, 4, 2, 2, 8])))
        self.assertEqual([name for name in names if told[name]["InstanceStorageSupported"]], ["c5d.2xlarge"])
        for each in told.values():
            self.assertEqual(each["ProcessorInfo"]["SupportedArchitectures"], ["x86_64"])
            self.assertGreater(each["MemoryInfo"]["SizeInMiB"], 0)

    def test_user_data(self):
        """User data of more than 16,384 bytes is refused; less is given back."""
        most = "#" + "x" * 16383
        (one,) = self.run_instances(UserData=most)
        told = self.ec2.describe_instance_attribute(InstanceId=one, Attribute="userData")["UserData"]["Value"]
        self.assertEqual(base64.b64decode(told).decode(), most)
        launch = {"ImageId": DEBIAN, "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1}
        self.fails("InvalidParameterValue", self.ec2.run_instances, 400, **launch, UserData=most + "x")

    def test_public_parameters(self):
        """Debian and Ubuntu publish their newest images in Parameter Store."""
        for region in (REGION, "eu-west-1"):
            ssm = self.lab.client("ssm", region)
            read = lambda name: ssm.get_parameter(Name=f"/aws/service/{name}")["Parameter"]["Value"]
            self.assertEqual(read("debian/release/12/latest/amd64"), DEBIAN)
            self.assertEqual(read("debian/release/13/latest/amd64"), "ami-0deb00000000013a0")
            for number, volume in (("22.04", "gp2"), ("24.04", "gp3")):
                image = read(f"canonical/ubuntu/server/{number}/stable/current/amd64/hvm/ebs-{volume}/ami-id")
                (told,) = self.lab.client("ec2", region).describe_images(ImageIds=[image])["Images"]
                self.assertIn(f"-{number}-amd64-server-", told["Name"])
            self.fails("ParameterNotFound", ssm.get_parameter, 400, Name="/aws/service/debian/release/9/latest/amd64")

    def test_address(self):
        """checkip.amazonaws.com answers with the caller's address as a line."""
        with urllib.request.urlopen(f"{self.lab.endpoint}/lab/address") as answer:
            self.assertEqual(answer.read(), b"127.0.0.1\n")

    def test_imported_key_pairs(self):
        """ImportKeyPair tells the fingerprint: of ED25519 SHA-256 in base64 as OpenSSH shows it."""
        public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE2dA/yJYtzXpLNWYBxJYGlYVZTjcXcIJCUDAvdm5ZUZ"
        told = self.ec2.import_key_pair(KeyName="k", PublicKeyMaterial=public)
        blob = base64.b64decode(public.split()[1])
        self.assertEqual(told["KeyFingerprint"], base64.b64encode(hashlib.sha256(blob).digest()).decode())


class LateSight(LabTest):
    FLAGS = (*LabTest.FLAGS, "--consistent", "3600", "--iam", "3600", "--image", "3600")

    def test_a_launched_instance_is_not_seen_yet(self):
        """DescribeInstances right after RunInstances: InvalidInstanceID.NotFound by id, and not listed."""
        (one,) = self.run_instances()
        self.fails("InvalidInstanceID.NotFound", self.ec2.describe_instances, 400, InstanceIds=[one])
        named = [{"Name": "instance-state-name", "Values": ["running"]}]
        self.assertEqual(self.ec2.describe_instances(Filters=named)["Reservations"], [])
        self.lab.ask("sooner", {"seconds": 3600})
        self.assertEqual(self.state(one), "running")

    def test_a_new_profile_is_not_known_yet(self):
        """RunInstances with a new instance profile: InvalidParameterValue, for some seconds."""
        self.iam.create_instance_profile(InstanceProfileName="p")
        with self.assertRaisesRegex(ClientError, "InvalidParameterValue.*iamInstanceProfile.name"):
            self.run_instances(IamInstanceProfile={"Name": "p"})
        self.lab.ask("sooner", {"seconds": 3600})
        self.run_instances(IamInstanceProfile={"Name": "p"})

    def test_a_pending_image_cannot_be_launched(self):
        """RunInstances of an image that is not available: InvalidAMIID.Unavailable."""
        (one,) = self.run_instances()
        image = self.ec2.create_image(InstanceId=one, Name="mine")["ImageId"]
        with self.assertRaisesRegex(ClientError, "InvalidAMIID.Unavailable"):
            self.run_instances(ImageId=image)
        self.lab.ask("sooner", {"seconds": 3600})
        self.run_instances(ImageId=image)


class Pages(LabTest):
    FLAGS = (*LabTest.FLAGS, "--page", "2")

    def listed(self, client, action, key, **arguments):
        pages = list(client.get_paginator(action).paginate(**arguments))
        self.assertTrue(all(len(page[key]) <= 2 for page in pages), action)
        return [item for page in pages for item in page[key]]

    def test_ec2_pages(self):
        """NextToken may be given although nobody asked for pages: the first answer is not everything."""
        ids = self.run_instances(5)
        first = self.ec2.describe_instances()
        self.assertEqual(len(first["Reservations"][0]["Instances"]), 2)
        self.assertIn("NextToken", first)
        found = self.listed(self.ec2, "describe_instances", "Reservations", PaginationConfig={"PageSize": 5})
        self.assertEqual([one["InstanceId"] for each in found for one in each["Instances"]], ids)
        for number, one in enumerate(ids[:3]):
            self.ec2.create_image(InstanceId=one, Name=f"image {number}")
            self.ec2.create_security_group(GroupName=f"group {number}", Description="d")
            self.ec2.create_key_pair(KeyName=f"pair {number}")
        self.assertEqual(len(self.listed(self.ec2, "describe_images", "Images", Owners=["self"])), 3)
        self.assertEqual(len(self.listed(self.ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"])), 3)
        self.assertEqual(len(self.listed(self.ec2, "describe_volumes", "Volumes")), 5)
        self.assertEqual(len(self.listed(self.ec2, "describe_security_groups", "SecurityGroups")), 4)
        self.assertEqual(len(self.ec2.describe_key_pairs()["KeyPairs"]), 3)
        by_id = self.ec2.describe_instances(InstanceIds=ids)
        self.assertEqual(len(by_id["Reservations"][0]["Instances"]), 5)
        asked = {"InstanceIds": ids, "MaxResults": 5}
        self.fails("InvalidParameterCombination", self.ec2.describe_instances, **asked)

    def test_a_page_begins_after_the_last(self):
        """What is deleted between two pages does not hide what follows."""
        volumes = [
            self.ec2.create_volume(AvailabilityZone="us-west-2a", Size=1)["VolumeId"] for _ in range(4)
        ]
        token = self.ec2.describe_volumes()["NextToken"]
        self.ec2.delete_volume(VolumeId=volumes[0])
        rest = self.ec2.describe_volumes(NextToken=token)["Volumes"]
        self.assertEqual([volume["VolumeId"] for volume in rest], volumes[2:])

    def test_iam_pages(self):
        """IAM lists by Marker, and may give fewer than MaxItems."""
        for number in range(3):
            self.iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=TRUST)
            self.iam.create_instance_profile(InstanceProfileName=f"p{number}")
            document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
            policy = self.iam.create_policy(PolicyName=f"m{number}", PolicyDocument=document)["Policy"]
            self.iam.attach_role_policy(RoleName="r0", PolicyArn=policy["Arn"])
        self.assertTrue(self.iam.list_roles()["IsTruncated"])
        self.assertEqual(len(self.listed(self.iam, "list_roles", "Roles")), 3)
        self.assertEqual(len(self.listed(self.iam, "list_instance_profiles", "InstanceProfiles")), 3)
        attached = self.listed(self.iam, "list_attached_role_policies", "AttachedPolicies", RoleName="r0")
        self.assertEqual(len(attached), 3)


class Faults(LabTest):
    """(Of the lab: how AWS fails, on request.)"""

    def test_throttle(self):
        """EC2 throttles with RequestLimitExceeded (503), IAM and STS with Throttling (400)."""
        self.lab.faults({"kind": "throttle"})
        self.fails("RequestLimitExceeded", self.ec2.describe_instances, 503)
        self.fails("Throttling", self.iam.list_roles, 400)
        self.fails("Throttling", self.lab.client("sts").get_caller_identity, 400)

    def outcomes(self):
        found = []
        for _ in range(20):
            try:
                self.ec2.describe_key_pairs()
                found.append(True)
            except ClientError:
                found.append(False)
        return found

    def test_throttle_by_rate(self):
        """A share of the calls, the same ones for the same seed."""
        rows = []
        for _ in range(2):
            self.lab.faults({"kind": "throttle", "rate": 0.5, "seed": 7, "actions": ["DescribeKeyPairs"]})
            rows.append(self.outcomes())
        self.assertEqual(rows[0], rows[1])
        self.assertEqual(set(rows[0]), {True, False})
        self.ec2.describe_volumes()

    def test_error(self):
        """An error of one's choice, so often, of one thing only."""
        fault = {"kind": "error", "action": "DeleteKeyPair", "code": "Odd", "message": "so <odd>", "times": 1}
        self.lab.faults({**fault, "id": "k", "status": 409})
        self.ec2.delete_key_pair(KeyName="other")
        self.assertEqual(self.fails("Odd", self.ec2.delete_key_pair, 409, KeyName="k"), "so <odd>")
        self.ec2.delete_key_pair(KeyName="k")

    def test_denied(self):
        """Without permission EC2 says UnauthorizedOperation (403), to a dry run too, and IAM AccessDenied."""
        self.lab.faults({"kind": "denied", "actions": ["TerminateInstances", "ListRoles"]})
        ids = ["i-0123456789abcdef0"]
        self.fails("UnauthorizedOperation", self.ec2.terminate_instances, 403, InstanceIds=ids, DryRun=True)
        self.fails("AccessDenied", self.iam.list_roles, 403)
        self.iam.list_instance_profiles()

    def test_expired(self):
        """Expired session credentials: RequestExpired of EC2, ExpiredToken of IAM and STS."""
        self.lab.faults({"kind": "expired", "after": 1})
        self.ec2.describe_volumes()
        self.fails("RequestExpired", self.ec2.describe_volumes, 400)
        self.fails("ExpiredToken", self.iam.list_roles, 403)

    def test_slow(self):
        """An answer may take its time; others do not wait for it."""
        self.lab.faults({"kind": "slow", "action": "DescribeVolumes", "seconds": 3})
        begun = time.monotonic()
        other = threading.Thread(target=self.ec2.describe_volumes)
        other.start()
        self.lab.client("ec2").describe_key_pairs()
        self.assertTrue(other.is_alive())
        other.join()
        self.assertGreaterEqual(time.monotonic() - begun, 3)

    def test_lost(self):
        """A call may have been carried out although no answer comes."""
        (one,) = self.run_instances()
        self.lab.faults({"kind": "lost", "action": "TerminateInstances", "times": 1})
        with self.assertRaises(botocore.exceptions.HTTPClientError):
            self.ec2.terminate_instances(InstanceIds=[one])
        self.assertEqual(self.state(one), "terminated")
        (lost,) = [call for call in self.lab.ask("calls") if call["status"] == "lost"]
        self.assertEqual((lost["action"], lost["params"]), ("TerminateInstances", {"InstanceId.1": one}))

    def test_down(self):
        """A region may be out of reach while others are not."""
        self.lab.faults({"kind": "down", "region": "eu-west-1"})
        with self.assertRaises(botocore.exceptions.HTTPClientError):
            self.lab.client("ec2", "eu-west-1").describe_volumes()
        self.ec2.describe_volumes()

    def test_hang(self):
        """A call may never be answered."""
        self.lab.faults({"kind": "hang", "action": "DescribeVolumes"})
        with self.assertRaises(botocore.exceptions.ReadTimeoutError):
            self.lab.client("ec2", read_timeout=0.3).describe_volumes()
        self.ec2.describe_key_pairs()

    def test_calls_are_listed(self):
        """Every call is in the list, with what it was about and how it ended."""
        self.ec2.describe_volumes()
        with self.assertRaises(ClientError):
            self.ec2.delete_volume(VolumeId="vol-0123456789abcdef0")
        self.iam.list_roles()
        calls = self.lab.ask("calls")
        told = [(call["n"], call["service"], call["region"], call["action"], call["status"]) for call in calls]
        wanted = [
            (1, "ec2", REGION, "DescribeVolumes", 200),
            (2, "ec2", REGION, "DeleteVolume", 400),
            (3, "iam", "us-east-1", "ListRoles", 200),
        ]
        self.assertEqual(told, wanted)
        self.assertEqual(calls[1]["params"], {"VolumeId": "vol-0123456789abcdef0"})
        self.lab.ask("calls/clear", {})
        self.assertEqual(self.lab.ask("calls"), [])

    def test_wrong_faults_are_refused(self):
        """A misspelt fault is no fault."""
        for wrong in ({"kind": "odd"}, {"kind": "lost", "actoin": "X"}, {"kind": "error"}, {}):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                self.lab.faults(wrong)
            self.assertEqual(caught.exception.code, 400)
            caught.exception.close()


if __name__ == "__main__":
    unittest.main()
