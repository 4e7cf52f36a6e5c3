"""The lab's Systems Manager against boto3: a test a behaviour, each docstring naming the fact of AWS.

Run by a Python that has `requirements.txt`; `tests/lab.rs` does so within `cargo test`.
"""

import hashlib
import os
import pathlib
import subprocess
import tempfile
import time
import unittest
import urllib.request

from test_lab import TRUST, LabTest, eventually

DOCUMENT = "AWS-RunShellScript"


class SsmTest(LabTest):
    FLAGS = (*LabTest.FLAGS, "--ssm-here", "--ssm-delay", "0.02")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ssm = cls.lab.client("ssm")

    def setUp(self):
        super().setUp()
        policy = self.iam.create_policy(
            PolicyName="AmazonSSMManagedInstanceCore",
            PolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssm:*","Resource":"*"}}',
        )
        self.iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
        self.iam.create_instance_profile(InstanceProfileName="p")
        self.iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
        self.policy = policy["Policy"]["Arn"]
        self.iam.attach_role_policy(RoleName="r", PolicyArn=self.policy)
        (self.one,) = self.run_instances(1, IamInstanceProfile={"Name": "p"})

    def send(self, script, *, to=None, seconds="60", **more):
        parameters = {"commands": script.split("\n"), "executionTimeout": [seconds]}
        sent = self.ssm.send_command(
            DocumentName=DOCUMENT, InstanceIds=[to or self.one], Parameters=parameters, **more
        )
        self.assertEqual(sent["Command"]["Status"], "Pending")
        return sent["Command"]["CommandId"]

    def look(self, command):
        return self.ssm.get_command_invocation(CommandId=command, InstanceId=self.one)

    def end(self, command):
        eventually(lambda: self.look(command)["Status"] not in ("Pending", "InProgress"))
        return self.look(command)


class Commands(SsmTest):
    def test_output_is_shown_at_the_end_and_in_part(self):
        """GetCommandInvocation: empty until finished, then 24,000 characters of stdout and 8,000 of stderr."""
        command = self.send("id -u\nhead -c 30000 /dev/zero | tr '\\0' x\nhead -c 9000 /dev/zero | tr '\\0' y >&2\nsleep 3")
        eventually(lambda: self.look(command)["Status"] == "InProgress")
        going = self.look(command)
        self.assertEqual((going["StandardOutputContent"], going["ResponseCode"]), ("", -1))
        ended = self.end(command)
        self.assertEqual((ended["Status"], ended["StatusDetails"], ended["ResponseCode"]), ("Success", "Success", 0))
        self.assertEqual(len(ended["StandardOutputContent"]), 24_000)
        self.assertTrue(ended["StandardOutputContent"].startswith(f"{os.getuid()}\nxxx"))
        self.assertEqual(ended["StandardErrorContent"], "y" * 8_000)

    def test_a_status_that_is_not_zero_is_failed(self):
        """Failed: the result code was not zero."""
        ended = self.end(self.send("echo said; exit 7"))
        self.assertEqual((ended["Status"], ended["ResponseCode"]), ("Failed", 7))
        self.assertEqual(ended["StandardOutputContent"], "said\n")

    def test_cancel_kills(self):
        """CancelCommand ends what runs, with all of its process group."""
        with tempfile.TemporaryDirectory() as folder:
            pid = pathlib.Path(folder, "pid")
            command = self.send(f"sleep 60 & echo $! >{pid}.new; mv {pid}.new {pid}; wait")
            eventually(pid.exists)
            self.ssm.cancel_command(CommandId=command, InstanceIds=[self.one])
            self.assertEqual(self.end(command)["Status"], "Cancelled")
            eventually(lambda: not alive(int(pid.read_text())))
        self.fails("InvalidCommandId", self.ssm.cancel_command, CommandId="0" * 36)

    def test_execution_timeout(self):
        """executionTimeout ends a command: TimedOut, ExecutionTimedOut."""
        begun = time.monotonic()
        ended = self.end(self.send("sleep 60", seconds="1"))
        self.assertEqual((ended["Status"], ended["StatusDetails"]), ("TimedOut", "ExecutionTimedOut"))
        self.assertLess(time.monotonic() - begun, 30)

    def test_a_command_lasts_as_long_as_its_output_is_held_open(self):
        """The agent waits for the end of the output, not for that of the shell alone."""
        begun = time.monotonic()
        self.assertEqual(self.end(self.send("sleep 0.5 &"))["Status"], "Success")
        self.assertGreater(time.monotonic() - begun, 0.5)
        self.assertEqual(self.end(self.send("setsid -f sleep 0.5 >/dev/null 2>&1"))["Status"], "Success")

    def test_five_at_once(self):
        """Mds.CommandWorkersLimit: an agent carries five commands out at a time, the rest wait."""
        many = [self.send("sleep 3") for _ in range(6)]
        eventually(lambda: sum(self.look(each)["Status"] == "InProgress" for each in many) == 5)
        self.assertEqual([self.look(each)["Status"] for each in many].count("Pending"), 1)
        for each in many:
            self.assertEqual(self.end(each)["Status"], "Success")

    def test_what_is_refused(self):
        """At most 50 InstanceIds, each once, known parameters, 64 KiB, and no {{…}} that would be filled in."""
        send, asked = self.ssm.send_command, {"DocumentName": DOCUMENT, "Parameters": {"commands": ["true"]}}
        self.fails("ValidationException", send, InstanceIds=[f"i-{n:017x}" for n in range(51)], **asked)
        self.fails("DuplicateInstanceId", send, InstanceIds=[self.one] * 2, **asked)
        self.fails("InvalidDocument", send, InstanceIds=[self.one], DocumentName="AWS-RunPowerShellScript")
        for code, parameters in {
            "MaxDocumentSizeExceeded": {"commands": ["x" * 65_000]},
            "InvalidParameters": {"commands": ["true"], "user": ["hg"]},
        }.items():
            self.fails(code, send, InstanceIds=[self.one], DocumentName=DOCUMENT, Parameters=parameters)
        parameters = {"commands": ["echo {{ssm:x}}"]}
        self.fails("InvalidParameters", send, InstanceIds=[self.one], DocumentName=DOCUMENT, Parameters=parameters)

    def test_who_is_managed(self):
        """Listed are instances that run, with the agent and AmazonSSMManagedInstanceCore; others are InvalidInstanceId."""
        (bare,) = self.run_instances()
        filters = [{"Key": "InstanceIds", "Values": [self.one, bare]}]

        def known():
            found = self.ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
            return [(one["InstanceId"], one["PingStatus"]) for one in found]

        self.assertEqual(known(), [(self.one, "Online")])
        asked = {"DocumentName": DOCUMENT, "Parameters": {"commands": ["true"]}}
        self.fails("InvalidInstanceId", self.ssm.send_command, InstanceIds=[bare], **asked)
        self.fails("InvalidInstanceId", self.ssm.send_command, InstanceIds=["i-0123456789abcdef0"], **asked)
        self.iam.detach_role_policy(RoleName="r", PolicyArn=self.policy)
        self.assertEqual(known(), [])
        self.iam.attach_role_policy(RoleName="r", PolicyArn=self.policy)
        self.ec2.stop_instances(InstanceIds=[self.one])
        self.assertEqual(known(), [])

    def test_faults_of_json_services(self):
        """SSM throttles with ThrottlingException and denies with AccessDeniedException, both 400."""
        self.lab.faults({"kind": "throttle", "service": "ssm", "times": 1})
        self.fails("ThrottlingException", self.ssm.describe_instance_information, 400)
        self.lab.faults({"kind": "denied", "service": "ssm"})
        self.fails("AccessDeniedException", self.ssm.describe_instance_information, 400)

    def test_the_package(self):
        """(Of the lab: a package of the agent that dpkg takes, the same each time.)"""
        url = f"{self.lab.endpoint}/lab/amazon-ssm-agent.deb"
        with urllib.request.urlopen(url) as answer, tempfile.TemporaryDirectory() as folder:
            package = pathlib.Path(folder, "agent.deb")
            package.write_bytes(answer.read())
            with urllib.request.urlopen(url) as again:
                self.assertEqual(hashlib.sha256(again.read()).digest(), hashlib.sha256(package.read_bytes()).digest())
            listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
            self.assertRegex(listed, r"-rwxr-xr-x .* \./usr/bin/amazon-ssm-agent\n")


class Unseen(SsmTest):
    FLAGS = (*SsmTest.FLAGS, "--ssm-unseen", "2")

    def test_a_command_is_unseen_first(self):
        """Right after SendCommand: InvocationDoesNotExist, and ListCommandInvocations is empty."""
        command = self.send("true")
        self.fails("InvocationDoesNotExist", self.look, command=command)
        self.assertEqual(self.ssm.list_command_invocations(CommandId=command)["CommandInvocations"], [])
        time.sleep(2)
        self.assertEqual(self.end(command)["Status"], "Success")
        (listed,) = self.ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
        self.assertEqual((listed["InstanceId"], listed["Status"]), (self.one, "Success"))


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


if __name__ == "__main__":
    unittest.main()
