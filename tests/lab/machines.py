"""Machines: what a launched Linux instance really is, with `--machines DIR`.

A machine is a process tree with file system, process ids and host name of its own; network and kernel are those of the
computer that the lab runs on, so that it has to be root's. Its files are layers of overlayfs: the computer's own files, a
thin layer that makes them those of a fresh image, layers of images made from machines, and its own. Port 22 of its
address, one of 127.0.0.0/8, is the lab's: see `doors.py`. What it does within is in `guest/`.

`of(instance_id)` gives a machine or None. The rest of the lab, and tests by `GET /lab/machines`, know of it:

instance   moto's instance
root       its file system as this process sees it, while it runs; otherwise None
running    whether it has processes
up         whether it has booted so far that sshd may answer
hung       whether all within it is stopped: then nothing of it may answer
popen      runs a command within it: `popen(argv, user="root", **what subprocess.Popen takes)`; one that hangs runs none
exists     whether it has a file

Everything here is called with the lab's lock held, unless it says otherwise.
"""

import base64
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading

import layers
import userdata
from doors import Doors

HERE = pathlib.Path(__file__).resolve().parent
CONSOLE = 64 * 1024
POWEROFF, REBOOT = 10, 11
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x00020000, 16384, 1 << 18

_machines = {}


def of(instance_id):
    """The machine of an instance; None if it has none."""
    return _machines.get(instance_id)


class Unable(Exception):
    """Why this computer cannot have machines."""


class Machine:
    def __init__(self, house, instance, image):
        self.house, self.lab, self.instance = house, house.lab, instance
        self.image = image
        self.layers = list(image.layers)
        # files of an own instance, and the numbers of the upper layers that it has had
        self.folder = house.folder / "machines" / instance.id
        self.folder.mkdir(parents=True)
        self.renew_upper()
        self.door = house.doors.open(self)
        # private and public address are the same until it has been stopped
        self.private, self.old_doors = self.door.address, []
        self.console = bytearray()
        self.process = self.control = self.pidfd = self.pid = None
        # sshd may answer: the guest says so, time says so, it has not been stopped
        self.up = self.time_up = self.sshd_on = False
        self.hung = False
        self.faults = set()
        # what to do when it is down, and whether to boot again then; without either its end is its own doing
        self.when_down = []
        self.boot_again = False
        self.generation = 0
        self.lock = threading.Lock()

    # what others may know

    @property
    def address(self):
        return self.door.address

    @property
    def running(self):
        return self.process is not None

    @property
    def root(self):
        return own_root(self.pid) if self.running and self.pid else None

    def exists(self, path):
        root = self.root
        return root is not None and os.path.lexists(root / str(path).lstrip("/"))

    def popen(self, argv, user="root", **more):
        """Runs a command within; the process given is one without, which ends with the same code."""
        if not self.pid or self.hung:
            raise ProcessLookupError(f"{self.instance.id} {'hangs' if self.hung else 'does not run'}")
        home = "/root" if user == "root" else f"/home/{user}"
        env = more.pop("env", None)
        if env is None:
            env = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/bash"}
        enter = ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-p", "-r", "-w", "--"]
        become = ["setpriv", "--pdeathsig", "KILL"]
        if user != "root":
            become += ["--reuid", user, "--regid", user, "--init-groups"]
        return subprocess.Popen([*enter, *become, "--", *argv], env=env, **more)

    def told(self):
        """As `GET /lab/machines` tells it."""
        return {
            "id": self.instance.id,
            "address": self.address,
            "state": self.instance.state,
            "pid": self.pid if self.running else None,
            "root": str(self.root) if self.root else None,
            "hung": self.hung,
        }

    # its life

    def renew_upper(self):
        (self.folder / "upper").mkdir()
        (self.folder / "upper").chmod(0o755)
        (self.folder / "root").mkdir(exist_ok=True)

    def boot(self):
        self.generation += 1
        self.up = self.time_up = self.hung = self.boot_again = False
        self.sshd_on = True
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        (self.folder / "work").mkdir()
        spec = self.folder / "spec.json"
        spec.touch(0o600)
        spec.write_text(json.dumps(self.spec()))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, into = os.pipe()
        self.pid = self.pidfd = None
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(HERE / "guest" / "init.py"), str(theirs.fileno()), str(spec)],
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=into,
            pass_fds=[theirs.fileno()],
            env={},
            start_new_session=True,
        )
        theirs.close()
        os.close(into)
        self.control = ours
        # who is born is known before anybody asks
        self.hear(json.loads(ours.recv(65536) or b"{}"))
        generation = self.generation
        threading.Thread(target=self.listen, args=(ours, self.process), daemon=True).start()
        threading.Thread(target=self.read_console, args=(out,), daemon=True).start()

        def in_time():
            if self.generation == generation:
                self.time_up = True
                self.door.refresh()

        self.lab.after(self.lab.options.ssh, in_time)
        self.door.refresh()

    def spec(self):
        backend = self.instance.ec2_backend
        pair = backend.key_pairs.get(self.instance.key_name)
        public = getattr(pair, "material_public", None)
        keys = [public.decode().strip() if isinstance(public, bytes) else public.strip()] if public else []
        raw = base64.b64decode(str(self.instance.user_data or ""))
        return {
            "folder": str(self.house.folder),
            "own": f"machines/{self.instance.id}",
            "lower": [*(f"layers/{layer}" for layer in self.layers), *self.image.system.lower],
            "instance": self.instance.id,
            "hostname": "ip-" + self.private.replace(".", "-"),
            "address": self.private,
            "user": self.image.system.user,
            "keys": keys,
            "user_data": base64.b64encode(raw).decode(),
            **userdata.parse(raw),
        }

    def read_console(self, out):
        with os.fdopen(out, "rb", buffering=0) as pipe:
            while data := pipe.read(65536):
                with self.lock:
                    self.console += data
                    del self.console[:-CONSOLE]

    def console_text(self):
        with self.lock:
            return bytes(self.console)

    def listen(self, control, process):
        """A thread of its own: hears the guest until it is down."""
        while data := _received(control):
            with self.lab.lock:
                if self.process is process:
                    self.hear(json.loads(data))
        code = process.wait()
        control.close()
        with self.lab.lock:
            if self.process is process:
                self.down(code)

    def hear(self, message):
        event = message.get("event")
        if event == "born":
            self.pid = message["pid"]
            self.pidfd = os.pidfd_open(self.pid)
        elif event == "up":
            self.up = True
        elif event == "sshd":
            self.sshd_on = message["on"]
        self.door.refresh()

    def order(self, do, fds=(), **more):
        """False if it is down already."""
        try:
            socket.send_fds(self.control, [json.dumps({"do": do, **more}).encode()], fds)
        except (OSError, AttributeError):
            return False
        return True

    def down(self, code):
        """It has ended: by a call, of itself, or by a fault."""
        self.process = None
        if self.pidfd is not None:
            os.close(self.pidfd)
        self.pidfd = self.pid = None
        self.hung = False
        self.door.refresh()
        if self.when_down or self.boot_again:
            waiting, self.when_down = self.when_down, []
            for action in waiting:
                action()
            if self.boot_again and self.instance.state == "running":
                self.boot()
        elif self.instance.state == "running":
            if code == REBOOT:
                self.boot()
            else:
                self.lab.guest_ended(self.instance, failed=code != POWEROFF)

    def shut_down(self):
        """Presses its power button."""
        if self.running and not self.hung:
            self.order("poweroff")

    def kill(self):
        """Takes its power. It is down some milliseconds later."""
        if self.running and self.pidfd is not None:
            try:
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def once_down(self, action):
        """Does it when it is down; at once if it is."""
        if self.running:
            self.when_down.append(action)
        else:
            action()

    def reboot(self, between=lambda: None):
        self.when_down.append(between)
        self.boot_again = True
        if self.hung or not self.order("reboot"):
            self.kill()

    def move(self):
        """Gets another public address; nobody is at the old one any more."""
        self.door.retire()
        self.old_doors.append(self.door)
        self.door = self.house.doors.open(self)

    def close_doors(self):
        for door in (self.door, *self.old_doors):
            door.close()

    def forget(self):
        """Its files go."""
        self.layers = []
        self.house.discard(self.folder)
        self.house.collect()

    # images

    def freeze(self):
        """Makes a layer of its files, which is its own too; only while it is down. Gives the image's layers."""
        layer = self.house.new_layer()
        os.rename(self.folder / "upper", self.house.folder / "layers" / layer)
        self.layers.insert(0, layer)
        self.renew_upper()
        return list(self.layers)

    def copy(self):
        """The same while it runs: a copy. Called without the lock."""
        layer, below = self.house.new_layer(), list(self.layers)
        source, target = self.folder / "upper", self.house.folder / "layers" / layer
        self.house.making |= {layer, *below}
        # what vanishes meanwhile is no failure
        subprocess.run(["cp", "-a", "--", str(source), str(target)], stderr=subprocess.DEVNULL, check=False)
        return [layer, *below]

    # faults

    def hang(self):
        if self.running and not self.hung:
            self.hung = True
            self.order("hang")
            self.door.refresh()

    def wake(self):
        if self.hung:
            self.hung = False
            self.order("wake")
            self.door.refresh()


def own_root(pid):
    """The file system that a process has for itself. None once it is gone, and before it has moved into it: what others would
    find, and change, there is the computer's own."""
    root = pathlib.Path(f"/proc/{pid}/root")
    try:
        return None if os.path.samestat(os.stat(f"{root}/"), os.stat("/")) else root
    except OSError:
        return None


def _received(control):
    try:
        return control.recv(65536)
    except OSError:
        return b""


class Image:
    """What instances of an AMI are made of."""

    def __init__(self, system, made=()):
        self.system, self.layers = system, list(made)


class House:
    """All machines of a lab, what they are made of, and the folder with their files."""

    FAULTS = ("hang", "wake", "no-ssh", "impostor", "cut", "kill", "normal")

    def __init__(self, lab, folder):
        if os.geteuid() != 0:
            raise Unable("--machines needs root: it mounts file systems, makes namespaces and listens on port 22")
        for tool in ("/usr/sbin/sshd", "/usr/bin/python3", "/usr/bin/ssh-keygen", "/usr/bin/sudo"):
            if not os.access(tool, os.X_OK):
                raise Unable(f"--machines needs {tool}")
        self.lab = lab
        self.folder = pathlib.Path(folder).resolve()
        self.images = {}
        self.numbers = 0
        self.everywhere = set()
        # layers that are being copied
        self.making = set()
        self.number_lock = threading.Lock()
        leave_mounts()
        for name in layers.FOLDERS:
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir(parents=True)
        try:
            self.systems = layers.Systems(self.folder)
            self.doors = Doors(lab)
        except OSError as why:
            raise Unable(f"--machines does not work here: {why}") from why

    def image(self, backend, image_id):
        if image_id not in self.images:
            ami = backend.amis.get(image_id)
            self.images[image_id] = Image(self.systems.of(ami.name if ami else ""))
        return self.images[image_id]

    def capture(self, instance, image_id, no_reboot, done):
        """Makes an image of a machine's files; `done` is called when it is there."""
        machine = of(instance.id)
        if machine is None:
            return done()
        system = machine.image.system

        def freeze():
            self.images[image_id] = Image(system, machine.freeze())
            done()

        def copy():
            made = machine.copy()
            with self.lab.lock:
                self.images[image_id] = Image(system, made)
                self.making -= set(made)
                done()

        if not machine.running or instance.state != "running":
            machine.once_down(freeze)
        elif no_reboot:
            threading.Thread(target=copy, daemon=True).start()
        else:
            machine.reboot(between=freeze)
        return None

    def deregister(self, image_id):
        if self.images.pop(image_id, None):
            self.collect()

    def new_layer(self):
        with self.number_lock:
            self.numbers += 1
            return str(self.numbers)

    def collect(self):
        """Removes layers that nothing needs."""
        used = self.making | {layer for image in self.images.values() for layer in image.layers}
        used |= {layer for machine in _machines.values() for layer in machine.layers}
        for path in (self.folder / "layers").iterdir():
            if path.name not in used:
                self.discard(path)

    def discard(self, path):
        """Removes a folder, which may take longer than callers may wait."""
        trash = self.folder / "trash" / self.new_layer()
        try:
            os.rename(path, trash)
        except FileNotFoundError:
            return
        threading.Thread(target=shutil.rmtree, args=(trash,), kwargs={"ignore_errors": True}, daemon=True).start()

    # instances

    def changed(self, instance, old, new):
        """An instance goes from one state to another."""
        machine = of(instance.id)
        if machine is None:
            if new != "pending" or instance.platform == "windows":
                return
            machine = _machines[instance.id] = Machine(self, instance, self.image(instance.ec2_backend, instance.image_id))
            machine.faults |= self.everywhere
            self.give_address(machine)
        if new == "pending":
            self.hide_address(machine)
            if old == "stopped":
                machine.move()
        elif new == "running" and old == "pending":
            if machine.running:
                machine.boot_again = True
            else:
                machine.boot()
            shown = lambda: self.show_address(machine)
            self.lab.after(self.lab.options.address, shown)
        elif new in ("stopping", "shutting-down"):
            machine.boot_again = False
            if machine.running:
                machine.when_down.append(lambda: None)
                machine.shut_down()
        elif new == "stopped":
            self.hide_address(machine)
            machine.kill()
        elif new == "terminated":
            machine.once_down(machine.forget)
            machine.kill()
        machine.door.refresh()

    def give_address(self, machine):
        nic = machine.instance.nics[0]
        machine.public = nic.public_ip is not None
        nic.private_ip_address = machine.private
        for entry in nic.private_ip_addresses:
            if entry.get("Primary"):
                entry["PrivateIpAddress"] = machine.private
                if "PrivateDnsName" in entry:
                    entry["PrivateDnsName"] = nic.private_dns_name = machine.instance.private_dns_name

    def hide_address(self, machine):
        machine.instance.nics[0].public_ip = None

    def show_address(self, machine):
        if machine.public and machine.instance.state in ("pending", "running"):
            machine.instance.nics[0].public_ip = machine.address

    def refresh(self):
        """Anything may have changed for those who knock."""
        for machine in _machines.values():
            machine.door.refresh()

    # the lab's own paths

    def list(self):
        return [machine.told() for machine in _machines.values()]

    def do(self, asked):
        what, which = asked["do"], asked["id"]
        if what not in self.FAULTS:
            raise ValueError(f"a machine cannot be made to {what}")
        if which != "*" and of(which) is None:
            raise ValueError(f"no such machine: {which}")
        lasting = what in ("no-ssh", "impostor")
        if which == "*":
            if lasting:
                self.everywhere.add(what)
            elif what == "normal":
                self.everywhere.clear()
        for machine in list(_machines.values()) if which == "*" else [of(which)]:
            if lasting:
                machine.faults.add(what)
            elif what == "normal":
                machine.faults.clear()
                machine.wake()
            elif what == "cut":
                machine.order("cut")
                machine.door.cut()
            elif what == "kill":
                # what becomes of its instance is seen when it is down
                machine.kill()
            else:
                getattr(machine, what)()
            machine.door.refresh()

    # the end

    def close(self):
        """Ends all machines, and waits until nothing of them is left. Called without the lock."""
        with self.lab.lock:
            machines = list(_machines.values())
            processes = [machine.process for machine in machines if machine.running]
            for machine in machines:
                machine.when_down = [lambda: None]
                machine.kill()
        for process in processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        with self.lab.lock:
            for machine in machines:
                machine.process = None
                machine.close_doors()

    def reset(self):
        """Nothing exists; the lock is held and stays so."""
        machines = list(_machines.values())
        for machine in machines:
            machine.when_down, machine.boot_again = [lambda: None], False
            machine.kill()
        for machine in machines:
            process, machine.process = machine.process, None
            if process:
                process.wait(5)
            machine.close_doors()
        _machines.clear()
        self.images.clear()
        self.everywhere = set()
        for name in ("machines", "layers"):
            for path in (self.folder / name).iterdir():
                self.discard(path)


def leave_mounts():
    """What is mounted from now on is this process's own, and goes with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None):
        raise Unable(f"--machines cannot make namespaces here: {os.strerror(ctypes.get_errno())}")
