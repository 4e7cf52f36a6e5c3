"""Runs the lab: moto's server with the behaviours of AWS that moto lacks, on the loopback interface.

Prints one line of JSON with the endpoint when it is ready, and ends when its standard input is closed, so that it never
outlives the test that started it; Ctrl-C ends it too. What the lab does differently from moto is in `behaviours/`, a file
each; how calls are made to fail is in `faults.py`; what instances are, with `--machines`, is in `machines.py`.
`cargo run --example lab` starts one to play with.
"""

import argparse
import json
import logging
import os
import pathlib
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent


def read_options(arguments=None):
    parser = argparse.ArgumentParser(description="An AWS that behaves (EC2, IAM, STS and its price list), for tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    seconds = {
        "boot": (0.4, "from pending to running"),
        "end": (0.4, "from shutting-down to terminated"),
        "stop": (0.4, "from stopping to stopped"),
        "image": (0.0, "from pending to available, of an image and its snapshots"),
        "forget": (3600.0, "until a terminated instance is no longer listed"),
        "address": (0.0, "from running to having a public address, of a machine"),
        "ssh": (0.0, "from running to sshd answering, at the soonest, of a machine"),
        "consistent": (0.0, "until a launched instance is seen"),
        "iam": (0.0, "until a new instance profile is known to EC2"),
        "ssm-delay": (0.05, "between the states of a command of Systems Manager"),
        "ssm-unseen": (0.0, "until a command that was sent is known to those who ask for it"),
    }
    for name, (default, what) in seconds.items():
        parser.add_argument(f"--{name}", type=float, default=default, metavar="SECS", help=f"{what} (default {default})")
    parser.add_argument("--page", type=int, default=1000, help="no answer lists more than this many (default 1000)")
    parser.add_argument("--iam-policies", action="store_true", help="have AWS's managed policies; takes a second")
    parser.add_argument("--machines", metavar="DIR", help="Linux instances are real machines, with their files below DIR")
    here = "commands of Systems Manager run on this computer, whatever the instance"
    parser.add_argument("--ssm-here", action="store_true", help=here)
    return parser.parse_args(arguments)


def prepare_moto(options):
    """Moto reads its settings when it is imported, so they come first."""
    os.environ.update(
        MOTO_AMIS_PATH=str(HERE / "amis.json"),
        MOTO_IAM_LOAD_MANAGED_POLICIES=str(options.iam_policies).lower(),
        MOTO_ENABLE_AMI_VALIDATION="true",
        MOTO_ENABLE_KEYPAIR_VALIDATION="true",
        MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION="true",
    )


def end_with_stdin(lab):
    sys.stdin.buffer.read()
    end(lab)


def end(lab):
    if lab.house:
        lab.house.close()
    os._exit(0)


def give_machines(lab):
    from machines import House, Unable

    try:
        lab.house = House(lab, lab.options.machines)
    except Unable as why:
        sys.exit(str(why))


def main():
    options = read_options()
    prepare_moto(options)

    from werkzeug.serving import WSGIRequestHandler, make_server

    from front import Front
    from lab import Lab

    class Quiet(WSGIRequestHandler):
        """Writes no line about each request."""

        def log_request(self, *_):
            pass

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    lab = Lab(options)
    if options.machines:
        give_machines(lab)
    lab.install_behaviours()
    threading.Thread(target=end_with_stdin, args=(lab,), daemon=True).start()
    if options.machines:
        threading.Thread(target=lab.keep_time, daemon=True).start()
    server = make_server("127.0.0.1", options.port, Front(lab), threaded=True, request_handler=Quiet)
    print(json.dumps({"endpoint": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        end(lab)


if __name__ == "__main__":
    main()
