"""How a failure is told to the engine: what was being done, to which resource, and AWS's own code and message."""

from __future__ import annotations

from typing import Any

import grpc
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from pulumi.runtime.proto import provider_pb2, status_pb2

from local.provider.resource import InitFailed
from local.provider.values import to_struct


def reason(error: Exception) -> str:
    """One line for the user. AWS errors read `Code: message (Operation)`."""
    match error:
        case InitFailed():
            return reason(error.__cause__) if isinstance(error.__cause__, Exception) else error.reason
        case ClientError():
            told = error.response.get("Error", {})
            return f"{told.get('Code', 'Unknown')}: {told.get('Message', '')} ({error.operation_name})"
        case EndpointConnectionError():
            return f"{error} Is the local cloud running? `make up` starts it."
        case BotoCoreError() | ValueError() | RuntimeError() | OSError():
            return str(error)
        case _:
            return f"{type(error).__name__}: {error}" if type(error).__module__ == "builtins" else str(error)


def abort(context: grpc.ServicerContext, what: str, error: Exception) -> None:
    """Ends the call with a plain error: nothing was made or changed as far as the engine is concerned."""
    context.abort(grpc.StatusCode.UNKNOWN, f"{what}: {reason(error)}")


def abort_half_made(context: grpc.ServicerContext, what: str, error: InitFailed, inputs: dict[str, Any]) -> None:
    """Ends a create or update whose object exists but is not right: ErrorResourceInitFailed, as the real bridge does."""
    message = f"{what}: {reason(error)}"
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.id, properties=to_struct(error.outputs), inputs=to_struct(inputs), reasons=[message]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)
