"""systemd's part that machines are asked for: transient services and timers, and the ways down.

What is not below is refused, so that nobody relies on what the lab does not do. A service is known by its invocation id,
which all that it starts inherit. Who is not root may only ask.
"""

import collections
import os
import re
import secrets
import shlex
import signal
import time

# properties of a service, with what is done about them; the others are taken and change nothing
PROPERTIES = {
    "Restart", "RestartSec", "StartLimitIntervalSec", "StartLimitBurst", "User", "WorkingDirectory", "Environment",
    "RemainAfterExit", "TimeoutStopSec", "FailureAction", "SuccessAction", "RuntimeMaxSec", "StandardOutput", "StandardError",
}  # fmt: skip
HARMLESS = {
    "Type", "KillMode", "Nice", "OOMScoreAdjust", "CPUWeight", "IOWeight", "Slice", "IgnoreSIGPIPE", "DefaultDependencies",
    "Description", "StandardInput", "SendSIGHUP", "LimitNOFILE", "TasksMax", "OOMPolicy", "ManagedOOMPreference",
    "AccuracySec", "SyslogIdentifier", "Delegate",
}  # fmt: skip
TIMER = {"OnActiveSec", "AccuracySec", "RemainAfterElapse", "Persistent", "RandomizedDelaySec"}
BUILT_IN = {"ssh.service", "sshd.service", "cron.service", "cloud-init.service", "multi-user.target", "basic.target"}
DOWN = {"poweroff": 10, "halt": 10, "reboot": 11}
VERBS = {"start", "stop", "restart", "try-restart", "reload", "reload-or-restart", "kill"}
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hr": 3600, "d": 86400, "": 1}
GRACE = 5


class Wrong(Exception):
    pass


def seconds(text):
    """A time span as systemd writes it: `90`, `5min`, `1h 30min`."""
    if text == "infinity":
        return float("inf")
    total, number, unit = 0.0, "", ""
    for char in [*text.strip(), " 0"]:
        if char[0].isdigit() or char == "." or char == " 0":
            if unit or char == " 0":
                if number == "" or unit not in UNITS:
                    raise Wrong(f"Failed to parse time span: {text}\n")
                total, number, unit = total + float(number) * UNITS[unit], "", ""
            number += char
        elif not char.isspace():
            unit += char
    return total


def expanded(argv, env):
    """What systemd makes of a command's words: `${NAME}` is a variable of its own, `$$` a dollar, `$NAME` alone words."""
    words = []
    for word in argv:
        if re.fullmatch(r"\$[A-Za-z_]\w*", word):
            words += env.get(word[1:], "").split()
        else:
            words.append(re.sub(r"\$\$|\$\{([^}:]*)\}", lambda at: "$" if at[1] is None else env.get(at[1], ""), word))
    return words


def truth(text):
    return text.lower() in ("1", "yes", "y", "true", "on")


class Service:
    def __init__(self, name, argv, properties, collect):
        self.name, self.argv, self.properties, self.collect = name, argv, properties, collect
        self.state, self.pid, self.id = "inactive", None, ""
        self.starts = collections.deque()
        self.waiting, self.stopping, self.deadline = None, [], None

    def of(self, key, default=""):
        return self.properties.get(key, [default])[-1]


class Units:
    def __init__(self, init):
        self.init = init
        self.services, self.timers = {}, {}
        self.ready = False
        self.ssh = True
        self.going = None

    def up(self):
        self.ready = True

    def ask(self, request, uid, answer):
        name, *args = request["argv"]
        handler = {
            "systemctl": self.systemctl,
            "systemd-run": self.systemd_run,
            "shutdown": self.shutdown,
            "cloud-init": self.cloud_init,
        }.get(name, self.down)
        try:
            handler(request["argv"], uid, answer)
        except Wrong as why:
            answer(1, "", str(why))

    # services

    def start(self, service):
        """Starts it unless it has been started too often."""
        service.waiting = None
        interval = seconds(service.of("StartLimitIntervalSec", "10"))
        burst = int(service.of("StartLimitBurst", "5"))
        now = time.monotonic()
        while service.starts and now - service.starts[0] > interval:
            service.starts.popleft()
        if interval and len(service.starts) >= burst:
            return self.over(service, "failed")
        service.starts.append(now)
        service.id = secrets.token_hex(16)
        env = {"INVOCATION_ID": service.id}
        for item in service.properties.get("Environment", []):
            env.update(pair.split("=", 1) for pair in shlex.split(item) if "=" in pair)
        os.makedirs("/run/log", exist_ok=True)
        log = os.open(f"/run/log/{service.name}.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o640)
        files = {}
        for key, which in (("StandardOutput", "stdout"), ("StandardError", "stderr")):
            kind, _, path = service.of(key, "journal").partition(":")
            mode = {"append": os.O_APPEND, "file": 0, "truncate": os.O_TRUNC}.get(kind)
            files[which] = os.open(path, os.O_CREAT | os.O_WRONLY | mode, 0o644) if mode is not None else os.dup(log)
            if kind == "null":
                os.close(files[which])
                files[which] = None
        service.pid = self.init.spawn(
            expanded(service.argv, env), env, cwd=service.of("WorkingDirectory", "/"), user=service.of("User", None), **files
        )
        for file in (log, *files.values()):
            if file is not None:
                os.close(file)
        service.state = "active"
        self.init.children[service.pid] = lambda status: self.ended(service, status)
        limit = seconds(service.of("RuntimeMaxSec", "infinity"))
        if limit != float("inf"):
            pid = service.pid
            self.init.after(limit, lambda: service.pid == pid and self.kill(service, signal.SIGTERM))
        return None

    def ended(self, service, status):
        service.pid = None
        # what it has left goes with it
        self.kill(service, signal.SIGKILL)
        if service.stopping:
            return self.over(service, "inactive")
        good = status == 0 or status in (-signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT, -signal.SIGPIPE)
        restart = service.of("Restart", "no")
        again = restart == "always" or restart == ("on-success" if good else "on-failure")
        again = again or (not good and status < 0 and restart in ("on-abnormal", "on-abort"))
        if again and not self.init.ending:
            service.state = "activating"
            service.waiting = self.init.after(seconds(service.of("RestartSec", "100ms")), lambda: self.start(service))
            return None
        if good and truth(service.of("RemainAfterExit", "no")):
            return None
        return self.over(service, "inactive" if good else "failed")

    def over(self, service, state):
        service.state = state
        for answer in service.stopping:
            answer()
        service.stopping = []
        # a transient unit that has ended well is forgotten, one that failed only if it is to be collected
        if state == "inactive" or service.collect:
            self.services.pop(service.name, None)
        action = service.of("FailureAction" if state == "failed" else "SuccessAction", "none").split("-")[0]
        if action in DOWN:
            self.init.go_down(DOWN[action], guest=True)

    def kill(self, service, number):
        """All that it has started."""
        mark = f"INVOCATION_ID={service.id}".encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        os.kill(int(pid), number)
            except OSError:
                pass

    def stop(self, service, done):
        if service.waiting:
            self.init.forget(service.waiting)
            service.waiting = None
        if service.pid is None:
            self.over(service, "inactive")
            return done()
        service.stopping.append(done)
        self.kill(service, signal.SIGTERM)
        self.kill(service, signal.SIGCONT)
        pid = service.pid
        grace = seconds(service.of("TimeoutStopSec", str(GRACE)))
        self.init.after(grace, lambda: service.pid == pid and self.kill(service, signal.SIGKILL))
        return None

    # commands

    def root_only(self, uid, what):
        if uid != 0:
            raise Wrong(f"{what}: Interactive authentication required.\n")

    def systemd_run(self, argv, uid, answer):
        self.root_only(uid, "Failed to start transient service unit")
        name = description = None
        properties, timer, quiet, collect, delay = {}, {}, False, False, None
        flags = {"--no-block", "--quiet", "-q", "--collect", "-G", "--no-ask-password"}
        valued = {
            "--unit", "--property", "-p", "--on-active", "--timer-property", "--description", "-u", "--uid", "--setenv", "-E",
            "--working-directory", "--slice", "--nice",
        }  # fmt: skip
        args = collections.deque(argv[1:])
        while args and args[0].startswith("-"):
            flag = args.popleft()
            if flag == "--":
                break
            if flag in flags:
                quiet, collect = quiet or flag in ("--quiet", "-q"), collect or flag in ("--collect", "-G")
                continue
            flag, given, value = flag.partition("=")
            if flag not in valued:
                raise Wrong(f"systemd-run: unrecognized option '{flag}'\n")
            if not given:
                if not args:
                    raise Wrong(f"systemd-run: option '{flag}' requires an argument\n")
                value = args.popleft()
            if flag in ("--unit", "-u"):
                name = value
            elif flag in ("--property", "-p"):
                key, given, value = value.partition("=")
                if not given or key not in PROPERTIES | HARMLESS:
                    raise Wrong(f"Unknown assignment: {key}={value}\n")
                properties.setdefault(key, []).append(value)
            elif flag == "--timer-property":
                key, given, value = value.partition("=")
                if not given or key not in TIMER:
                    raise Wrong(f"Unknown assignment: {key}={value}\n")
                timer[key] = value
            elif flag == "--on-active":
                delay = seconds(value)
            elif flag == "--description":
                description = value
            elif flag == "--uid":
                properties["User"] = [value]
            elif flag in ("--setenv", "-E"):
                properties.setdefault("Environment", []).append(shlex.quote(value))
            elif flag == "--working-directory":
                properties["WorkingDirectory"] = [value]
        if "OnActiveSec" in timer:
            delay = seconds(timer["OnActiveSec"])
        for key in ("RestartSec", "RuntimeMaxSec", "TimeoutStopSec", "StartLimitIntervalSec"):
            for value in properties.get(key, []):
                seconds(value)
        command = list(args)
        if not command:
            raise Wrong("Command line to execute required.\n")
        name = name or f"run-u{secrets.randbelow(10**6)}"
        name = name.removesuffix(".service").removesuffix(".timer")
        unit = f"{name}.service"
        if unit in self.services or (delay is not None and f"{name}.timer" in self.timers):
            kind = "timer" if delay is not None else "service"
            raise Wrong(
                f"Failed to start transient {kind} unit: Unit {name}.{kind} was already loaded or has a fragment file.\n"
            )
        if "/" not in command[0] and not any(os.access(f"{each}/{command[0]}", os.X_OK) for each in SEARCH):
            raise Wrong(f"Failed to find executable {command[0]}: No such file or directory\n")
        service = Service(unit, command, properties, collect)
        if delay is None:
            self.services[unit] = service
            self.start(service)
            return answer(0, "", "" if quiet else f"Running as unit: {unit}\n")

        def fire():
            self.timers.pop(f"{name}.timer", None)
            self.services[unit] = service
            self.start(service)

        def arm():
            self.timers[f"{name}.timer"] = (self.init.after(delay, fire), arm)

        arm()
        said = f"Running timer as unit: {name}.timer\nWill run service as unit: {unit}\n"
        return answer(0, "", "" if quiet else said)

    def systemctl(self, argv, uid, answer):
        force, quiet, block, words, signal_name = 0, False, True, [], "TERM"
        for arg in argv[1:]:
            if arg in ("--force", "-f"):
                force += 1
            elif arg == "-ff":
                force += 2
            elif arg in ("--quiet", "-q"):
                quiet = True
            elif arg == "--no-block":
                block = False
            elif arg in ("--no-ask-password", "--no-pager", "--no-wall", "--system", "-i", "--ignore-inhibitors"):
                pass
            elif arg.startswith("--signal="):
                signal_name = arg.partition("=")[2].removeprefix("SIG")
            elif arg.startswith("-"):
                raise Wrong(f"systemctl: unrecognized option '{arg}'\n")
            else:
                words.append(arg)
        verb, names = (words[0], words[1:]) if words else ("list-units", [])
        names = [name if "." in name else f"{name}.service" for name in names]
        if verb in DOWN:
            self.root_only(uid, f"Failed to {verb}")
            answer(0)
            return self.init.go_down(DOWN[verb], *([0] if force else []), guest=True)
        if verb in ("is-active", "is-failed"):
            states = [self.state(name) for name in names]
            wanted = ("active", "reloading") if verb == "is-active" else ("failed",)
            good = any(state in wanted for state in states)
            return answer(0 if good else 3 if verb == "is-active" else 1, "" if quiet else "".join(f"{s}\n" for s in states))
        if verb == "is-system-running":
            state = "running" if self.init.boot_status == 0 else "starting" if self.init.boot_status is None else "degraded"
            return answer(0 if state == "running" else 1, "" if quiet else f"{state}\n")
        if verb == "daemon-reload":
            return answer(0)
        if verb == "reset-failed":
            for name, service in list(self.services.items()):
                if service.state == "failed" and (not names or name in names):
                    del self.services[name]
            return answer(0)
        if verb not in VERBS:
            raise Wrong(f"Unknown command verb {verb}.\n")
        if not names:
            raise Wrong("Too few arguments.\n")
        self.root_only(uid, f"Failed to {verb} {names[0]}")
        for name in names:
            if name not in self.services and name not in self.timers and name not in BUILT_IN:
                code = 5
                return answer(code, "", f"Failed to {verb} {name}: Unit {name} not {'loaded' if verb == 'stop' else 'found'}.\n")
        left = list(names)

        def next_one():
            if left:
                return self.act(verb, left.pop(0), next_one, signal_name)
            return answer(0) if block else None

        if not block:
            answer(0)
        return next_one()

    def act(self, verb, name, done, signal_name):
        if name in BUILT_IN:
            if name in ("ssh.service", "sshd.service") and verb in ("stop", "start", "restart"):
                self.ssh = verb != "stop"
                self.init.tell(event="sshd", on=self.ssh)
            return done()
        if name in self.timers:
            entry, arm = self.timers[name]
            if verb in ("stop", "restart", "try-restart"):
                self.init.forget(entry)
                del self.timers[name]
                if verb != "stop":
                    arm()
            return done()
        service = self.services[name]
        if verb == "kill":
            self.kill(service, getattr(signal, f"SIG{signal_name}"))
            return done()
        if verb == "stop":
            return self.stop(service, done)
        if verb == "start" and service.state == "active":
            return done()

        def again():
            self.services[name] = service
            self.start(service)
            done()

        return self.stop(service, again)

    def state(self, name):
        if name in self.services:
            return self.services[name].state
        if name in self.timers:
            return "active"
        if name in ("ssh.service", "sshd.service"):
            return "active" if self.ready and self.ssh else "inactive"
        return "active" if name in BUILT_IN else "inactive"

    def shutdown(self, argv, uid, answer):
        self.root_only(uid, "Failed to shut down")
        how, when = "poweroff", "+1"
        for arg in argv[1:]:
            if arg in ("-h", "-P", "--poweroff", "-H", "--halt"):
                how = "poweroff"
            elif arg in ("-r", "--reboot"):
                how = "reboot"
            elif arg == "-c":
                how = None
            elif arg == "now" or arg.lstrip("+").isdigit():
                when = arg
            elif arg.startswith("-"):
                raise Wrong(f"shutdown: unrecognized option '{arg}'\n")
        if self.going:
            self.init.forget(self.going)
            self.going = None
        answer(0)
        if how:
            delay = 0 if when == "now" else 60 * int(when.lstrip("+"))
            go = lambda: self.init.go_down(DOWN[how], guest=True)
            self.going = self.init.after(delay, go)

    def down(self, argv, uid, answer):
        """poweroff, reboot, halt"""
        force = sum(arg in ("-f", "--force") for arg in argv[1:])
        self.systemctl(["systemctl", *["-f"] * force, os.path.basename(argv[0])], uid, answer)

    def cloud_init(self, argv, _, answer):
        if argv[1:2] != ["status"] or set(argv[2:]) - {"--wait"}:
            raise Wrong("cloud-init: the lab knows `status [--wait]` only\n")

        def tell(status):
            answer(1 if status else 0, f"status: {'error' if status else 'done'}\n")

        if self.init.boot_status is not None:
            tell(self.init.boot_status)
        elif "--wait" in argv:
            self.init.booted.append(tell)
        else:
            answer(0, "status: running\n")


SEARCH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
