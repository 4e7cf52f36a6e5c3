"""Port 22 of each machine: who may come in, and what they meet.

`drop`    a packet gets no answer, so that connecting times out: no group lets one in, or nothing is there any more
`refuse`  the port is closed: the machine runs, and sshd does not yet
`ignore`  connecting succeeds, and nothing follows: all within is stopped
`answer`  a connection goes to the machine's sshd, if a group of the instance lets its peer in

A packet is dropped by a full backlog. Whether one is let in is decided when one connects, as a security group does.
"""

import ipaddress
import os
import random
import selectors
import socket
import threading

PORT = 22
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


class Doors:
    """All doors, and the thread that waits at them."""

    def __init__(self, lab):
        self.lab = lab
        self.selector = selectors.DefaultSelector()
        self.lock = threading.Lock()
        self.wake_out, self.wake_in = os.pipe()
        self.selector.register(self.wake_out, selectors.EVENT_READ, None)
        self.changes = []
        self.bind().close()
        threading.Thread(target=self.wait, daemon=True).start()

    def bind(self):
        """A socket on an address that nobody has; several labs may be there."""
        for left in reversed(range(50)):
            address = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
            listener = socket.socket()
            try:
                listener.bind((address, PORT))
                # only now: nobody shares the address, and old connections do not hinder listening again
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                return listener
            except OSError as why:
                listener.close()
                if not left:
                    hint = "is there an SSH server on all addresses?"
                    raise OSError(why.errno, f"port {PORT} of {address}: {why.strerror} ({hint})") from why
        return None

    def open(self, machine):
        return Door(self, machine, self.bind())

    def change(self, action):
        """The selector is the thread's alone."""
        with self.lock:
            self.changes.append(action)
        os.write(self.wake_in, b"x")

    def wait(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    os.read(self.wake_out, 4096)
                    with self.lock:
                        changes, self.changes = self.changes, []
                    for action in changes:
                        action()
                else:
                    key.data.come_in()


class Door:
    def __init__(self, doors, machine, listener):
        self.doors, self.machine, self.listener = doors, machine, listener
        self.address = listener.getsockname()[0]
        listener.setblocking(False)
        self.mode, self.filler, self.retired = "refuse", None, False
        # peers who wait for an answer that never comes
        self.held = []

    def lets_in(self, peer=None):
        """Whether a rule lets this peer in; without one whether it lets any of this computer in."""
        for rule in (rule for group in self.machine.instance.security_groups for rule in group.ingress_rules):
            cidr = rule.ip_range.get("CidrIp")
            port = rule.ip_protocol == "-1" or (rule.ip_protocol == "tcp" and rule.from_port <= PORT <= rule.to_port)
            if not cidr or not port:
                continue
            network = ipaddress.ip_network(cidr, strict=False)
            if ipaddress.ip_address(peer) in network if peer else network.overlaps(LOOPBACK):
                return True
        return False

    def wanted(self):
        machine = self.machine
        runs = machine.running and machine.instance.state == "running"
        if not runs or "no-ssh" in machine.faults or not self.lets_in():
            return "drop"
        if machine.hung:
            return "ignore"
        return "answer" if machine.up and machine.time_up and machine.sshd_on else "refuse"

    def refresh(self):
        """Called with the lab's lock, whenever anything may have changed."""
        if self.listener is not None and not self.retired:
            self.set(self.wanted())

    def retire(self):
        """Nobody is behind it any more; nobody else may have its address either."""
        self.set("drop")
        self.retired = True

    def set(self, mode):
        if mode == self.mode:
            return
        before, self.mode = self.mode, mode
        listener = self.listener
        if before == "answer":
            self.doors.change(lambda: self.unwatch(listener))
        if mode == "refuse":
            self.empty()
            listener.shutdown(socket.SHUT_RDWR)
        elif mode == "drop":
            listener.listen(0)
            self.filler = socket.socket()
            self.filler.setblocking(False)
            self.filler.connect_ex((self.address, PORT))
        else:
            self.empty()
            listener.listen(128)
            if mode == "answer":
                self.doors.change(lambda: self.watch(listener))

    def empty(self):
        """Takes the filler out of the backlog."""
        if self.filler is not None:
            name = self.filler.getsockname()
            try:
                while True:
                    connection, peer = self.listener.accept()
                    if peer == name:
                        connection.close()
                        break
                    self.held.append(connection)
            except OSError:
                pass
            self.filler.close()
            self.filler = None

    def watch(self, listener):
        if self.mode == "answer" and listener.fileno() >= 0:
            try:
                self.doors.selector.register(listener, selectors.EVENT_READ, self)
            except KeyError:
                pass

    def unwatch(self, listener):
        try:
            self.doors.selector.unregister(listener)
        except (KeyError, ValueError):
            pass

    def come_in(self):
        """Somebody is there; called by the thread."""
        with self.doors.lab.lock:
            if self.mode != "answer":
                return
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            connection.setblocking(True)
            # on a loopback nothing is won by waiting for more to send
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            impostor = "impostor" in self.machine.faults
            if self.lets_in(peer[0]) and self.machine.order("ssh", [connection.fileno()], impostor=impostor):
                connection.close()
            else:
                self.held.append(connection)

    def cut(self):
        for connection in self.held:
            connection.close()
        self.held = []

    def close(self):
        listener, self.listener, self.mode = self.listener, None, "closed"
        if self.filler is not None:
            self.filler.close()
        self.cut()

        def gone():
            self.unwatch(listener)
            listener.close()

        self.doors.change(gone)
