"""How calls are made to fail: the faults that a test switches on by `POST /lab/faults`.

Every kind may be limited to `action` or `actions`, `service`, `region` and `id` (calls of which a parameter has that
value), and to the first `times` calls, to those `after` so many, or to a share of them (`rate`, by `seed`).

throttle  refused as AWS does when one asks too often
denied    refused as AWS does without the permission
expired   refused as AWS does when a session's credentials have expired
error     refused with `code`, `message` and `status` (400)
slow      carried out after `seconds`
lost      carried out, and the connection closed without an answer
down      the connection closed without an answer, nothing carried out
hang      never answered
"""

import random

FIELDS = {"kind", "action", "actions", "service", "region", "id", "times", "after", "rate", "seed"}
OWN_FIELDS = {"error": {"code", "message", "status"}, "slow": {"seconds"}}
KINDS = {"throttle", "denied", "expired", "error", "slow", "lost", "down", "hang"}


class Fault:
    def __init__(self, spec):
        self.kind = spec["kind"]
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of fault: {self.kind}")
        strange = set(spec) - FIELDS - OWN_FIELDS.get(self.kind, set())
        if strange:
            raise ValueError(f"a fault `{self.kind}` has no {', '.join(sorted(strange))}")
        for field in {"error": ["code"], "slow": ["seconds"]}.get(self.kind, []):
            if field not in spec:
                raise ValueError(f"a fault `{self.kind}` needs {field}")
        self.spec = spec
        self.actions = set(spec.get("actions", [])) | ({spec["action"]} if "action" in spec else set())
        self.left = spec.get("times")
        self.after = spec.get("after", 0)
        self.dice = random.Random(spec.get("seed", 0))

    def _concerns(self, call):
        return (
            (not self.actions or call.action in self.actions)
            and self.spec.get("service", call.service) == call.service
            and self.spec.get("region", call.region) == call.region
            and ("id" not in self.spec or self.spec["id"] in call.params.values())
        )

    def strikes(self, call):
        """Whether this call is one that fails; counts it."""
        if not self._concerns(call) or self.left == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.dice.random() >= self.spec.get("rate", 1):
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def refusal(self, call):
        """AWS's code, message and status, when the fault is that the call is refused."""
        ec2 = call.service == "ec2"
        # services that speak JSON have longer names for the same
        more = "Exception" if call.target else ""
        if self.kind == "throttle":
            return ("RequestLimitExceeded", "Request limit exceeded.", 503) if ec2 else (f"Throttling{more}", "Rate exceeded", 400)
        if self.kind == "expired":
            if ec2:
                return "RequestExpired", "Request has expired.", 400
            return f"ExpiredToken{more}", "The security token included in the request is expired", 403
        if self.kind == "denied":
            right = f"{call.service}:{call.action}"
            who = f"User: arn:aws:iam::123456789012:user/lab is not authorized to perform: {right}"
            why = f"because no identity-based policy allows the {right} action"
            if ec2:
                return "UnauthorizedOperation", f"You are not authorized to perform this operation. {who} {why}", 403
            return f"AccessDenied{more}", f"{who} {why}", 400 if more else 403
        if self.kind == "error":
            return self.spec["code"], self.spec.get("message", "An error of the lab."), self.spec.get("status", 400)
        return None
