"""Calls and refusals as they go over the wire: which call a request is, and what an error looks like to a client."""

import io
import json
import re
import urllib.parse
import uuid
from xml.sax.saxutils import escape

SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
# what is too long to be worth a line in the list of calls
LONG = 256
# what may carry secrets, however short it is
SECRET = ("UserData", "UserData.Value")


class Call:
    """One AWS call: service, region, action and parameters."""

    def __init__(self, environ):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        self.body = body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        self.region = scope["region"] if scope else ""
        self.service = scope["service"] if scope else ""
        if self.service == "iam":
            # it has no regions; some clients sign with theirs nevertheless
            self.region = "us-east-1"
        self.target = environ.get("HTTP_X_AMZ_TARGET")
        if self.target:
            self.action = self.target.split(".")[-1]
            self.params = {}
        else:
            query = dict(urllib.parse.parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
            self.action = query.pop("Action", "")
            query.pop("Version", None)
            self.params = query

    def short_params(self):
        return {name: value for name, value in self.params.items() if len(value) <= LONG and name not in SECRET}


def refuse(call, code, message, status):
    """Status, headers and body of an error, in the form of the call's service."""
    request = str(uuid.uuid4())
    if call.target:
        body, kind = json.dumps({"__type": code, "message": message}), "application/x-amz-json-1.1"
    else:
        kind = "text/xml;charset=UTF-8"
        said = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        if call.service == "ec2":
            body = f"<Response><Errors><Error>{said}</Error></Errors><RequestID>{request}</RequestID></Response>"
        else:
            sender = "Sender" if status < 500 else "Receiver"
            said = f"<Error><Type>{sender}</Type>{said}</Error><RequestId>{request}</RequestId>"
            body = f"<ErrorResponse>{said}</ErrorResponse>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return status, [("Content-Type", kind)], body.encode()
