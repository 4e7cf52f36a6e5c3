"""What stands before moto: keeps the list of calls, lets faults strike, and answers the lab's own paths.

GET  /lab/ok           it runs
GET  /lab/calls        every AWS call: n, at (seconds since 1970), service, region, action, status, params; the status is
                       the HTTP one, null while it is carried out, or the word of the fault that left it unanswered
POST /lab/calls/clear  forgets them
POST /lab/faults       a list of faults, in the place of those before; see `faults.py`
POST /lab/reset        nothing exists, nothing fails, nothing was called
POST /lab/later        {"seconds": n}: everything is that much older, and what waits comes that much sooner
POST /lab/sooner       {"seconds": n}: what waits comes that much sooner, and nothing is older: for who moves the clock
GET  /lab/machines     every machine: id, address, state, pid, root (its file system), hung
POST /lab/machines     {"id": "i-..." or "*", "do": what}: `hang` stops all within, `wake` lets it go on, `no-ssh` lets
                       its port never answer, `impostor` lets it answer with another host key, `cut` cuts its
                       connections, `kill` takes its power, `normal` ends all but the last two. With "*" `no-ssh` and
                       `impostor` are for machines to come too, until `normal`
POST /lab/prices       a list of {"region", "what", ...}: changed prices, in the place of those before. `what` is linux, windows
                       (with "type"), disk, snapshot, address, spot-linux or spot-windows (with "type" and "zone"); "price"
                       is text, null takes it off the list; "currency" is another one; "twice" adds a second product;
                       "raw" is told in the product's place
POST /lab/capacity     a list of {"zone", "type"}, of which either may be missing: where there is none; see `capacity.py`
GET  /lab/address      the caller's address as plain text, as checkip.amazonaws.com has it
GET  /lab/amazon-ssm-agent.deb   a package of the agent; see `agent.py`
"""

import json
import select
import socket
import sys
import threading
import time
import traceback

from botocore.model import OperationNotFoundError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.http import HTTP_STATUS_CODES

import agent
import catalogue
import pricing
from behaviours.capacity import set_lacking
from faults import Fault
from lab import Refusal
from wire import Call, refuse


class Front:
    def __init__(self, lab):
        self.lab = lab
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.calls = []
        self.faults = []
        # guards the two above; the lab's own lock is held while a call is carried out
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path.startswith("/lab/"):
            status, headers, body = self._control(environ, path)
        else:
            status, headers, body = self._aws(environ)
        headers = [header for header in headers if header[0].lower() != "content-length"]
        headers.append(("Content-Length", str(len(body))))
        start_response(f"{status} {HTTP_STATUS_CODES.get(status, '')}", headers)
        return [body]

    def _aws(self, environ):
        call = Call(environ)
        if call.service == "pricing":
            call.params = pricing.params(call.body)
        with self.lock:
            entry = {
                "n": len(self.calls) + 1,
                "at": time.time(),
                "service": call.service,
                "region": call.region,
                "action": call.action,
                "status": None,
                "params": call.short_params(),
            }
            self.calls.append(entry)
            striking = [fault for fault in self.faults if fault.strikes(call)]
        answer = None
        for fault in striking:
            if fault.kind == "slow":
                time.sleep(fault.spec["seconds"])
            elif fault.kind == "hang":
                entry["status"] = "hang"
                wait_until_gone(environ["werkzeug.socket"])
                hang_up(environ)
            elif fault.kind == "down":
                entry["status"] = "down"
                hang_up(environ)
            elif answer is None and fault.kind != "lost":
                answer = refuse(call, *fault.refusal(call))
        if call.service == "pricing" and call.region not in pricing.ENDPOINTS:
            # there is no such host
            entry["status"] = "no host"
            hang_up(environ)
        if answer is None:
            answer = self._carry_out(call, environ)
        if any(fault.kind == "lost" for fault in striking):
            entry["status"] = "lost"
            hang_up(environ)
        entry["status"] = answer[0]
        return answer

    def _carry_out(self, call, environ):
        """Lets moto do it; whatever goes wrong becomes an error as AWS would word it."""
        got = {}

        def start_response(status, headers, _=None):
            got["status"], got["headers"] = int(status.split()[0]), headers

        try:
            with self.lab.lock:
                self.lab.settle()
                if call.service == "pricing":
                    return pricing.answer(call)
                body = b"".join(self.moto(environ, start_response))
                if self.lab.house:
                    self.lab.house.refresh()
        except Refusal as refusal:
            return refuse(call, refusal.code, refusal.message, refusal.status)
        except (NotImplementedError, OperationNotFoundError):
            return refuse(call, "InvalidAction", f"The action {call.action} is not valid for this web service.", 400)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return refuse(call, "InternalError", "An internal error has occurred", 500)
        headers = [(name, value) for name, value in got["headers"] if name.lower() != "status"]
        return got["status"], headers, body

    def _control(self, environ, path):
        ask = (environ["REQUEST_METHOD"], path)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            said = json.loads(body) if body else None
            done = {"ok": True}
            if ask == ("GET", "/lab/calls"):
                with self.lock:
                    done = list(self.calls)
            elif ask == ("POST", "/lab/calls/clear"):
                with self.lock:
                    self.calls.clear()
            elif ask == ("POST", "/lab/faults"):
                faults = [Fault(spec) for spec in said]
                with self.lock:
                    self.faults = faults
            elif ask == ("POST", "/lab/reset"):
                with self.lab.lock:
                    self.lab.reset()
                with self.lock:
                    self.calls.clear()
                    self.faults.clear()
            elif ask == ("GET", "/lab/address"):
                return 200, [("Content-Type", "text/plain")], environ["REMOTE_ADDR"].encode() + b"\n"
            elif ask == ("GET", "/lab/amazon-ssm-agent.deb"):
                return 200, [("Content-Type", "application/vnd.debian.binary-package")], agent.package()
            elif ask == ("POST", "/lab/prices"):
                with self.lab.lock:
                    catalogue.set_changes(said)
            elif ask == ("POST", "/lab/capacity"):
                with self.lab.lock:
                    set_lacking(said)
            elif path == "/lab/machines":
                if self.lab.house is None:
                    return answer(400, {"error": "there are no machines without --machines"})
                with self.lab.lock:
                    done = self.lab.house.list() if ask[0] == "GET" else self.lab.house.do(said) or done
            elif ask == ("POST", "/lab/later"):
                with self.lab.lock:
                    self.lab.age(said["seconds"])
            elif ask == ("POST", "/lab/sooner"):
                with self.lab.lock:
                    self.lab.hasten(said["seconds"])
            elif ask != ("GET", "/lab/ok"):
                return answer(404, {"error": f"the lab has no {' '.join(ask)}"})
        except (ValueError, KeyError, TypeError) as why:
            return answer(400, {"error": f"{type(why).__name__}: {why}"})
        return answer(200, done)


def answer(status, value):
    return status, [("Content-Type", "application/json")], json.dumps(value).encode()


def hang_up(environ):
    """Closes the client's connection; the server takes the exception as the client's leaving, and says nothing."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def wait_until_gone(connection):
    while True:
        select.select([connection], [], [])
        if not connection.recv(1, socket.MSG_PEEK):
            return
        time.sleep(0.1)
