"""The first process of a machine: makes its file system, boots it, keeps its services, and its death is the machine's.

    init.py CONTROL SPEC

CONTROL is a socket to the lab: orders come in, what happens goes out, a connection to port 22 comes as a file descriptor.
When it is closed the lab has ended, and the machine with it. SPEC is a file; see `machines.py`. Standard output is the
console. There is one thread; what takes time is a child process.
"""

import collections
import ctypes
import fcntl
import heapq
import itertools
import json
import os
import pathlib
import pwd
import selectors
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import cloud
import units

NEW_NAMESPACES = 0x00020000 | 0x20000000 | 0x04000000 | 0x08000000  # mount, pid, uts, ipc
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE, MS_REMOUNT = 1, 2, 4, 8, 4096, 16384, 1 << 18, 32
MNT_DETACH = 2
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
# exit codes that tell the lab why it is over
POWEROFF, REBOOT = 10, 11
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
# what would reach the computer that the lab runs on: its network, modules, hardware and clock
CAPABILITIES = (12, 16, 17, 25)
PR_SET_PDEATHSIG, PR_CAPBSET_DROP = 1, 24
# how long those who are told to end may take
GRACE = 0.3
libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(source, target, kind=None, flags=0, data=None):
    raw = [None if each is None else os.fsencode(each) for each in (source, target, kind, data)]
    check(libc.mount(raw[0], raw[1], raw[2], ctypes.c_ulong(flags), raw[3]))


def make_root(spec):
    """Mounts the machine's file system, and makes it the only one."""
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    # options hold a page at most, so that paths are short
    os.chdir(spec["folder"])
    own = spec["own"]
    options = f"lowerdir={':'.join(spec['lower'])},upperdir={own}/upper,workdir={own}/work,redirect_dir=on"
    try:
        mount("overlay", f"{own}/root", "overlay", data=f"{options},volatile")
    except OSError:
        mount("overlay", f"{own}/root", "overlay", data=options)
    root = os.path.abspath(f"{own}/root")
    for name in ("proc", "sys", "run", "dev", "tmp"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("sysfs", f"{root}/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("tmpfs", f"{root}/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    make_devices(f"{root}/dev")
    # the network, the clock and the kernel are those of the computer that the lab runs on: no way to them
    for path, kind in (("proc/sys", "dir"), ("proc/sysrq-trigger", "file")):
        target = f"{root}/{path}"
        if os.path.exists(target):
            if kind == "dir":
                mount(target, target, flags=MS_BIND)
                mount(None, target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
            else:
                mount("/dev/null", target, flags=MS_BIND)
    os.chdir(root)
    check(libc.syscall(SYS_PIVOT_ROOT[os.uname().machine], b".", b"."))
    check(libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def make_devices(dev):
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755")
    for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
        os.mknod(f"{dev}/{name}", 0o020666, os.makedev(1, minor))
        os.chmod(f"{dev}/{name}", 0o666)
    os.mknod(f"{dev}/tty", 0o020666, os.makedev(5, 0))
    os.chmod(f"{dev}/tty", 0o666)
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"{dev}/{name}")
    mount("devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    mount("tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    # what is written to the console is told by the lab
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "console": "/proc/1/fd/1"}
    for name, target in {**links, "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        os.symlink(target, f"{dev}/{name}")


def spawn(argv, env=None, stdin=None, stdout=None, stderr=None, cwd="/", user=None):
    """Starts a process in a session of its own; without descriptors it has none of ours."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in range(1, signal.NSIG):
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                try:
                    signal.signal(number, signal.SIG_DFL)
                except (OSError, ValueError):
                    pass
        null = os.open("/dev/null", os.O_RDWR)
        files = [null if each is None else each for each in (stdin, stdout, stderr)]
        # away from the numbers that they are to have
        files = [duplicate(each) for each in files]
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.closerange(3, 4096)
        os.chdir(cwd)
        env = {**ENVIRONMENT, **(env or {})}
        if user:
            entry = pwd.getpwnam(user)
            os.initgroups(user, entry.pw_gid)
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            env = {**env, "HOME": entry.pw_dir, "USER": user, "LOGNAME": user, "SHELL": entry.pw_shell}
        os.execvpe(argv[0], argv, env)
    except BaseException as why:
        os.write(2, f"{argv[0]}: {why}\n".encode())
        os._exit(203)


def duplicate(number):
    return fcntl.fcntl(number, fcntl.F_DUPFD, 100)


class Init:
    def __init__(self, control, spec):
        self.control, self.spec = control, spec
        self.selector = selectors.DefaultSelector()
        self.timers, self.order = [], itertools.count()
        # what is to be done when a child has ended: pid -> function of its exit status
        self.children = {}
        # sshd's process -> a copy of its connection
        self.connections = {}
        self.hung = False
        self.ending = None
        self.booted = collections.deque()
        self.boot_status = None
        self.spawn = spawn
        self.units = units.Units(self)

    # what happens

    def tell(self, **message):
        try:
            self.control.send(json.dumps(message).encode())
        except OSError:
            os._exit(0)

    def after(self, seconds, action):
        entry = (time.monotonic() + seconds, next(self.order), action)
        heapq.heappush(self.timers, entry)
        return entry

    def forget(self, entry):
        if entry in self.timers:
            self.timers.remove(entry)
            heapq.heapify(self.timers)

    def run(self):
        wake_out, wake_in = os.pipe()
        os.set_blocking(wake_in, False)
        os.set_blocking(wake_out, False)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("/run/lab.sock")
        os.chmod("/run/lab.sock", 0o666)
        listener.listen(64)
        self.selector.register(self.control, selectors.EVENT_READ, self.obey)
        self.selector.register(wake_out, selectors.EVENT_READ, lambda: os.read(wake_out, 4096))
        self.selector.register(listener, selectors.EVENT_READ, lambda: self.greet(listener))
        self.listener = listener
        self.boot()
        while True:
            wait = None
            if self.timers and not self.hung:
                wait = max(0, self.timers[0][0] - time.monotonic())
            for key, _ in self.selector.select(wait):
                key.data()
            self.reap()
            while not self.hung and self.timers and self.timers[0][0] <= time.monotonic():
                heapq.heappop(self.timers)[2]()

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                pid = 0
                if self.ending:
                    self.end()
            if not pid:
                return
            self.children.pop(pid, lambda _: None)(os.waitstatus_to_exitcode(status))

    # booting

    def boot(self):
        """Carries out user data in a process of its own; it tells when sshd may answer."""
        out, into = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setsid()
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                    signal.signal(number, signal.SIG_DFL)
                self.control.close()
                os.environ.clear()
                os.environ.update(ENVIRONMENT)
                status = cloud.boot(self.spec, lambda: os.write(into, b"u"))
            except BaseException:
                import traceback

                traceback.print_exc(file=sys.stdout)
            finally:
                sys.stdout.flush()
                os._exit(status)
        os.close(into)

        def hear():
            said = os.read(out, 1)
            if said:
                self.units.up()
                self.tell(event="up")
            else:
                self.selector.unregister(out)
                os.close(out)

        def over(status):
            self.boot_status = status
            if status:
                self.tell(event="failed")
            while self.booted:
                self.booted.popleft()(status)

        self.selector.register(out, selectors.EVENT_READ, hear)
        self.children[pid] = over

    # the lab's orders

    def obey(self):
        data, fds, *_ = socket.recv_fds(self.control, 65536, 4)
        if not data:
            os._exit(0)
        order = json.loads(data)
        getattr(self, f"do_{order.pop('do').replace('-', '_')}")(*fds, **order)

    def do_ssh(self, connection, impostor=False):
        argv = ["/usr/sbin/sshd", "-i", "-E", "/var/log/auth.log"]
        if impostor:
            argv += ["-h", self.impostor()]
        os.makedirs("/run/sshd", exist_ok=True)
        pid = spawn(argv, stdin=connection, stdout=connection)
        self.connections[pid] = connection

        def over(_):
            os.close(self.connections.pop(pid))

        self.children[pid] = over

    def impostor(self):
        key = "/run/impostor"
        if not os.path.exists(key):
            os.system(f"ssh-keygen -q -t ed25519 -N '' -f {key}")
        return key

    def do_cut(self):
        for connection in self.connections.values():
            try:
                socket.socket(fileno=os.dup(connection)).shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def do_hang(self):
        self.hung = True
        signal_all(signal.SIGSTOP)
        self.selector.unregister(self.listener)
        self.tell(event="hung")

    def do_wake(self):
        if self.hung:
            self.hung = False
            self.selector.register(self.listener, selectors.EVENT_READ, lambda: self.greet(self.listener))
            signal_all(signal.SIGCONT)
        self.tell(event="awake")

    def do_poweroff(self):
        self.go_down(POWEROFF)

    def do_reboot(self):
        self.go_down(REBOOT)

    # the machine's own wishes

    def greet(self, listener):
        connection, _ = listener.accept()
        connection.setblocking(False)
        gathered = bytearray()

        def hear():
            data = connection.recv(65536)
            gathered.extend(data)
            if data and not gathered.endswith(b"\n"):
                return
            self.selector.unregister(connection)
            if not data:
                connection.close()
                return
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            uid = struct.unpack("3i", credentials)[1]

            def answer(code, out="", err=""):
                connection.setblocking(True)
                try:
                    connection.sendall(json.dumps([code, out, err]).encode())
                except OSError:
                    pass
                connection.close()

            self.units.ask(json.loads(gathered), uid, answer)

        self.selector.register(connection, selectors.EVENT_READ, hear)

    def go_down(self, how, grace=GRACE, guest=False):
        """Tells all to end, ends those who do not, and then itself."""
        if self.ending or (self.hung and not guest):
            return
        self.ending = how
        self.tell(event="reboot" if how == REBOOT else "poweroff", guest=guest)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCONT):
            signal_all(number)
        self.after(grace, self.end)

    def end(self):
        sys.stdout.flush()
        os._exit(self.ending)


def signal_all(number):
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    spec = json.loads(pathlib.Path(sys.argv[2]).read_text())
    os.unlink(sys.argv[2])
    check(libc.unshare(NEW_NAMESPACES))
    os.umask(0o022)
    pid = os.fork()
    if pid:
        # the whole machine has ended when this wait ends
        control.send(json.dumps({"event": "born", "pid": pid}).encode())
        control.close()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        # reboot(2) within ends the first process by a signal
        os._exit({-signal.SIGINT: POWEROFF, -signal.SIGHUP: REBOOT}.get(status, max(status, 0) or 1))
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    try:
        make_root(spec)
        for capability in CAPABILITIES:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        socket.sethostname(spec["hostname"])
        os.makedirs("/run/systemd/system")
        Init(control, spec).run()
    except BaseException:
        import traceback

        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        os._exit(1)


if __name__ == "__main__":
    main()
