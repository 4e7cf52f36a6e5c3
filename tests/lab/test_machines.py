"""Machines of the lab by boto3 and OpenSSH: a test a behaviour, each docstring naming the fact that it holds the lab to.

Needs root, as machines do, and skips without it.
"""

import base64
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

import yaml

from machines import own_root
from test_lab import DEBIAN, LabTest, Server, eventually

UBUNTU = "ami-0ab00000000024040"
OPEN = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "127.0.0.0/8"}]}
LEASE = """
    d=/run/lease; echo $(($(date +%s) + 15)) > $d.until
    cat > $d.sh <<'END'
    while sleep 0.1; do [ $(date +%s) -lt $(cat /run/lease.until) ] || systemctl poweroff; done
    END
    systemd-run --no-block --quiet --unit=lease --property=Restart=always --property=OOMScoreAdjust=-900 /bin/sh $d.sh
"""


def make_pair(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path.read_text(), pathlib.Path(f"{path}.pub").read_text().strip()


@unittest.skipUnless(os.geteuid() == 0, "machines need root")
class MachineTest(LabTest):
    FLAGS = ("--boot", "0", "--end", "0", "--stop", "0")

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lab-")
        cls.path = pathlib.Path(cls.folder.name)
        cls.FLAGS = (*cls.FLAGS, "--machines", str(cls.path / "machines"))
        _, cls.public = make_pair(cls.path / "key")
        cls.host, cls.host_public = make_pair(cls.path / "host")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def setUp(self):
        super().setUp()
        self.group = self.ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[OPEN])

    def user_data(self, **more):
        user = {"name": "hg", "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL"}
        user["ssh_authorized_keys"] = [self.public]
        keys = {"ed25519_private": self.host, "ed25519_public": self.host_public}
        return "#cloud-config\n" + yaml.safe_dump({"users": ["default", user], "ssh_keys": keys, **more})

    def launch(self, user_data=None, **more):
        asked = {"SecurityGroupIds": [self.group], "UserData": user_data or self.user_data(), **more}
        return self.run_instances(**asked)[0]

    def address(self, instance):
        return self.instance(instance)["PublicIpAddress"]

    def machine(self, instance):
        return next(machine for machine in self.lab.ask("machines") if machine["id"] == instance)

    def ssh(self, instance, command, user="hg", host=None, wait=2):
        """Exit code, output and errors of a command; 255 is ssh's own failure."""
        address = self.address(instance)
        known = self.path / "known"
        known.write_text(f"{address} {host or self.host_public}\n")
        argv = ["ssh", "-F", "none", "-i", str(self.path / "key"), "-o", f"UserKnownHostsFile={known}"]
        argv += ["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", f"ConnectTimeout={wait}"]
        argv += ["-o", "BatchMode=yes"]
        return subprocess.run([*argv, f"{user}@{address}", command], capture_output=True, text=True, check=False)

    def told(self, instance, command, **more):
        """What a command on a machine tells, once one can log in."""
        answers = []

        def works():
            answers.append(self.ssh(instance, command, **more))
            return answers[-1].returncode == 0

        try:
            eventually(works)
        except AssertionError as why:
            raise AssertionError(f"{answers[-1]} {self.console(instance)}") from why
        return answers[-1].stdout

    def console(self, instance):
        # boto3 decodes it
        return self.ec2.get_console_output(InstanceId=instance).get("Output", "")


class Booting(MachineTest):
    def test_one_logs_in(self):
        """User data makes users and host keys before sshd answers, so that its key can be pinned."""
        one = self.launch()
        begun = time.monotonic()
        name = f"ip-{self.address(one).replace('.', '-')}"
        self.assertEqual(self.told(one, "id -un; sudo id -un; hostname"), f"hg\nroot\n{name}\n")
        self.assertLess(time.monotonic() - begun, 30)
        told = self.told(one, "cat /etc/os-release; ls / /home; sudo ls -a /root")
        self.assertIn('VERSION_ID="12"', told)
        self.assertIn("admin\nhg\n", told)
        self.assertNotIn("hgdev", told)
        self.assertNotIn(".ssh", told)
        ubuntu = self.launch(ImageId=UBUNTU)
        self.assertIn('VERSION_ID="24.04"', self.told(ubuntu, "cat /etc/os-release; id ubuntu"))
        self.assertNotEqual(self.address(one), self.address(ubuntu))

    def test_other_host_keys_are_gone(self):
        """With ssh_keys no others are made, and one that was there is deleted."""
        one = self.launch()
        self.assertEqual(self.told(one, "cd /etc/ssh; ls *host*"), "ssh_host_ed25519_key\nssh_host_ed25519_key.pub\n")
        stranger = self.ssh(one, "true", host=self.public)
        self.assertEqual(stranger.returncode, 255)
        self.assertIn("REMOTE HOST IDENTIFICATION HAS CHANGED", stranger.stderr)

    def test_the_pair_of_the_launch(self):
        """KeyName's public key is the default user's; generated host keys are told on the console."""
        self.ec2.import_key_pair(KeyName="k", PublicKeyMaterial=self.public)
        one = self.launch(user_data="#!/bin/sh\necho script as $(id -un)\n", KeyName="k")
        eventually(lambda: "finished at" in self.console(one))
        console = self.console(one)
        self.assertIn("script as root", console)
        self.assertRegex(console, "BEGIN SSH HOST KEY FINGERPRINTS-----\n.*\n.*256 SHA256:.* \\(ED25519\\)")
        host = next(line for line in console.splitlines() if line.startswith("ssh-ed25519"))
        self.assertEqual(self.told(one, "sudo id -un", user="admin", host=host), "root\n")
        refused = self.ssh(one, "true", user="root", host=host)
        self.assertIn('Please login as the user "admin"', refused.stdout)

    def test_parts_of_user_data(self):
        """bootcmd, write_files, runcmd: text is shell, a list is a command; one that fails stops nothing."""
        files = [
            {"path": "/opt/a/b", "content": "aGVsbG8=", "encoding": "b64", "permissions": "0640", "owner": "root:adm"},
            {"path": "/home/hg/c", "content": "hg's", "owner": "hg:hg", "defer": True},
        ]
        data = self.user_data(
            bootcmd=["false", "echo $INSTANCE_ID > /run/id", ["touch", "/run/a b"]],
            write_files=files,
            runcmd=[["touch", "/ran"], "echo $((1 + 1)) > /sum"],
            package_update=False,
            ssh_pwauth=False,
        )
        one = self.launch(user_data=data)
        self.told(one, "cloud-init status --wait")
        look = "cat /run/id; ls /run/*b; sudo stat -c '%a %U:%G' /opt/a/b; sudo cat /opt/a/b /sum; ls /ran"
        told = self.told(one, look)
        self.assertEqual(told, f"{one}\n/run/a b\n640 root:adm\nhello2\n/ran\n")
        told = self.told(one, "stat -c %U c; cat /etc/ssh/sshd_config.d/*")
        self.assertEqual(told, "hg\nPasswordAuthentication no\n")

    def test_what_is_not_carried_out_does_not_boot(self):
        """(Of the lab: nobody shall rely on what it skips.)"""
        for data, word in [
            ("#cloud-config\npackages: [git]\n", "`packages`"),
            ("#cloud-config\nusers: [{name: a, uid: 5}]\n", "`uid`"),
            ("#cloud-config\nbootcmd: [\n", "Failed loading yaml"),
            ("#include http://localhost\n", "Unhandled"),
        ]:
            one = self.launch(user_data=data)
            eventually(lambda one=one: "does not boot" in self.console(one))
            self.assertIn(word, self.console(one))
            self.assertIn("Connection refused", self.ssh(one, "true").stderr)

    def test_user_data_is_kept(self):
        """Root finds user data in its file; DescribeInstanceAttribute gives it; the list of calls has none."""
        data = self.user_data()
        one = self.launch(user_data=data)
        told = self.ec2.describe_instance_attribute(InstanceId=one, Attribute="userData")["UserData"]["Value"]
        self.assertEqual(base64.b64decode(told).decode(), data)
        self.assertEqual(self.told(one, "sudo cat /var/lib/cloud/instance/user-data.txt"), data)
        (call,) = [call for call in self.lab.ask("calls") if call["action"] == "RunInstances"]
        self.assertNotIn("UserData", call["params"])


class Late(MachineTest):
    FLAGS = ("--boot", "0.2", "--end", "0", "--stop", "0", "--address", "3600", "--ssh", "9000")

    def test_address_and_ssh_come_late(self):
        """A running instance may have no public address yet, and one with an address no sshd."""
        one = self.launch()
        self.assertNotIn("PublicIpAddress", self.instance(one))
        eventually(lambda: self.state(one) == "running")
        self.assertNotIn("PublicIpAddress", self.instance(one))
        eventually(lambda: self.machine(one)["pid"])
        self.lab.ask("sooner", {"seconds": 3600})
        eventually(lambda: "PublicIpAddress" in self.instance(one))
        told = self.instance(one)
        self.assertEqual(told["PublicIpAddress"], told["PrivateIpAddress"])
        self.assertEqual(told["NetworkInterfaces"][0]["Association"]["PublicIp"], told["PublicIpAddress"])
        self.assertIn("Connection refused", self.ssh(one, "true").stderr)
        self.lab.ask("sooner", {"seconds": 9000})
        self.told(one, "true")


class Lives(MachineTest):
    FLAGS = ("--boot", "0", "--end", "0.3", "--stop", "0.3")

    def ends(self, instance, state="terminated"):
        eventually(lambda: self.state(instance) == state)
        eventually(lambda: self.machine(instance)["pid"] is None)

    def test_poweroff_within(self):
        """A shutdown from within terminates or stops, as InstanceInitiatedShutdownBehavior says; `stop` by default."""
        one = self.launch(InstanceInitiatedShutdownBehavior="terminate")
        other = self.launch()
        for each, command in ((one, "systemctl poweroff"), (other, "shutdown -h now")):
            self.told(each, "true")
            self.ssh(each, f"sudo {command}")
        self.ends(one)
        self.ends(other, "stopped")
        for each in (one, other):
            self.assertEqual(self.instance(each)["StateReason"]["Code"], "Client.InstanceInitiatedShutdown")
        self.assertEqual(len(self.ec2.describe_volumes()["Volumes"]), 1)
        self.assertEqual(len(self.ec2.describe_network_interfaces()["NetworkInterfaces"]), 1)

    def test_only_root_shuts_down(self):
        """Others are refused by systemctl."""
        one = self.launch()
        told = self.told(one, "systemctl poweroff 2>&1; echo $?; systemctl frobnicate 2>&1; echo $?")
        self.assertIn("Interactive authentication required", told)
        self.assertIn("Unknown command verb frobnicate.\n1\n", told)
        self.assertEqual(self.state(one), "running")

    def test_a_lease(self):
        """A service that bootcmd starts ends the machine when it is time, and is started again when it is killed."""
        data = self.user_data(bootcmd=["\n".join(line.strip() for line in LEASE.splitlines())])
        one = self.launch(user_data=data, InstanceInitiatedShutdownBehavior="terminate")
        renew = "cat /run/lease.until; echo $(($(date +%s) + 300)) | sudo tee /run/lease.until >/dev/null"
        first = int(self.told(one, renew))
        self.assertEqual(self.told(one, "systemctl is-active lease"), "active\n")
        before = self.told(one, "pgrep -o -f [l]ease.sh")
        self.told(one, "sudo systemctl kill --signal=KILL lease; sleep 0.4; systemctl is-active lease")
        self.assertNotEqual(self.told(one, "pgrep -o -f [l]ease.sh"), before)
        time.sleep(max(0, first + 2 - time.time()))
        self.assertEqual(self.state(one), "running")
        self.ssh(one, "echo 0 | sudo tee /run/lease.until")
        self.ends(one)

    def test_stop_and_start(self):
        """After a stop the files are there and /run is empty; bootcmd runs again, what is of an instance's first boot not.

        The public address is another one, the private one stays.
        """
        data = self.user_data(bootcmd=["echo b >> /boots"], runcmd=["echo r >> /runs"])
        one = self.launch(user_data=data)
        self.told(one, "cloud-init status --wait; sudo touch /run/volatile; echo kept > kept")
        before = self.instance(one)
        self.ec2.stop_instances(InstanceIds=[one])
        self.assertEqual(self.state(one), "stopping")
        self.ends(one, "stopped")
        self.assertNotIn("PublicIpAddress", self.instance(one))
        self.ec2.start_instances(InstanceIds=[one])
        self.told(one, "cloud-init status --wait")
        self.assertNotEqual(self.address(one), before["PublicIpAddress"])
        self.assertEqual(self.instance(one)["PrivateIpAddress"], before["PrivateIpAddress"])
        told = self.told(one, "cat kept /boots /runs; test -e /run/volatile || echo gone")
        self.assertEqual(told, "kept\nb\nb\nr\ngone\n")

    def test_reboot(self):
        """RebootInstances and `reboot` keep instance, address and files, not /run."""
        one = self.launch()
        address = self.address(one)
        for reboot in (lambda: self.ec2.reboot_instances(InstanceIds=[one]), lambda: self.ssh(one, "sudo reboot")):
            self.told(one, "sudo touch /run/volatile; touch kept")
            reboot()
            eventually(lambda: self.ssh(one, "test ! -e /run/volatile && ls kept").stdout == "kept\n")
            self.assertEqual((self.state(one), self.address(one)), ("running", address))

    def test_termination(self):
        """A terminated instance's processes, connections and files are gone, and its port is silent."""
        one = self.launch()
        self.told(one, "true")
        machine = self.machine(one)
        self.ec2.terminate_instances(InstanceIds=[one])
        self.ends(one)
        self.assertFalse(os.path.exists(f"/proc/{machine['pid']}"))
        self.assertNotIn("PublicIpAddress", self.instance(one))
        eventually(lambda: os.listdir(self.path / "machines" / "machines") == [])

    def test_transient_units(self):
        """systemd-run: a name is taken once, timers fire, what is stopped ends with all it started."""
        one = self.launch()
        self.told(one, "sudo systemd-run --unit=a -p Environment=A=b sh -c 'echo $A > /run/a; sleep 100 & sleep 100'")
        begun = "until [ \"$(pgrep -c sleep)\" = 2 ]; do sleep 0.1; done; cat /run/a; pgrep -c sleep"
        self.assertEqual(self.told(one, begun), "b\n2\n")
        self.told(one, "sudo systemd-run --unit=b sh -c 'a=1.2; echo x${a%%.*}y $$a $a > /run/b'")
        self.assertEqual(self.told(one, "until [ -s /run/b ]; do sleep 0.1; done; cat /run/b"), "xy 1.2 1.2\n")
        again = self.ssh(one, "sudo systemd-run --unit=a true")
        self.assertIn("Unit a.service was already loaded", again.stderr)
        self.assertEqual(self.ssh(one, "sudo systemd-run --unit=x --property=Odd=1 true").returncode, 1)
        self.told(one, "sudo systemctl stop a")
        self.assertEqual(self.ssh(one, "pgrep -c sleep; systemctl is-active a").stdout, "0\ninactive\n")
        timer = "--on-active=3s --unit=later --timer-property=AccuracySec=1s"
        begun = f"sudo systemd-run --quiet {timer} touch /run/later"
        told = self.told(one, f"{begun}; systemctl is-active later.timer; test -e /run/later || echo not yet")
        self.assertEqual(told, "active\nnot yet\n")
        eventually(lambda: self.ssh(one, "test -e /run/later").returncode == 0)


class Images(MachineTest):
    FLAGS = ("--boot", "0", "--end", "0", "--stop", "0")

    def available(self, image):
        eventually(lambda: self.ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available")
        return image

    def image(self, instance, **more):
        name = f"image {time.monotonic()}"
        return self.available(self.ec2.create_image(InstanceId=instance, Name=name, **more)["ImageId"])

    def test_an_image_keeps_files(self):
        """CreateImage reboots, and what is launched from the image has the files, on a first boot of its own."""
        data = self.user_data(runcmd=["echo $(cat /etc/hostname) >> /runs"])
        one = self.launch(user_data=data)
        self.told(one, "cloud-init status --wait; sudo mkdir /hgdev; echo kept | sudo tee /hgdev/file")
        self.told(one, "sudo rm -f /etc/motd /etc/fstab; sudo touch /run/volatile")
        image = self.image(one)
        self.told(one, "test ! -e /run/volatile")
        self.told(one, "echo later | sudo tee /hgdev/file")
        copy = self.launch(user_data=data, ImageId=image)
        self.told(copy, "cloud-init status --wait")
        told = self.told(copy, "cat /hgdev/file; cat /runs; ls /etc/motd /etc/fstab 2>/dev/null; true").splitlines()
        self.assertEqual(told, ["kept", *(f"ip-{self.address(each).replace('.', '-')}" for each in (one, copy))])
        second = self.launch(user_data=data, ImageId=self.image(copy))
        self.assertEqual(self.told(second, "cat /hgdev/file"), "kept\n")

    def test_no_reboot(self):
        """NoReboot takes the files as they are, and the machine goes on."""
        one = self.launch()
        self.told(one, "sudo touch /run/volatile; echo kept > kept; sudo rm -r /etc/apt; sudo mkdir /etc/apt")
        image = self.image(one, NoReboot=True)
        self.told(one, "test -e /run/volatile")
        copy = self.launch(ImageId=image)
        self.assertEqual(self.told(copy, "cat kept; ls /etc/apt"), "kept\n")

    def test_two_images_at_once(self):
        """Two images of one instance are the same files."""
        one = self.launch()
        self.told(one, "echo kept > kept")
        images = [self.ec2.create_image(InstanceId=one, Name=name)["ImageId"] for name in ("first", "second")]
        for image in images:
            copy = self.launch(ImageId=self.available(image))
            self.assertEqual(self.told(copy, "cat kept"), "kept\n")
        self.told(one, "cat kept")

    def test_an_image_outlives_its_instance(self):
        """An image does not need its instance, and its files go when neither it nor an instance needs them."""
        one = self.launch()
        self.told(one, "echo kept > kept")
        self.ec2.stop_instances(InstanceIds=[one])
        image = self.image(one)
        self.ec2.terminate_instances(InstanceIds=[one])
        copy = self.launch(ImageId=image)
        self.told(copy, "true")
        self.ec2.deregister_image(ImageId=image)
        self.assertEqual(self.told(copy, "cat kept"), "kept\n")
        self.ec2.terminate_instances(InstanceIds=[copy])
        eventually(lambda: os.listdir(self.path / "machines" / "layers") == [])


class Doors(MachineTest):
    def test_security_groups(self):
        """Without a rule that lets one in nothing answers; a rule is obeyed at once."""
        one = self.launch()
        self.told(one, "true")
        self.ec2.revoke_security_group_ingress(GroupId=self.group, IpPermissions=[OPEN])
        self.assertIn("timed out", self.ssh(one, "true", wait=1).stderr)
        elsewhere = {**OPEN, "IpRanges": [{"CidrIp": "127.0.0.2/32"}, {"CidrIp": "192.0.2.0/24"}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[elsewhere])
        self.assertIn("timed out", self.ssh(one, "true", wait=1).stderr)
        mine = {**OPEN, "IpRanges": [{"CidrIp": "127.0.0.1/32"}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[mine])
        self.told(one, "true")

    def test_faults(self):
        """(Of the lab: what goes wrong with machines, on request.)"""
        one = self.launch()
        self.told(one, "true")
        do = lambda what, which=one: self.lab.ask("machines", {"id": which, "do": what})
        do("no-ssh")
        self.assertIn("timed out", self.ssh(one, "true", wait=1).stderr)
        do("normal")
        self.told(one, "true")
        do("impostor", "*")
        self.assertIn("IDENTIFICATION HAS CHANGED", self.ssh(one, "true").stderr)
        other = self.launch()
        eventually(lambda: "IDENTIFICATION HAS CHANGED" in self.ssh(other, "true").stderr)
        do("normal", "*")
        self.told(other, "true")

        def status():
            (told,) = self.ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"]
            return told["InstanceStatus"]["Status"]

        self.assertEqual(status(), "ok")
        do("hang")
        self.assertIn("timed out", self.ssh(one, "true", wait=1).stderr)
        self.assertEqual(status(), "impaired")
        do("wake")
        self.told(one, "true")
        address = self.address(one)
        argv = ["ssh", "-F", "none", "-i", str(self.path / "key"), "-o", f"UserKnownHostsFile={self.path / 'known'}"]
        argv += [f"hg@{address}", "echo in; sleep 100"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as long:
            self.assertEqual(long.stdout.readline(), b"in\n")
            do("cut")
            self.assertEqual(long.wait(60), 255)
        self.told(one, "true")
        do("kill")
        eventually(lambda: self.state(one) == "terminated")

    def test_a_lease_hangs_too(self):
        """(Of the lab: what is stopped does not end itself.)"""
        data = self.user_data(bootcmd=["systemd-run --unit=lease -p Restart=always sh -c 'sleep 6; systemctl poweroff'"])
        one = self.launch(user_data=data, InstanceInitiatedShutdownBehavior="terminate")
        eventually(lambda: self.machine(one)["pid"])
        time.sleep(0.4)
        self.lab.ask("machines", {"id": one, "do": "hang"})
        time.sleep(7)
        self.assertEqual(self.state(one), "running")
        self.lab.ask("machines", {"id": one, "do": "wake"})
        eventually(lambda: self.state(one) == "terminated")

    def test_processes_from_without(self):
        """(Of the lab: a machine's root is seen while it runs, and never the computer's in its place.)"""
        self.assertIsNone(own_root(os.getpid()))
        one = self.launch()
        self.told(one, "echo seen > seen")
        self.assertEqual(pathlib.Path(self.machine(one)["root"], "home/hg/seen").read_text(), "seen\n")


@unittest.skipUnless(os.geteuid() == 0, "machines need root")
class Ending(unittest.TestCase):
    def test_nothing_is_left(self):
        """(Of the lab: however it ends, its machines do.)"""
        for end in (Server.close, lambda server: server.process.kill()):
            with tempfile.TemporaryDirectory(prefix="lab-") as folder:
                server = Server("--boot", "0", "--machines", f"{folder}/m")
                ec2 = server.client("ec2")
                asked = {"ImageId": DEBIAN, "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1}
                mark = f"100.{time.monotonic_ns()}"
                ec2.run_instances(**asked, UserData=f"#!/bin/sh\nsetsid sleep {mark} &\n")
                pid = server.ask("machines")[0]["pid"]
                eventually(lambda mark=mark: processes_with(mark))
                end(server)
                eventually(lambda pid=pid: not os.path.exists(f"/proc/{pid}"))
                server.process.wait()
                server.process.stdin.close()
                server.process.stdout.close()
                self.assertEqual(processes_with(mark), [])
                self.assertNotIn(folder, pathlib.Path("/proc/self/mounts").read_text())


def processes_with(mark):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if mark in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
        except OSError:
            pass
    return found


if __name__ == "__main__":
    unittest.main()
