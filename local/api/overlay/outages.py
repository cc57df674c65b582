"""A service that is out answers every call with its error 500 (DynamoDB developer guide, "Error handling")."""

from __future__ import annotations

from moto.core.exceptions import JsonRESTError

from local.api import outage
from local.api.overlay.calls import Call, Served, before_every


class Out(JsonRESTError):
    code = 500


@before_every("dynamodb")
def is_out(call: Call) -> None:
    if outage.file(Served.instance, call.service).exists():
        raise Out("InternalServerError", f"The local {call.service} is out, because a drill wants it so; see: make drill")
