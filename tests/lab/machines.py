"""Machines: what a launched Linux instance really is, with `--machines`.

`of(instance_id)` gives a machine or None. The rest of the lab, and tests by `GET /lab/machines`, know of it:

instance   moto's instance
root       its file system as this process sees it, while it runs; otherwise None
running    whether it is up: its namespaces exist
hung       whether all within it is stopped: then nothing of it may answer
popen      runs a command within it: `popen(argv, user="root", **what subprocess.Popen takes)`
exists     whether it has a file
"""

_machines = {}


def of(instance_id):
    """The machine of an instance; None if it has none."""
    return _machines.get(instance_id)
