"""The lab itself: its options, its clock, and how behaviours take the place of moto's methods.

What is to happen later is kept in a queue and done before the next call is carried out: without machines nothing runs in
the background. With them a thread does it when it is due.
"""

import datetime
import functools
import heapq
import importlib
import itertools
import pkgutil
import threading
import time

import behaviours


class Refusal(Exception):
    """Raised anywhere below a call: AWS's error code, message and HTTP status."""

    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def around(owner, name):
    """Decorates a function that takes the place of a method of moto, and gets that method as its first argument."""

    def put(function):
        original = getattr(owner, name)

        @functools.wraps(original)
        def method(self, *args, **kwargs):
            return function(original, self, *args, **kwargs)

        setattr(owner, name, method)
        return method

    return put


class Lab:
    def __init__(self, options):
        self.options = options
        # calls are carried out one at a time: moto's dictionaries know no threads
        self.lock = threading.RLock()
        self._due = []
        self._order = itertools.count()
        self._at_reset = []
        self._news = threading.Condition(self.lock)
        # what machines are kept in, with `--machines`; and what is done to instances by calls and from within
        self.house = None
        self.reboot_instance = self.stop_instance = self.end_instance = lambda _: None

    def install_behaviours(self):
        for module in sorted(pkgutil.iter_modules(behaviours.__path__), key=lambda module: module.name):
            importlib.import_module(f"behaviours.{module.name}").install(self)

    def after(self, seconds, action):
        """Does it after so many seconds; zero is at once."""
        if seconds <= 0:
            action()
        else:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))
            with self._news:
                self._news.notify_all()

    def settle(self):
        """Does what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def keep_time(self):
        """Does what is due when it is; a thread of its own, for machines go on without calls."""
        while True:
            with self._news:
                self.settle()
                self._news.wait(max(0, self._due[0][0] - time.monotonic()) if self._due else None)

    def at_reset(self, action):
        self._at_reset.append(action)

    def reset(self):
        from moto.moto_api._internal.models import moto_api_backend

        self._due.clear()
        if self.house:
            self.house.reset()
        for action in self._at_reset:
            action()
        moto_api_backend.reset()

    def hasten(self, seconds):
        """Lets what waits come so much sooner."""
        self._due = [(due - seconds, order, action) for due, order, action in self._due]
        heapq.heapify(self._due)
        self.settle()

    def age(self, seconds):
        """The same, and everything is as if made so much earlier."""
        shift = datetime.timedelta(seconds=seconds)
        for thing, name in _dated():
            if getattr(thing, name, None):
                setattr(thing, name, getattr(thing, name) - shift)
        self.hasten(seconds)


def ec2_backends():
    """Every region's EC2 that has been used."""
    from moto.ec2.models import ec2_backends as accounts

    return [backend for regions in list(accounts.values()) for backend in list(regions.values())]


def _dated():
    """Everything that carries a time, with the name of the time."""
    from moto.iam.models import iam_backends

    for backend in ec2_backends():
        for reservation in backend.reservations.values():
            for instance in reservation.instances:
                yield instance, "launch_time"
                yield instance, "ended_at"
        yield from ((volume, "create_time") for volume in backend.volumes.values())
        yield from ((snapshot, "start_time") for snapshot in backend.snapshots.values())
        yield from ((image, "creation_date") for image in backend.amis.values())
        yield from ((pair, "create_time") for pair in backend.key_pairs.values())
    for partitions in list(iam_backends.values()):
        for backend in list(partitions.values()):
            yield from ((role, "create_date") for role in backend.roles.values())
            yield from ((profile, "create_date") for profile in backend.instance_profiles.values())
