"""Systems Manager's Run Command: a command really runs on the instance's machine, as root, and is seen as AWS shows it.

Listed, and sent commands, are instances that run, whose machine has the agent, and whose profile's role has
AmazonSSMManagedInstanceCore; all others are an InvalidInstanceId. A command is Pending, then InProgress, then has its
end; nothing of its output is shown before, and then 24,000 characters of standard output and 8,000 of standard error.
For a moment (`--ssm-unseen`) nothing is known of it: InvocationDoesNotExist, and an empty list. The agent carries out
five commands at once (Mds.CommandWorkersLimit), and a command lasts as long as anything holds its output open.
executionTimeout ends it with its process group, and so does CancelCommand. A document with its parameters has 64 KiB.
"""

import os
import re
import signal
import subprocess
import threading
import time
import uuid

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ssm.responses import SimpleSystemManagerResponse as Response

from lab import Refusal

STDOUT, STDERR, SIZE, MOST, WORKERS = 24_000, 8_000, 64 * 1024, 50, 5
AGENTS = ("/usr/bin/amazon-ssm-agent", "/snap/bin/amazon-ssm-agent")
ROLE = "AmazonSSMManagedInstanceCore"
DOCUMENT = "AWS-RunShellScript"
SECONDS = re.compile(r"([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)")
ENDED = ("Success", "Failed", "Cancelled", "TimedOut")


class Invocation:
    """A command on one instance."""

    def __init__(self, ssm, command, instance_id):
        self.ssm, self.command, self.instance_id = ssm, command, instance_id
        self.status = self.details = "Pending"
        self.code, self.stdout, self.stderr = -1, "", ""
        self.process = None
        self.why = None
        threading.Thread(target=self.run, daemon=True).start()

    def go(self, status, details=None):
        with self.ssm.lock:
            if self.status not in ENDED:
                self.status, self.details = status, details or status

    def run(self):
        delay = self.ssm.lab.options.ssm_delay
        time.sleep(delay)
        with self.ssm.workers(self.instance_id):
            self.begin()
            if self.process is None:
                return
            self.go("InProgress")
            time.sleep(delay)
            try:
                out, err = self.process.communicate(timeout=self.command["timeout"])
            except subprocess.TimeoutExpired:
                self.kill("TimedOut")
                out, err = self.process.communicate()
        with self.ssm.lock:
            self.stdout = out.decode(errors="replace")[:STDOUT]
            self.stderr = err.decode(errors="replace")[:STDERR]
            self.code = 137 if self.why else self.process.returncode
        if self.why:
            self.go(self.why, "ExecutionTimedOut" if self.why == "TimedOut" else None)
        else:
            self.go("Failed" if self.code else "Success")

    def begin(self):
        """Waits for the machine to take it, which one that is hung does not."""
        deadline = time.monotonic() + self.command["delivery"]
        while time.monotonic() < deadline:
            with self.ssm.lab.lock:
                machine = self.ssm.machine_of(self.instance_id)
                if self.why:
                    self.go(self.why)
                    return
                if machine and machine.running and not machine.hung:
                    pipe = subprocess.PIPE
                    argv = ["sh", "-c", self.command["script"]]
                    more = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "start_new_session": True}
                    self.process = machine.popen(argv, user="root", **more)
                    return
            time.sleep(0.05)
        self.go("TimedOut", "DeliveryTimedOut")

    def kill(self, why):
        with self.ssm.lock:
            if self.status in ENDED or self.why:
                return
            self.why = why
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def told(self):
        return {
            "CommandId": self.command["id"],
            "InstanceId": self.instance_id,
            "Comment": self.command["comment"],
            "DocumentName": DOCUMENT,
            "Status": self.status,
            "StatusDetails": self.details,
            "RequestedDateTime": self.command["at"],
        }


class Ssm:
    def __init__(self, lab):
        self.lab = lab
        self.lock = threading.RLock()
        self.commands = {}
        self.semaphores = {}
        if lab.options.ssm_here:
            import here as machines
        else:
            import machines
        self.machine_of = machines.of

    def workers(self, instance_id):
        with self.lock:
            return self.semaphores.setdefault(instance_id, threading.Semaphore(WORKERS))

    def reset(self):
        for command in list(self.commands.values()):
            for invocation in command["invocations"].values():
                invocation.kill("Cancelled")
        self.commands.clear()
        self.semaphores.clear()

    def managed(self, backend, instance):
        if instance.state != "running":
            return False
        profile = backend.iam_instance_profile_associations.get(instance.id)
        roles = profile.iam_instance_profile.roles if profile else []
        if not any(arn.endswith(f"/{ROLE}") for role in roles for arn in role.managed_policies):
            return False
        machine = self.machine_of(instance.id)
        return bool(machine and machine.running and any(machine.exists(agent) for agent in AGENTS))

    def seen(self, command_id):
        """A command that is known by now."""
        command = self.commands.get(command_id)
        if command and time.monotonic() - command["since"] >= self.lab.options.ssm_unseen:
            return command
        return None


def backend_of(response):
    return ec2_backends[response.current_account][response.region]


def install(lab):
    ssm = Ssm(lab)
    lab.at_reset(ssm.reset)

    def action(function):
        setattr(Response, function.__name__, function)

    @action
    def send_command(response):
        backend = backend_of(response)
        ids = response._get_param("InstanceIds", [])
        parameters = response._get_param("Parameters", {})
        if response._get_param("DocumentName") != DOCUMENT:
            raise Refusal("InvalidDocument", "the lab has AWS-RunShellScript alone")
        if not 1 <= len(ids) <= MOST:
            raise Refusal("ValidationException", f"InstanceIds: between 1 and {MOST}")
        if len(set(ids)) < len(ids):
            raise Refusal("DuplicateInstanceId", "an instance id is there twice")
        if not 30 <= response._get_param("TimeoutSeconds", 3600) <= 2_592_000:
            raise Refusal("ValidationException", "TimeoutSeconds: between 30 and 2592000")
        timeout = parameters.get("executionTimeout", ["3600"])[0]
        lines = parameters.get("commands", [])
        if not lines or not set(parameters) <= {"commands", "executionTimeout", "workingDirectory"}:
            raise Refusal("InvalidParameters", "Parameters of the document are missing or unknown")
        # `{{ssm:name}}` would be filled in from Parameter Store
        if not SECONDS.fullmatch(timeout) or any("{{" in line for line in lines):
            raise Refusal("InvalidParameters", "a parameter does not match its pattern")
        if sum(len(line) for line in lines) + 2048 > SIZE:
            raise Refusal("MaxDocumentSizeExceeded", "the size of the document exceeds 64 KB")
        for instance_id in ids:
            instance = backend.get_instance_by_id(instance_id)
            if instance is None or not ssm.managed(backend, instance):
                raise Refusal("InvalidInstanceId", f"Instances [[{instance_id}]] not in a valid state for account 123456789012")
        command = {
            "id": str(uuid.uuid4()),
            "comment": response._get_param("Comment", ""),
            "script": "\n".join(lines),
            "timeout": int(timeout),
            "delivery": response._get_param("TimeoutSeconds", 3600),
            "since": time.monotonic(),
            "at": time.time(),
            "invocations": {},
        }
        for instance_id in ids:
            command["invocations"][instance_id] = Invocation(ssm, command, instance_id)
        ssm.commands[command["id"]] = command
        told = {"CommandId": command["id"], "DocumentName": DOCUMENT, "Comment": command["comment"]}
        told |= {"InstanceIds": ids, "Status": "Pending", "StatusDetails": "Pending", "TargetCount": len(ids)}
        return ActionResult({"Command": told | {"RequestedDateTime": command["at"], "CompletedCount": 0, "ErrorCount": 0}})

    @action
    def get_command_invocation(response):
        command = ssm.seen(response._get_param("CommandId"))
        invocation = command and command["invocations"].get(response._get_param("InstanceId"))
        if not invocation:
            raise Refusal("InvocationDoesNotExist", "An error occurred")
        with ssm.lock:
            told = invocation.told()
            over = invocation.status in ENDED
            told["PluginName"] = "aws:runShellScript"
            told["ResponseCode"] = invocation.code if over else -1
            told["StandardOutputContent"] = invocation.stdout if over else ""
            told["StandardErrorContent"] = invocation.stderr if over else ""
            return ActionResult({name: told[name] for name in told if name != "RequestedDateTime"})

    @action
    def list_command_invocations(response):
        wanted, instance_id = response._get_param("CommandId"), response._get_param("InstanceId")
        commands = [ssm.seen(wanted)] if wanted else [ssm.seen(each) for each in ssm.commands]
        found = [each for command in commands if command for each in command["invocations"].values()]
        with ssm.lock:
            told = [each.told() for each in found if instance_id in (None, each.instance_id)]
        return ActionResult({"CommandInvocations": told})

    @action
    def cancel_command(response):
        command = ssm.commands.get(response._get_param("CommandId"))
        if not command:
            raise Refusal("InvalidCommandId", "The specified command ID isn't valid")
        for instance_id in response._get_param("InstanceIds", []) or list(command["invocations"]):
            if instance_id not in command["invocations"]:
                raise Refusal("InvalidInstanceId", f"the command did not go to {instance_id}")
            command["invocations"][instance_id].kill("Cancelled")
        return ActionResult({})

    @action
    def describe_instance_information(response):
        backend = backend_of(response)
        wanted = None
        for one in response._get_param("Filters", []):
            if one["Key"] != "InstanceIds":
                raise Refusal("InvalidFilterKey", f"the lab has no filter {one['Key']}")
            wanted = set(one["Values"])
        listed = []
        for reservation in backend.reservations.values():
            for instance in reservation.instances:
                if (wanted is None or instance.id in wanted) and ssm.managed(backend, instance):
                    hung = ssm.machine_of(instance.id).hung
                    listed.append(
                        {
                            "InstanceId": instance.id,
                            "PingStatus": "ConnectionLost" if hung else "Online",
                            "AgentVersion": "3.3.0.0",
                            "PlatformType": "Linux",
                            "ResourceType": "EC2Instance",
                        }
                    )
        return ActionResult({"InstanceInformationList": listed})
