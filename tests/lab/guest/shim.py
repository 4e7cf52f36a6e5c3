#!/usr/bin/python3 -IS
"""systemctl, systemd-run, shutdown, poweroff, reboot, halt and cloud-init of a machine: asks the first process."""
import json, os, socket, sys

ask = socket.socket(socket.AF_UNIX)
try:
    ask.connect("/run/lab.sock")
    ask.sendall(json.dumps({"argv": [os.path.basename(sys.argv[0]), *sys.argv[1:]], "cwd": os.getcwd()}).encode() + b"\n")
    said = b"".join(iter(lambda: ask.recv(65536), b""))
    code, out, err = json.loads(said)
except (OSError, ValueError):
    code, out, err = 1, "", "Failed to connect to bus\n"
sys.stdout.write(out)
sys.stderr.write(err)
sys.stdout.flush()
sys.exit(code)
