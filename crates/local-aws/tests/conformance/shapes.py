"""Checks every answer of every call against botocore's model of it, which is AWS's own description of its API.

botocore itself reads what it knows and ignores the rest, so a misspelt element would pass for a missing one. Here the
raw XML, JSON or CBOR is walked beside the output shape: a name that the model does not have, a member that the model
requires and that is not there, a number, boolean, timestamp or enumerated value that is none, are all violations.
"""

import collections
import datetime
import json
import re
import threading
import xml.etree.ElementTree as ElementTree

import botocore.client
import botocore.exceptions
import botocore.parsers

VIOLATIONS = []
CALLS = set()  # (service, operation, parameters): polling the same thing twice counts once
SUCCEEDED = set()  # (what the service's requests are signed for, operation)
_call = threading.local()

_MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def _wrong(path, text):
    operation = getattr(_call, "operation", "?")
    VIOLATIONS.append(f"{operation}: {path}: {text}")


def _scalar(shape, text, path):
    kind = shape.type_name
    text = text or ""
    if kind in ("integer", "long"):
        if not re.fullmatch(r"-?\d+", text):
            _wrong(path, f"not an integer: {text!r}")
    elif kind in ("float", "double"):
        try:
            float(text)
        except ValueError:
            _wrong(path, f"not a number: {text!r}")
    elif kind == "boolean":
        if text not in ("true", "false"):
            _wrong(path, f"not a boolean: {text!r}")
    elif kind == "timestamp":
        if not _MOMENT.match(text):
            _wrong(path, f"not a moment: {text!r}")
    elif kind == "string" and shape.enum and text and text not in shape.enum:
        _wrong(path, f"{text!r} is none of {shape.enum[:5]}...")


def _required(shape, present, path):
    for name in shape.required_members:
        if name not in present:
            _wrong(path, f"no {name}")


def _local(element):
    return element.tag.rsplit("}", 1)[-1]


def _xml_name(name, member):
    if member.type_name == "list" and member.serialization.get("flattened"):
        return member.serialization.get("name") or member.member.serialization.get("name", name)
    return member.serialization.get("name", name)


def _xml(shape, element, path, ignore=()):
    kind = shape.type_name
    if kind == "structure":
        members = {
            _xml_name(name, member): (name, member)
            for name, member in shape.members.items()
            if member.serialization.get("location") not in ("header", "headers", "statusCode")
        }
        attributes = {m.serialization.get("name") for m in shape.members.values() if m.serialization.get("xmlAttribute")}
        present = {name for name, m in shape.members.items() if m.serialization.get("xmlAttribute")}
        present |= {name for name, m in shape.members.items() if m.serialization.get("location")}
        seen = collections.Counter()
        for child in element:
            local = _local(child)
            if local in ignore:
                continue
            if local not in members or local in attributes:
                _wrong(path, f"the model has no element {local!r} (it has {sorted(members)})")
                continue
            name, member = members[local]
            present.add(name)
            seen[local] += 1
            if member.type_name == "list" and member.serialization.get("flattened"):
                _xml(member.member, child, f"{path}.{local}[]")
                continue
            if seen[local] == 2:
                _wrong(path, f"{local!r} is there twice")
            _xml(member, child, f"{path}.{local}")
        _required(shape, present, path)
    elif kind == "list":
        item = shape.member.serialization.get("name", "member")
        for child in element:
            if _local(child) != item:
                _wrong(path, f"an item is {_local(child)!r}, not {item!r}")
            _xml(shape.member, child, f"{path}[]")
    elif kind == "map":
        for entry in element:
            names = [_local(part) for part in entry]
            wanted = [shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")]
            if _local(entry) != "entry" or names != wanted:
                _wrong(path, f"an entry is {_local(entry)} of {names}")
    else:
        if len(element):
            _wrong(path, f"a {kind} has elements inside: {[_local(child) for child in element]}")
        _scalar(shape, element.text, path)


_JSON = {
    "structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int, "long": int,
    "timestamp": (int, float), "float": (int, float), "double": (int, float), "blob": str,
}
# Its readers take no integer for a double, and no number without its tag for a moment.
_CBOR = {**_JSON, "timestamp": datetime.datetime, "float": float, "double": float, "blob": bytes}


def _json(shape, value, path, kinds=_JSON):
    kind = shape.type_name
    expected = kinds[kind]
    if not isinstance(value, expected) or (isinstance(value, bool) and kind != "boolean"):
        _wrong(path, f"not a {kind}: {value!r}")
    elif kind == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, inner in value.items():
            if name not in members:
                _wrong(path, f"the model has no member {name!r} (it has {sorted(members)})")
            else:
                _json(members[name], inner, f"{path}.{name}", kinds)
        _required(shape, set(value), path)
    elif kind == "map":
        for key, inner in value.items():
            _json(shape.value, inner, f"{path}.{key}", kinds)
    elif kind == "list":
        for inner in value:
            _json(shape.member, inner, f"{path}[]", kinds)
    elif kind == "string" and shape.enum and value and value not in shape.enum:
        _wrong(path, f"{value!r} is none of {shape.enum[:5]}...")


def _read_cbor(parser, body):
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))


def _check_error(parser, body, path):
    if isinstance(parser, botocore.parsers.BaseCBORParser):
        if set(_read_cbor(parser, body)) != {"__type", "message"}:
            _wrong(path, f"an error of another form: {body!r}")
        return
    if isinstance(parser, botocore.parsers.BaseJSONParser):
        if set(json.loads(body)) != {"__type", "message"}:
            _wrong(path, f"an error of another form: {body!r}")
        return
    if not body:
        return  # an answer to HEAD
    root = ElementTree.fromstring(body)
    wanted = {
        botocore.parsers.EC2QueryParser: "Response",
        botocore.parsers.QueryParser: "ErrorResponse",
        botocore.parsers.RestXMLParser: "Error",
    }[type(parser)]
    if _local(root) != wanted:
        _wrong(path, f"an error in a {_local(root)}, not in a {wanted}")


def _check_rest(shape, body, path):
    payload = shape.serialization.get("payload")
    if payload:
        member = shape.members[payload]
        if member.type_name == "structure":
            _xml(member, ElementTree.fromstring(body), path)
        return
    in_body = [member for member in shape.members.values() if not member.serialization.get("location")]
    if body and not in_body:
        _wrong(path, f"a body where the model has none: {body[:200]!r}")
    elif body:
        root = ElementTree.fromstring(body)
        if _local(root) == "LocationConstraint":  # GetBucketLocation has no wrapper, in AWS too
            return
        _xml(shape, root, path)


def check(parser, response, shape):
    """Checks one answer."""
    body, path = response["body"], "answer"
    try:
        if response["status_code"] >= 300:
            return _check_error(parser, body, path)
        if shape is None:
            return None
        if isinstance(parser, botocore.parsers.BaseJSONParser):
            return _json(shape, json.loads(body or b"{}"), path)
        if isinstance(parser, botocore.parsers.BaseCBORParser):
            return _json(shape, _read_cbor(parser, body), path, _CBOR)
        if isinstance(parser, botocore.parsers.RestXMLParser):
            return _check_rest(shape, body if isinstance(body, bytes) else b"", path)
        root = ElementTree.fromstring(body)
        wrapper = shape.serialization.get("resultWrapper")
        if isinstance(parser, botocore.parsers.EC2QueryParser) or not wrapper:
            return _xml(shape, root, path, ignore=("requestId", "ResponseMetadata"))
        found = [_local(child) for child in root]
        if found != [wrapper, "ResponseMetadata"]:
            _wrong(path, f"{found} instead of {wrapper} and ResponseMetadata")
        return _xml(shape, root[0], path)
    except (ElementTree.ParseError, ValueError) as error:
        return _wrong(path, f"cannot be read: {error}: {body[:300]!r}")


# What the local cloud says of what it lacks; in some services AWS has these codes, too.
OWN = {"InvalidAction", "InvalidRegion", "NotImplemented", "UnknownParameter"}
# What any operation may be refused for, by the protocol of its service: its "Common Errors", with their status.
_QUERY = {
    "AccessDenied": 403, "ExpiredToken": 403, "InvalidClientTokenId": 403, "MissingAuthenticationToken": 403, "Throttling": 400,
    "ValidationError": 400,
}
_IN_JSON = {
    "AccessDeniedException": 400, "ExpiredTokenException": 400, "ThrottlingException": 400, "UnrecognizedClientException": 400,
    "ValidationException": 400,
}
_COMMON = {"query": _QUERY, "smithy-rpc-v2-cbor": {**_QUERY, **_IN_JSON}, "json": {**_QUERY, **_IN_JSON}}
# What is in no model, and what people report: of a boundary that there is not, "Scope ARN: ... does not exist or is not attachable".
_BESIDE = {("iam", "CreateRole"): {"NoSuchEntity": 404}}


def _check_code(service, operation, response):
    """An error is one that the operation's model names, with the status that it has there; EC2's and S3's models name next to none."""
    code, status = response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
    if code in OWN or service.service_name in ("ec2", "s3"):
        return
    codes = {**_COMMON[service.resolved_protocol], **_BESIDE.get((service.service_name, operation), {})}
    for shape in service.operation_model(operation).error_shapes:
        error = shape.metadata.get("error", {})
        codes[error.get("code", shape.name)] = error.get("httpStatusCode", 400)
    if codes.get(code) != status:
        _wrong("error", f"{code} with status {status} is none of {sorted(codes.items())}")


def install():
    """Has every client of this process checked from now on."""
    parse, make_call = botocore.parsers.ResponseParser.parse, botocore.client.BaseClient._make_api_call

    def checked_parse(self, response, shape):
        check(self, response, shape)
        return parse(self, response, shape)

    def counted_call(self, operation, parameters):
        service = self.meta.service_model.service_name
        _call.operation = f"{service} {operation}"
        CALLS.add((service, operation, repr(sorted(parameters.items(), key=lambda entry: entry[0]))))
        try:
            answer = make_call(self, operation, parameters)
        except botocore.exceptions.ClientError as refused:
            refused.service = self.meta.service_model.signing_name
            _check_code(self.meta.service_model, operation, refused.response)
            raise
        SUCCEEDED.add((self.meta.service_model.signing_name, operation))
        return answer

    botocore.parsers.ResponseParser.parse = checked_parse
    botocore.client.BaseClient._make_api_call = counted_call
