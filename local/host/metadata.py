"""The instance metadata service: http://169.254.169.254 in every VPC, version 2 (EC2 user guide, "Use IMDS").

Each VPC has a listening socket made inside its namespace. Who asks is known by the address, which the firewall keeps
honest. What is answered comes from `metadata_tree.py`.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.host import metadata_tree, namespaces
from local.host.desired import METADATA_ADDRESS, Desired, Server
from local.host.metadata_tree import Facts

logger = logging.getLogger(__name__)
LONGEST_TOKEN_S = 21600
CREDENTIALS_S = 3600
RENEW_BEFORE_S = 900
TOKEN = "X-aws-ec2-metadata-token"
LIFETIME = "X-aws-ec2-metadata-token-ttl-seconds"


class ApiFacts:
    """What the metadata service asks the API for. Keys are renewed well before they expire, as on EC2."""

    def __init__(self, ec2, sts, vendor_text: str) -> None:
        self.ec2 = ec2
        self.sts = sts
        self.vendor_text = vendor_text
        self.held: dict[tuple[str, str], tuple[datetime, str]] = {}
        self.lock = threading.Lock()

    def user_data(self, server: Server) -> bytes:
        answer = self.ec2.describe_instance_attribute(InstanceId=server.id, Attribute="userData")
        return base64.b64decode(answer.get("UserData", {}).get("Value", ""))

    def vendor_data(self, server: Server) -> str:
        return self.vendor_text

    def credentials(self, server: Server) -> str:
        """Temporary keys of the instance's role, as JSON (EC2 user guide, "Retrieve security credentials")."""
        key = (server.id, server.role_arn)
        with self.lock:
            expires, document = self.held.get(key, (None, ""))
            if not expires or expires - datetime.now(UTC) < timedelta(seconds=RENEW_BEFORE_S):
                answer = self.sts.assume_role(RoleArn=server.role_arn, RoleSessionName=server.id, DurationSeconds=CREDENTIALS_S)[
                    "Credentials"
                ]
                document = json.dumps(
                    {
                        "Code": "Success",
                        "LastUpdated": timestamp(datetime.now(UTC)),
                        "Type": "AWS-HMAC",
                        "AccessKeyId": answer["AccessKeyId"],
                        "SecretAccessKey": answer["SecretAccessKey"],
                        "Token": answer["SessionToken"],
                        "Expiration": timestamp(answer["Expiration"]),
                    },
                    indent=2,
                )
                self.held[key] = answer["Expiration"], document
            return document


def timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Metadata:
    """`current` gives the desired state of now."""

    def __init__(self, current: Callable[[], Desired], facts: Facts) -> None:
        self.current = current
        self.facts = facts
        self.tokens: dict[str, tuple[str, float]] = {}
        self.lock = threading.Lock()
        self.servers: dict[str, ThreadingHTTPServer] = {}

    def serve(self, vpc_id: str, netns: str) -> None:
        """Begins to answer in a VPC, unless it does. Its namespace and the address in it must exist."""
        if vpc_id in self.servers:
            return
        server = ThreadingHTTPServer((METADATA_ADDRESS, 80), Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = namespaces.inside(netns, lambda: socket.create_server((METADATA_ADDRESS, 80), backlog=128))
        server.daemon_threads = True
        server.metadata, server.vpc_id = self, vpc_id
        threading.Thread(target=server.serve_forever, name=f"metadata {vpc_id}", daemon=True).start()
        self.servers[vpc_id] = server

    def stop(self, vpc_id: str) -> None:
        if server := self.servers.pop(vpc_id, None):
            server.shutdown()
            server.server_close()

    def server_at(self, vpc_id: str, address: str) -> Server | None:
        desired = self.current()
        owner = next((i.owner for i in desired.interfaces_in(vpc_id) if i.address == address), None)
        return next((server for server in desired.servers if server.id == owner), None)

    def new_token(self, server: Server, lifetime_s: int) -> str:
        now, token = time.monotonic(), secrets.token_urlsafe(42)
        with self.lock:
            self.tokens = {token: held for token, held in self.tokens.items() if held[1] > now}
            self.tokens[token] = server.id, now + lifetime_s
        return token

    def token_valid(self, server: Server, token: str | None) -> bool:
        holder, expires = self.tokens.get(token, (None, 0.0))
        return holder == server.id and expires > time.monotonic()

    def look_up(self, server: Server, path: str) -> bytes | None:
        version, _, rest = path.strip("/").partition("/")
        if not version:
            return "\n".join(metadata_tree.VERSIONS).encode()
        if version not in metadata_tree.VERSIONS:
            return None
        return metadata_tree.look_up(metadata_tree.tree(self.current(), server, self.facts), rest)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def asker(self) -> Server | None:
        """The instance that asks; None, and refused, when the service is off for it."""
        server = self.server.metadata.server_at(self.server.vpc_id, self.client_address[0])
        if server and server.metadata_enabled:
            return server
        self.answer(403 if server else 404)
        return None

    def do_PUT(self) -> None:
        if not (server := self.asker()):
            return
        lifetime = self.headers.get(LIFETIME, "")
        if self.headers.get("X-Forwarded-For"):
            self.answer(403)  # somebody else's request, passed on by a proxy in the instance
        elif self.path != "/latest/api/token":
            self.answer(405)
        elif not lifetime.isdigit() or not 1 <= int(lifetime) <= LONGEST_TOKEN_S:
            self.answer(400)
        else:
            # The answer dies after as many hops: a container behind the instance's own bridge does not get a token.
            self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, server.hop_limit)
            token = self.server.metadata.new_token(server, int(lifetime))
            self.answer(200, token.encode(), **{LIFETIME: lifetime})

    def do_GET(self) -> None:
        if not (server := self.asker()):
            return
        metadata, token = self.server.metadata, self.headers.get(TOKEN)
        if not metadata.token_valid(server, token) and (token or server.tokens_required):
            self.answer(401)
            return
        try:
            body = metadata.look_up(server, self.path)
        except Exception:
            logger.exception("metadata of %s: %s", server.id, self.path)
            self.answer(500)
            return
        self.answer(404) if body is None else self.answer(200, body)

    def version_string(self) -> str:
        return "EC2ws"

    def log_message(self, text: str, *values: object) -> None:
        logger.debug("%s %s", self.client_address[0], text % values)
