"""A package of the agent of Systems Manager as Debian would take it, small: the same bytes each time it is made."""

import gzip
import io
import tarfile

CONTROL = """Package: amazon-ssm-agent
Version: 3.3.0.0-1
Architecture: all
Maintainer: the lab <lab@example.org>
Description: stands in for the agent of AWS Systems Manager
"""
AGENT = "#!/bin/sh\nexec sleep infinity\n"
UNIT = """[Unit]
Description=amazon-ssm-agent

[Service]
ExecStart=/usr/bin/amazon-ssm-agent
KillMode=process
Restart=always

[Install]
WantedBy=multi-user.target
"""


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        folders = sorted({"/".join(name.split("/")[:end]) for name in files for end in range(1, name.count("/") + 1)})
        for name in folders:
            info = tarfile.TarInfo(f"./{name}")
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(info)
        for name, (mode, text) in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.mode, info.size = mode, len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue(), mtime=0)


def package():
    """The bytes of `amazon-ssm-agent.deb`."""
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": tar({"control": (0o644, CONTROL)}),
        "data.tar.gz": tar(
            {
                "usr/bin/amazon-ssm-agent": (0o755, AGENT),
                "lib/systemd/system/amazon-ssm-agent.service": (0o644, UNIT),
            }
        ),
    }
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        out += data + b"\n" * (len(data) % 2)
    return out
