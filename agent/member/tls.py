"""Mutual TLS between the members, with the certificates that a release keeps on every server."""

from __future__ import annotations

import ssl

from ..system import System

FOLDER = "/etc/distributed-web/tls"


def server_context(system: System) -> ssl.SSLContext:
    """For whoever answers: nobody without a certificate of the stack's authority is heard."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    return _loaded(context, system)


def client_context(system: System) -> ssl.SSLContext:
    """For whoever asks: shows this server's certificate, verifies the other's name."""
    return _loaded(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), system)


def names(certificate: dict) -> set[str]:
    """The DNS names on a verified certificate, as `SSLSocket.getpeercert` gives it."""
    return {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}


def _loaded(context: ssl.SSLContext, system: System) -> ssl.SSLContext:
    context.load_verify_locations(system.path(f"{FOLDER}/ca.pem"))
    context.load_cert_chain(system.path(f"{FOLDER}/server.crt"), system.path(f"{FOLDER}/server.key"))
    return context
