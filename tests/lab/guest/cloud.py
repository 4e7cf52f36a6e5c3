"""What cloud-init does at boot with a machine's user data; what is not below has been refused before, see `userdata.py`.

In its order: `bootcmd` at every boot; `write_files`, users, host keys and `ssh_pwauth` once for an instance id; then sshd
answers; then deferred files, `package_update` and `runcmd` or the script, once too. A command that fails is told on the
console and stops nothing. An image of the machine carries the files of an instance that is not this one.
"""

import base64
import binascii
import glob
import grp
import gzip
import os
import pathlib
import pwd
import shlex
import subprocess
import time

STATE = pathlib.Path("/var/lib/cloud")
DISABLED = (
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please login as the user \\\"{user}\\\" "
    "rather than the user \\\"root\\\".';echo;sleep 10;exit 142\" "
)
# RSA takes a machine of the lab too long
KINDS = ("ed25519", "ecdsa")


def say(text):
    print(text, flush=True)


def warn(what, why):
    say(f"cloud-init[1]: WARNING: {what}: {why}")


def run(argv, **more):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, **more)
    if done.returncode:
        warn(f"Running {argv[0]}", f"exit code {done.returncode}")
    return done.returncode


def boot(spec, up):
    """Gives the exit status of it all; calls `up` when sshd may answer."""
    say("[    0.000000] Linux version (lab)")
    say(f"Cloud-init v. 22.4.2 running 'init' of {spec['instance']}")
    os.makedirs("/run/cloud-init", exist_ok=True)
    if spec["errors"]:
        for error in spec["errors"]:
            say(f"cloud-init[1]: ERROR: {error}")
        say("cloud-init[1]: the lab does not boot with user data that it does not carry out whole")
        return 3
    config = spec["config"]
    told = STATE / "data" / "instance-id"
    first = not told.exists() or told.read_text().strip() != spec["instance"]
    if first:
        name_it(spec)
        keep_data(spec, told)
    commands(config.get("bootcmd"), "bootcmd", spec)
    if first:
        files(config, deferred=False)
        users(config, spec)
        host_keys(config)
        passwords(config)
    up()
    if first:
        files(config, deferred=True)
        if config.get("package_update"):
            run(["apt-get", "-qq", "update"])
        commands(config.get("runcmd"), "runcmd", spec)
        script(spec)
    fingerprints()
    say(f"Cloud-init v. 22.4.2 finished at {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}")
    (STATE / "instance" / "boot-finished").write_text(f"{time.time()}\n")
    pathlib.Path("/run/cloud-init/result.json").write_text('{"v1": {"errors": []}}\n')
    return 0


def name_it(spec):
    pathlib.Path("/etc/hostname").write_text(spec["hostname"] + "\n")
    pathlib.Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n{spec['address']} {spec['hostname']}\n::1 localhost\n")


def keep_data(spec, told):
    """cloud-init keeps user data, secrets and all, where root reads it."""
    own = STATE / "instances" / spec["instance"]
    for folder in (own, told.parent):
        folder.mkdir(parents=True, exist_ok=True)
    link = STATE / "instance"
    link.unlink(missing_ok=True)
    link.symlink_to(own)
    (own / "user-data.txt").touch(0o600)
    (own / "user-data.txt").write_bytes(base64.b64decode(spec["user_data"]))
    told.write_text(spec["instance"] + "\n")


def commands(items, name, spec):
    """One shell script of all of them: a text is a line of it, a list is quoted."""
    if not items:
        return
    lines = [item if isinstance(item, str) else shlex.join(map(str, item)) for item in items]
    path = pathlib.Path(f"/run/cloud-init/{name}")
    path.write_text("#!/bin/sh\n" + "".join(f"{line}\n" for line in lines))
    run(["/bin/sh", str(path)], env={**os.environ, "INSTANCE_ID": spec["instance"]}, cwd="/")


def script(spec):
    if spec["script"]:
        path = STATE / "instance" / "part-001"
        path.write_bytes(base64.b64decode(spec["script"]))
        path.chmod(0o700)
        run([str(path)], cwd="/")


def files(config, deferred):
    for item in config.get("write_files") or []:
        if bool(item.get("defer")) != deferred:
            continue
        try:
            write(item)
        except (OSError, LookupError, ValueError, binascii.Error) as why:
            warn(f"write_files {item.get('path')}", why)


def write(item):
    content = item.get("content", "")
    content = content if isinstance(content, bytes) else str(content).encode()
    encoding = item.get("encoding", "text/plain")
    if encoding in ("b64", "base64", "gz+b64", "gzip+base64", "gz+base64", "gzip+b64"):
        content = base64.b64decode(content)
    if encoding.startswith("gz"):
        content = gzip.decompress(content)
    path = pathlib.Path(item["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab" if item.get("append") else "wb") as file:
        file.write(content)
    mode = item.get("permissions", "0644")
    path.chmod(mode if isinstance(mode, int) else int(mode, 8))
    user, _, group = item.get("owner", "root:root").partition(":")
    os.chown(path, pwd.getpwnam(user).pw_uid, grp.getgrnam(group or user).gr_gid)


def listed(value):
    if value is None:
        return []
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else list(value)


def users(config, spec):
    """Without `users` there is the image's own; with it there is that one only if `default` is among them."""
    wanted = config.get("users", ["default"])
    default = {
        "name": spec["user"],
        "groups": [group for group in ("adm", "audio", "cdrom", "dialout", "dip", "floppy", "plugdev", "video", "sudo")],
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": spec["keys"],
    }
    with_default = False
    for item in wanted:
        if item == "default":
            item, with_default = default, True
        elif isinstance(item, str):
            item = {"name": item}
        try:
            user(item)
        except (OSError, LookupError) as why:
            warn(f"users: {item['name']}", why)
    if spec["keys"]:
        # the pair of the launch lets one in as root only to be told of the other user
        prefix = DISABLED.format(user=spec["user"] if with_default else "NONE") if config.get("disable_root", True) else ""
        authorize("root", [prefix + key for key in spec["keys"]])


def user(item):
    name = item["name"]
    groups = listed(item.get("groups"))
    for group in [*groups, *listed(item.get("primary_group"))]:
        try:
            grp.getgrnam(group)
        except KeyError:
            run(["groupadd", group])
    try:
        pwd.getpwnam(name)
        say(f"cloud-init[1]: User {name} already exists, skipping.")
    except KeyError:
        argv = ["useradd", name, "-m"]
        argv += ["--groups", ",".join(groups)] if groups else []
        argv += ["--gid", item["primary_group"]] if item.get("primary_group") else []
        argv += ["--shell", item["shell"]] if item.get("shell") else []
        run(argv)
    if item.get("lock_passwd", True):
        run(["passwd", "-q", "-l", name])
    if item.get("sudo"):
        rules = [item["sudo"]] if isinstance(item["sudo"], str) else item["sudo"]
        path = pathlib.Path("/etc/sudoers.d/90-cloud-init-users")
        before = path.read_text() if path.exists() else "# Created by cloud-init\n"
        path.touch(0o440)
        path.write_text(before + "".join(f"{name} {rule}\n" for rule in rules))
    if item.get("ssh_authorized_keys"):
        authorize(name, listed_keys(item["ssh_authorized_keys"]))


def listed_keys(value):
    return [value] if isinstance(value, str) else value


def authorize(name, keys):
    entry = pwd.getpwnam(name)
    folder = pathlib.Path(entry.pw_dir) / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "authorized_keys"
    known = path.read_text().splitlines() if path.exists() else []
    path.touch(0o600)
    path.write_text("".join(f"{line}\n" for line in [*known, *(key.strip() for key in keys if key.strip() not in known)]))
    for each in (folder, path):
        os.chown(each, entry.pw_uid, entry.pw_gid)


def host_keys(config):
    if config.get("ssh_deletekeys", True):
        for path in glob.glob("/etc/ssh/ssh_host_*key*"):
            os.unlink(path)
    given = config.get("ssh_keys")
    if given:
        for name, value in given.items():
            kind, half = name.split("_")
            path = pathlib.Path(f"/etc/ssh/ssh_host_{kind}_key{'.pub' if half == 'public' else ''}")
            path.unlink(missing_ok=True)
            path.touch(0o644 if half == "public" else 0o600)
            path.write_text(value)
        return
    making = []
    for kind in KINDS:
        path = f"/etc/ssh/ssh_host_{kind}_key"
        if not os.path.exists(path):
            making.append(subprocess.Popen(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], stdin=subprocess.DEVNULL))
    for process in making:
        process.wait()


def passwords(config):
    value = config.get("ssh_pwauth", "unchanged")
    if value != "unchanged":
        allowed = "yes" if value in (True, "yes", "true", "True", 1) else "no"
        folder = pathlib.Path("/etc/ssh/sshd_config.d")
        folder.mkdir(exist_ok=True)
        (folder / "50-cloud-init.conf").write_text(f"PasswordAuthentication {allowed}\n")


def fingerprints():
    """As the console of an EC2 instance has them."""
    prefix = time.strftime("<14>%b %d %H:%M:%S cloud-init: ", time.gmtime())
    lines = ["#############################################################", "-----BEGIN SSH HOST KEY FINGERPRINTS-----"]
    for path in sorted(glob.glob("/etc/ssh/ssh_host_*_key.pub")):
        told = subprocess.run(["ssh-keygen", "-l", "-f", path], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        lines += told.stdout.splitlines()
    lines += ["-----END SSH HOST KEY FINGERPRINTS-----", lines[0]]
    for line in lines:
        say(prefix + line)
    say("-----BEGIN SSH HOST KEY KEYS-----")
    for path in sorted(glob.glob("/etc/ssh/ssh_host_*_key.pub")):
        say(pathlib.Path(path).read_text().strip())
    say("-----END SSH HOST KEY KEYS-----")
