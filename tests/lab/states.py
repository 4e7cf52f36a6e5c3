"""The states of an instance, and how it goes from one to the next."""

import datetime

from moto.ec2.models.instances import InstanceState, StateReason

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


def state(name):
    return InstanceState(name, CODES[name])


# each is told of an instance, the state it had and the one it has now
watchers = []


def set_state(instance, name):
    before = instance._state.name
    instance._state = state(name)
    for watcher in watchers:
        watcher(instance, before, name)


def go_on(lab, seconds, instance, old, new):
    """From one state to the next after so long, unless something else has happened in between."""

    def do():
        if instance.state == old:
            set_state(instance, new)

    set_state(instance, old)
    lab.after(seconds, do)


def user_ended(instance):
    """Notes that and when the user stopped or terminated it."""
    instance.ended_at = datetime.datetime.now(datetime.timezone.utc)
    note_reason(instance, "Client.UserInitiatedShutdown", "User initiated shutdown")


def note_reason(instance, code, message):
    instance.state_reason = StateReason(f"{code}: {message}", code)


def changes(done):
    """The part of an answer that tells what became of each instance: (instance, state before, state now)."""
    return [
        {"InstanceId": instance.id, "PreviousState": before, "CurrentState": state(now)} for instance, before, now in done
    ]
