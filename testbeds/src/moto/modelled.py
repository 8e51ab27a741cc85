"""Answers as AWS's own service models say that AWS answers: what moto does not emulate, page by page, refused or not.

The models are botocore's. A request that its model does not know, or that asks for more than its model allows, is refused with
ValidationException; an answer that is not of its model's shape keeps the server from starting. Lists of more than
one element come in two or three pages. An operation of which the world says nothing has an empty list, or finds nothing.

Usage: modelled.py WORLD.json     (prints the port; ends when its standard input does)

World: {"answers": {"ecs:ListTasks": [{"when": {"cluster": "…"}, "answer": {…}}, …]},   parameters are compared, "@region" is the region
        "allowed": ["ecs:ListTasks", …]}   everything when absent

The access key "not.ecs.ListTasks" may do everything but that; of FAULTS there are others that may and get something else for an answer.
GET /asked, unsigned, tells every call so far: [["ecs:ListTasks", region, {parameters}], …]
"""

import functools
import gzip
import json
import re
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import botocore
from botocore.validate import ParamValidator
from moto.core.model import ServiceModel
from moto.core.parse import EC2QueryParser, JSONParser, QueryParser, RestJSONParser, RestXMLParser
from moto.core.serialize import get_serializer_class
from werkzeug.datastructures import Headers, MultiDict

ACCOUNT = "111122223333"
PARSERS = {"ec2": EC2QueryParser, "json": JSONParser, "query": QueryParser, "rest-json": RestJSONParser, "rest-xml": RestXMLParser}
# Services whose signature carries another name than their model.
SIGNED_AS = {"states": "stepfunctions", "elasticmapreduce": "emr", "bedrock-agentcore": "bedrock-agentcore-control"}
TOKENS = ("NextToken", "nextToken", "Marker")
# What the holder of an access key "slow.ecs.ListTasks" and the like is answered to that call: an error's code, or what is no answer.
FAULTS = {"not": "AccessDenied", "slow": "ThrottlingException", "gone": "ClusterNotFoundException", "page": None, "cut": None}
PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome</body></html>"
DATA = Path(botocore.__file__).parent / "data"
models, lock = {}, threading.Lock()
asked = []


def model(signed_as):
    with lock:
        if signed_as not in models:
            name = SIGNED_AS.get(signed_as, signed_as)
            newest = sorted((DATA / name).glob("*/service-2.json*"))[-1]
            text = gzip.open(newest).read() if newest.suffix == ".gz" else newest.read_bytes()
            models[signed_as] = ServiceModel(json.loads(text), name)
        return models[signed_as]


def problems(shape, value):
    """Everything in which a value is not of its shape."""
    return ParamValidator().validate(value, shape).generate_report()


def wrong_in_request(shape, value):
    """The same, and lists that are longer than they may be, which botocore does not look at. Answers come in pages: all of them may be."""

    def too_long(shape, value):
        if shape.type_name == "structure" and isinstance(value, dict):
            for name, member in shape.members.items():
                yield from too_long(member, value[name]) if name in value else ()
        elif shape.type_name == "list" and isinstance(value, list) and len(value) > shape.metadata.get("max", len(value)):
            yield f"{len(value)} of {shape.name}, at most {shape.metadata['max']}"

    return "; ".join(filter(None, [problems(shape, value), *too_long(shape, value)]))


@functools.cache
def template(uri):
    """A path of the model as a pattern; a slash at its end may be missing."""
    path = uri.split("?")[0].rstrip("/")
    parts = re.split(r"(\{[^}]+\})", path)
    named = (f"(?P<{part[1:-1].rstrip('+')}>{'.+' if part.endswith('+}') else '[^/]+'})" if part[0] == "{" else re.escape(part)
             for part in parts if part)
    return re.compile("".join(named) + "/?$")


def operation_of(service, method, path, headers, form):
    """The operation and what its path says, or nothing."""
    target = headers.get("x-amz-target")
    name = target.split(".")[-1] if target else form.get("Action")
    if name:
        if target and target.rsplit(".", 1)[0] != service.metadata["targetPrefix"]:
            return None, {}
        if form.get("Version", service.api_version) != service.api_version:
            return None, {}
        return (service.operation_model(name), {}) if name in service.operation_names else (None, {})
    for name in service.operation_names:
        found = service.operation_model(name)
        match = template(found.http["requestUri"]).match(path)
        if match and found.http["method"] == method:
            return found, {key: unquote(value) for key, value in match.groupdict().items()}
    return None, {}


def unknown(operation, protocol, form, body, query):
    """Parameters that were sent and that the operation does not have: its parser passes them over."""
    members = operation.input_shape.members if operation.input_shape else {}
    if protocol == "json":
        return set(json.loads(body or "{}")) - set(members)
    if protocol.startswith("rest"):
        located = {shape.serialization.get("name", name) for name, shape in members.items()}
        sent = set(json.loads(body)) if protocol == "rest-json" and body else set()
        fixed = {key for key, _ in parse_qsl(urlsplit(operation.http["requestUri"]).query, keep_blank_values=True)}
        return (set(query) | sent) - located - fixed
    names = set()
    for name, shape in members.items():
        written = shape.serialization.get("name", name)
        names |= {shape.serialization.get("queryName"), written[0].upper() + written[1:] if protocol == "ec2" else name}
    return {key.split(".")[0] for key in form} - names - {"Action", "Version"}


def page(operation, answer, sent):
    """A third of the only list of an operation that has pages, and at least one element."""
    members = operation.output_shape.members
    asked = operation.input_shape.members if operation.input_shape else {}
    token = next((name for name in TOKENS if name in members and name in asked), None)
    lists = [name for name, shape in members.items() if shape.type_name == "list"]
    if token is None or len(lists) != 1 or len(answer.get(lists[0], [])) < 2:
        return answer
    at, whole = int(sent.get(token, "0")), answer[lists[0]]
    end = at + -(-len(whole) // 3)
    return {**answer, lists[0]: whole[at:end], **({token: str(end)} if end < len(whole) else {})}


def empty(operation):
    members = operation.output_shape.members
    lists = {name: [] for name, shape in members.items() if shape.type_name == "list"}
    return lists if lists else None


def refusal(protocol, code, message):
    """An error as the protocol writes it: status, body, headers."""
    if protocol in ("json", "rest-json"):
        code = {"AccessDenied": "AccessDeniedException"}.get(code, code)
        return 403 if code.startswith("AccessDenied") else 400, json.dumps({"__type": code, "message": message}), {
            "Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    if protocol == "ec2":
        error = error.replace("AccessDenied", "UnauthorizedOperation").replace("ThrottlingException", "RequestLimitExceeded")
        body = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
    else:
        body = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    return 403 if code == "AccessDenied" else 400, body, {"Content-Type": "text/xml"}


world = json.loads(Path(sys.argv[1]).read_text())
answers = {"sts:GetCallerIdentity": [{"answer": {
    "UserId": "AIDAME", "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/muster"}}], **world["answers"]}
misshapen = []
for name, cases in answers.items():
    signed_as, action = name.split(":")
    shape = model(signed_as).operation_model(action).output_shape
    wrong = {problems(shape, case["answer"]) for case in cases} - {""}
    misshapen += [f"the answer to {name} is not of its shape: {one}" for one in sorted(wrong)]
if misshapen:
    sys.exit("\n".join(misshapen))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/asked":
            return self.reply(200, json.dumps(asked, default=str), {"Content-Type": "application/json"})
        scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", self.headers.get("Authorization", ""))
        if scope is None:
            return self.reply(*refusal("query", "MissingAuthenticationToken", "not signed"))
        key, region, signed_as = scope.groups()
        service = model(signed_as)
        # Of the protocols that a service speaks, the one that this request is written in.
        speaks = service.metadata["protocols"]
        protocol = next((one for one in speaks if (one == "json") == ("x-amz-target" in self.headers) and one in PARSERS), speaks[0])
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        is_form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        form = dict(parse_qsl(body, keep_blank_values=True)) if is_form else {}
        operation, named = operation_of(service, self.command, parts.path, self.headers, form)
        if operation is None:
            return self.reply(*refusal(protocol, "UnknownOperationException", f"{self.command} {self.path} {body[:200]}"))
        name = f"{signed_as}:{operation.name}"
        request = {"body": body, "headers": Headers(self.headers.items()), "method": self.command, "url_params": named,
                   "url_path": parts.path, "values": MultiDict({**query, **form})}
        sent = PARSERS[protocol](operation).parse(request)
        more = unknown(operation, protocol, form, body, query)
        wrong = f"unknown: {sorted(more)}" if more else operation.input_shape and wrong_in_request(operation.input_shape, sent)
        if wrong:
            return self.reply(*refusal(protocol, "ValidationException", f"{name}: {wrong}"))
        asked.append((name, region, sent))
        is_allowed = name in world.get("allowed", [name]) or signed_as == "sts"
        word, _, of = key.partition(".")
        fault = word if word in FAULTS and of == name.replace(":", ".") else None if is_allowed else "not"
        if fault == "page":
            return self.reply(200, PAGE, {"Content-Type": "text/html"})
        if fault == "cut":
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        if fault:
            return self.reply(*refusal(protocol, FAULTS[fault], f"not authorized to perform: {name}" if fault == "not" else name))
        facts = {**sent, "@region": region}
        cases = (case["answer"] for case in answers.get(name, [])
                 if all(facts.get(key) == value for key, value in case.get("when", {}).items()))
        answer = next(cases, None)
        if answer is None:
            answer = empty(operation)
        if answer is None:
            return self.reply(*refusal(protocol, "ResourceNotFoundException", f"{name} has no answer to {sent}"))
        if signed_as != "iam":
            answer = page(operation, answer, sent)
        serializer = get_serializer_class(service.service_name, protocol)(operation)
        told = serializer.serialize(answer)
        self.reply(told["status_code"], told["body"], {"Content-Type": serializer.CONTENT_TYPE, **told["headers"]})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
