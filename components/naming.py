"""How things are called and tagged: resources by zone or role, never by index. Pure."""

from __future__ import annotations

from collections.abc import Mapping

PROJECT = "distributed-web"


def token(module: str, kind: str) -> str:
    """A component's type. Fixed for ever: it is part of the identity of everything below it."""
    return f"{PROJECT}:{module}:{kind}"


def default_tags(stack: str) -> Mapping[str, str]:
    """On everything the provider makes, for the bill and for whoever wonders what a thing is."""
    return {"Project": PROJECT, "Stack": stack, "ManagedBy": "pulumi"}


def name_tag(name: str) -> Mapping[str, str]:
    """What AWS's console shows as the name."""
    return {"Name": name}


def parameter_prefix(stack: str) -> str:
    """Where the stack's secrets are in the SSM parameter store, without a slash at the end."""
    return f"/{PROJECT}/{stack}"


def document_name(stack: str, verb: str) -> str:
    """An operator's verb in SSM. Fixed, for whoever types it in an outage has nothing to look it up with."""
    return f"{PROJECT}-{stack}-{verb}"


def internal_domain(stack: str) -> str:
    """The names on the certificates of the hops inside end in it; `.internal` is reserved for private use (ICANN 2024)."""
    return f"{stack}.internal"
