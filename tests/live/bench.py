"""A minimal EC2 around one machine, for tests of the machine itself: a wire, DHCP, and IMDSv2 with user and vendor data."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.host import metadata_tree, namespaces
from local.host.process import Process
from local.instance import Instance

MAC, ADDRESS, ROUTER = "0a:00:0a:14:01:0a", "10.20.1.10", "10.20.1.1"
IDENTITY = {"instanceId": "i-0bench", "region": "eu-central-1", "availabilityZone": "eu-central-1a"}
USER_DATA = """\
#cloud-config
hostname: web-a
bootcmd: ["echo bootcmd >> /run/order"]
runcmd: ["echo runcmd >> /run/order"]
"""
VENDOR_DATA = "#cloud-boothook\n#!/bin/sh\necho vendor >> /run/order\n"
CARD = {"device-number": "0", "local-ipv4s": ADDRESS, "mac": MAC, "subnet-ipv4-cidr-block": "10.20.1.0/24"}
TREE = {
    "meta-data": {
        "instance-id": IDENTITY["instanceId"],
        "local-hostname": "ip-10-20-1-10.eu-central-1.compute.internal",
        "network": {"interfaces": {"macs": {MAC: CARD}}},
    },
    "user-data": USER_DATA,
    "vendor-data": VENDOR_DATA,
    "dynamic": {"instance-identity": {"document": json.dumps(IDENTITY)}},
}
DNSMASQ = f"""\
port=0
interface=wire
bind-interfaces
leasefile-ro
dhcp-authoritative
dhcp-range={ROUTER},static,255.255.255.0
dhcp-host={MAC},{ADDRESS}
"""


class Metadata(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.answer(200, b"a-token", {"X-aws-ec2-metadata-token-ttl-seconds": "21600"})

    def do_GET(self):
        _, _version, path = self.path.split("/", 2)
        known = metadata_tree.look_up(TREE, path)
        if self.headers.get("X-aws-ec2-metadata-token") != "a-token":
            self.answer(401, b"")
        else:
            self.answer(404 if known is None else 200, known or b"")

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Bench:
    """Use as a context manager: inside, the namespace `netns` has an `ens5` that gets its address and its data."""

    def __init__(self, instance: Instance):
        self.instance = instance
        self.netns, self.router = f"{instance.id}-i-0bench", f"{instance.id}-router"

    def __enter__(self) -> Bench:
        for name in (self.netns, self.router):
            namespaces.add(name)
        namespaces.ip(self.netns, "link set lo up")
        namespaces.ip(
            self.router,
            "link set lo up",
            f"link add wire type veth peer name ens5 address {MAC} netns {self.netns}",
            f"addr add {ROUTER}/24 dev wire",
            "addr add 169.254.169.254/32 dev lo",
            "link set wire up",
        )
        configuration = self.instance.run / "dnsmasq.conf"
        configuration.write_text(DNSMASQ)
        self.dnsmasq = Process(self.instance, "dnsmasq")
        self.dnsmasq.start(["dnsmasq", "-k", "-C", str(configuration), "--pid-file="], netns=self.router)
        self.metadata = namespaces.inside(self.router, lambda: ThreadingHTTPServer(("169.254.169.254", 80), Metadata))
        threading.Thread(target=self.metadata.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.metadata.shutdown()
        self.metadata.server_close()
        self.dnsmasq.stop()
        for name in namespaces.names(self.instance.id):
            namespaces.delete(name)
