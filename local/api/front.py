"""The WSGI application: moto's, with our services beside it; an answer leaves once what it changed is on the disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from moto.core.responses import BaseResponse
from moto.moto_server.werkzeug_app import BackendRequest, DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from local.api.overlay.calls import CHANGED, LOCK
from local.api.overlay.state import OWN_SERVICES, section_of

log = logging.getLogger(__name__)
Environ = dict[str, Any]
UNSAVED = (
    "<Response><Errors><Error><Code>InternalError</Code><Message>The local cloud cannot save its state: {}. "
    "Make room on that disk.</Message></Error></Errors></Response>"
)


class Front:
    """Every request passes here. `changed(section)` is called with every section of the state a call may have changed."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.changed = changed

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        service = called_service(environ)
        environ[CHANGED] = changed = set()
        if service == "s3" and environ["REQUEST_METHOD"] not in ("GET", "HEAD"):  # the one service beside `call_action`
            changed.add(service)
            with LOCK:
                response = Response.from_app(self.moto, environ, buffered=True)
        else:
            application = own_service if service in OWN_SERVICES else self.moto
            response = Response.from_app(application, environ, buffered=True)
        try:
            for section in {section_of(service) for service in changed}:
                self.changed(section)
        except OSError as error:
            log.error("the state of the local cloud could not be saved: %s", error)
            response = Response(UNSAVED.format(escape(str(error))), 500, mimetype="text/xml")
        return response(environ, start_response)


def called_service(environ: Environ) -> str:
    """From the credential scope of an AWS Signature Version 4: `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/…`."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) == 5 else ""


def own_service(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A service moto does not have: every one of its actions is answered by the overlay."""
    request = BackendRequest(environ)
    status, headers, body = OwnService(called_service(environ))._dispatch(request)
    return Response(body, int(status), {name: str(value) for name, value in headers.items()})(environ, start_response)


class OwnService(BaseResponse):
    pass
