"""The lowest layers of machines: the computer's own files, and over them what makes them those of a fresh public image.

A layer may not lie within another one, so where the machines' folder is on the file system of `/` the two are mounted as
one first; overlayfs may be a layer of overlayfs once. Where it cannot hold what overlayfs writes, as in a container, the
folder is a file system in memory.
"""

import ctypes
import os
import pathlib
import shutil
import stat

HERE = pathlib.Path(__file__).resolve().parent
# below the machines' folder
FOLDERS = ("machines", "layers", "systems", "trash")
# what an image has of its own at the top; other names of this computer are hidden
EMPTY = {**dict.fromkeys(("boot", "home", "media", "mnt", "opt", "srv"), 0o755), "root": 0o700, "tmp": 0o1777}
MOUNTED = ("dev", "proc", "run", "sys")
HIDDEN = ("etc/ssh", "etc/sudoers.d", "var/tmp", "var/lib/cloud", "usr/local/bin", "usr/local/sbin")
KEPT = ("bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr", "var")
SSHD = """Include /etc/ssh/sshd_config.d/*.conf
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
"""
SUDOERS = """Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
"""
DEBIAN = """PRETTY_NAME="Debian GNU/Linux {number} ({name})"
NAME="Debian GNU/Linux"
VERSION_ID="{number}"
VERSION="{number} ({name})"
VERSION_CODENAME={name}
ID=debian
HOME_URL="https://www.debian.org/"
"""
UBUNTU = """PRETTY_NAME="Ubuntu {number} LTS"
NAME="Ubuntu"
VERSION_ID="{number}"
VERSION="{number} LTS"
VERSION_CODENAME={name}
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME={name}
"""
SHIMS = {
    "usr/bin": ("systemctl", "systemd-run", "cloud-init"),
    "usr/sbin": ("shutdown", "poweroff", "reboot", "halt"),
}
# part of an image's name, its file os-release, and the user that cloud-init makes
KINDS = [
    ("debian-13", DEBIAN.format(number="13", name="trixie"), "admin"),
    ("jammy-22.04", UBUNTU.format(number="22.04", name="jammy"), "ubuntu"),
    ("noble-24.04", UBUNTU.format(number="24.04", name="noble"), "ubuntu"),
    ("ubuntu", UBUNTU.format(number="18.04", name="bionic"), "ubuntu"),
    ("", DEBIAN.format(number="12", name="bookworm"), "admin"),
]
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, data):
    if libc.mount(os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(0), data.encode()):
        number = ctypes.get_errno()
        raise OSError(number, f"mount of {kind}: {os.strerror(number)}")


class System:
    def __init__(self, user, lower):
        self.user, self.lower = user, lower


class Systems:
    def __init__(self, folder):
        self.folder, self.made = folder, {}
        try:
            self.of("")
        except OSError:
            # the folder's file system cannot be written through
            mount("tmpfs", folder, "tmpfs", "mode=755")
            for name in FOLDERS:
                (folder / name).mkdir()
            self.of("")

    def of(self, name):
        """The system of an image by the image's name."""
        index = next(index for index, kind in enumerate(KINDS) if kind[0] in name)
        if index not in self.made:
            self.made[index] = self.make(index)
        return self.made[index]

    def make(self, index):
        _, release, user = KINDS[index]
        own = self.folder / "systems" / str(index)
        shutil.rmtree(own, ignore_errors=True)
        for name in ("upper", "work", "root"):
            (own / name).mkdir(parents=True)
        upper, root = own / "upper", own / "root"
        upper.chmod(0o755)
        hide(upper)
        mount("overlay", root, "overlay", f"lowerdir=/,upperdir={upper},workdir={own}/work")
        fill(root, release)
        if user == "ubuntu":
            # Ubuntu's images come with the agent of Systems Manager as a snap, Debian's without
            (root / "snap/bin").mkdir(parents=True, exist_ok=True)
            (root / "snap/bin/amazon-ssm-agent").touch(0o755)
        if os.stat(own).st_dev == os.stat("/").st_dev:
            return System(user, [f"systems/{index}/root"])
        libc.umount2(os.fsencode(root), MNT_DETACH)
        return System(user, [f"systems/{index}/upper", "/"])


def hide(upper):
    """Whiteouts of what the computer has and an image has not."""
    for name in os.listdir("/"):
        if name not in KEPT:
            os.mknod(upper / name, stat.S_IFCHR, 0)
    for path in HIDDEN:
        if not os.path.lexists(f"/{path}"):
            continue
        parent = upper
        for part in pathlib.PurePath(path).parts[:-1]:
            parent = parent / part
            parent.mkdir(exist_ok=True)
            parent.chmod(0o755)
        os.mknod(upper / path, stat.S_IFCHR, 0)


def fill(root, release):
    for name, mode in EMPTY.items():
        (root / name).mkdir()
        (root / name).chmod(mode)
    for name in MOUNTED:
        (root / name).mkdir()
    for name in HIDDEN:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "var/tmp").chmod(0o1777)
    (root / "etc/ssh/sshd_config.d").mkdir()
    texts = {
        "etc/ssh/sshd_config": SSHD,
        "etc/sudoers": SUDOERS,
        "etc/environment": "",
        "etc/hostname": "localhost\n",
        "etc/hosts": "127.0.0.1 localhost\n",
        "etc/machine-id": "",
        "root/.bashrc": "",
        "root/.profile": "",
        **people(),
    }
    for name, text in texts.items():
        path = root / name
        mode = stat.S_IMODE(os.stat(f"/{name}").st_mode) if os.path.exists(f"/{name}") else 0o644
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o440 if name == "etc/sudoers" else mode)
    for name in ("etc/shadow", "etc/gshadow"):
        shutil.copystat(f"/{name}", root / name)
        owner = os.stat(f"/{name}")
        os.chown(root / name, owner.st_uid, owner.st_gid)
    release_path = root / "etc/os-release"
    release_path.unlink(missing_ok=True)
    release_path.write_text(release)
    shim = (HERE / "guest" / "shim.py").read_text()
    for folder, names in SHIMS.items():
        for name in names:
            path = root / folder / name
            path.unlink(missing_ok=True)
            path.write_text(shim)
            path.chmod(0o755)


def people():
    """The system's own users and groups, without those of persons."""
    names = ("passwd", "group", "shadow", "gshadow")
    lines = {name: pathlib.Path(f"/etc/{name}").read_text().splitlines() for name in names}

    def own(line):
        return not 1000 <= int(line.split(":")[2]) < 60000

    kept = {name: [line for line in lines[name] if line and own(line)] for name in ("passwd", "group")}
    users, groups = ({line.split(":")[0] for line in kept[name]} for name in ("passwd", "group"))
    # groups have members, who may be persons
    kept["group"] = [only(line, users) for line in kept["group"]]
    kept["shadow"] = [line for line in lines["shadow"] if line.split(":")[0] in users]
    kept["gshadow"] = [only(line, users) for line in lines["gshadow"] if line.split(":")[0] in groups]
    return {f"etc/{name}": "".join(f"{line}\n" for line in of) for name, of in kept.items()}


def only(line, users):
    head, _, members = line.rpartition(":")
    return f"{head}:{','.join(member for member in members.split(',') if member in users)}"
