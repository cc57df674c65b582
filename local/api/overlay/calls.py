"""How the overlay meets moto: what a call is, and the ways an overlay module takes part in one.

Every request to every service passes `BaseResponse.call_action` in moto; that one method is replaced here. A call then
meets: the `before_every` hooks; the `refuses` checks, which raise `Refusal(code, message)` as AWS would; an
`answers` function in moto's stead, or moto; and the `follows` functions once it succeeded. Parameters and answers have
the shape of the AWS API reference, as in boto3. `patches` is for behaviour inside moto's models.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.errors import COMMON_ERROR_CODES
from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from local.api import ACCOUNT
from local.api.host import Host, NoMachines
from local.api.overlay.state import OwnState, backend
from local.instance import Instance

log = logging.getLogger(__name__)
LOCK = threading.RLock()  # one mutating call at a time: moto is not thread-safe, and a snapshot must see whole calls
CHANGED = "local.changed"  # WSGI environ key: the set of services whose state the call may have changed
READS = (
    "Describe", "Get", "List", "Head", "Query", "Scan", "BatchGet", "TransactGet", "Filter", "Search", "Lookup",
    "Select", "Simulate", "Verify", "Decrypt", "Encrypt", "GenerateDataKey",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `params` as the API reference shapes them."""

    service: str
    action: str
    region: str
    params: Mapping[str, Any]
    changes: set[str]  # services whose state this call changed; a mutating call's own is in it at the end

    def state(self, service: str | None = None) -> Any:
        """moto's backend of a service (default: the one called) in the caller's region."""
        return backend(service or self.service, self.region)

    @property
    def own(self) -> OwnState:
        return backend("overlay", self.region)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{resource}"


class Refusal(ServiceException):
    """An AWS error: Refusal(code, message). A class of ours, for moto takes an exception's module for its service."""


# AWS errors that the services' models do not list; without this moto warns of each
COMMON_ERROR_CODES += ["InternalFailure", "InvalidAction", "UnsupportedCertificate"]
Function = Callable[..., Any]
_before: dict[str, list[Function]] = defaultdict(list)
_refusals: dict[tuple[str, str], list[Function]] = defaultdict(list)
_answers: dict[tuple[str, str], Function] = {}
_follow_ups: dict[tuple[str, str], list[Function]] = defaultdict(list)


class Served:
    """Whom the overlay works for: the host it asks, and how it makes known what it changes outside of a call.

    `changed(section)` returns when that is on the disk; never call it holding LOCK. `closed` is set when the server stops.
    """

    instance: Instance
    host: Host = NoMachines()
    changed: Callable[[str], None] = staticmethod(lambda section: None)
    closed = threading.Event()


def listed(table: dict[Any, list[Function]], keys: Iterable[Any]) -> Callable[[Function], Function]:
    def add(function: Function) -> Function:
        for key in keys:
            table[key].append(function)
        return function

    return add


def before_every(*services: str) -> Callable[[Function], Function]:
    """The function is called with every call of these services, before anything else."""
    return listed(_before, services)


def refuses(service: str, *actions: str) -> Callable[[Function], Function]:
    """The function raises `Refusal` for what AWS refuses and moto does not."""
    return listed(_refusals, [(service, action) for action in actions])


def follows(service: str, *actions: str) -> Callable[[Function], Function]:
    """The function does what AWS does besides, once moto has done its part."""
    return listed(_follow_ups, [(service, action) for action in actions])


def answers(service: str, *actions: str) -> Callable[[Function], Function]:
    """The function returns the answer in moto's stead."""

    def register(function: Function) -> Function:
        _answers.update({(service, action): function for action in actions})
        return function

    return register


def patches(owner: Any, name: str) -> Callable[[Function], Function]:
    """Replace `owner.name`; the new function gets moto's own as its first argument."""

    def replace(function: Function) -> Function:
        original = getattr(owner, name)
        patched = functools.wraps(original)(lambda *args, **kwargs: function(original, *args, **kwargs))
        setattr(owner, name, patched)
        return function

    return replace


@patches(BaseResponse, "call_action")
def call_action(moto: Function, response: BaseResponse) -> Any:
    """One request, through the overlay and moto; (status, headers, body)."""
    service, action = response.boto3_service_name, response._get_action() or ""
    changes = response.normalized_request.environ[CHANGED]
    if action.startswith(READS):
        return perform(moto, response, service, action, changes)
    with LOCK:
        changes.add(service)
        return perform(moto, response, service, action, changes)


def perform(moto: Function, response: BaseResponse, service: str, action: str, changes: set[str]) -> Any:
    key = service, action
    try:
        params = parameters(response, *key)
        call = Call(service=service, action=action, region=response.region, params=params, changes=changes)
        for function in (*_before[service], *_refusals[key]):
            function(call)
        if key in _answers:
            status, headers, body = response.serialized(ActionResult(_answers[key](call)))
        else:
            status, headers, body = moto(response)
        if int(status) < 300:
            for function in _follow_ups[key]:
                function(call)
        return status, headers, body
    except ServiceException as error:
        return response.serialized(ActionResult(error))
    except NotImplementedError as error:
        log.error("%s:%s is not implemented: %s", service, action, error)
        message = f"The local AWS API does not implement {service}:{action} with these parameters yet. {error}"
        return response.serialized(ActionResult(Refusal("InvalidAction", message)))
    except HTTPException:  # moto's older kind of AWS error; it is an answer itself
        raise
    except Exception as error:
        log.exception("%s:%s failed", service, action)
        message = f"The local AWS API failed at {service}:{action}: {type(error).__name__}: {error}. Its log has the rest."
        return response.serialized(ActionResult(Refusal("InternalFailure", message)))


def parameters(response: BaseResponse, service: str, action: str) -> Mapping[str, Any]:
    """The request's parameters, for the actions the overlay knows; moto parses its own in several ways."""
    key = service, action
    if not (key in _answers or _refusals.get(key) or _follow_ups.get(key)):
        return {}
    request, model = response.normalized_request, get_service_model(service)
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](model.operation_model(action))
    return parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": response.uri_match,
        }
    )
