"""What the metadata service says of one instance, as a tree: folders are dicts, leaves text or bytes. Pure.

Categories and wording follow the EC2 user guide, "Instance metadata categories"; what AWS leaves out is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Protocol

from local.host.desired import Desired, Interface, Server, Subnet

Leaf = str | bytes | None  # None: there is nothing, as if the path did not exist
Tree = Mapping[str, "Tree | Leaf | Callable[[], Leaf]"]
VERSIONS = ("2009-04-04", "2016-09-02", "2018-09-24", "2021-03-23", "latest")


class Facts(Protocol):
    """What is not in the desired state, asked for when its path is. No user data is empty user data."""

    def user_data(self, server: Server) -> bytes: ...
    def vendor_data(self, server: Server) -> str: ...
    def credentials(self, server: Server) -> str: ...


def tree(desired: Desired, server: Server, facts: Facts) -> Tree:
    """Everything below a version."""
    interface = next(found for found in desired.interfaces if found.owner == server.id)
    subnet = next(s for s in desired.vpc(interface.vpc_id).subnets if s.id == interface.subnet_id)
    return {
        "dynamic": {"instance-identity": {"document": identity_document(desired, server, interface)}},
        "meta-data": meta_data(desired, server, interface, subnet, lambda: facts.credentials(server)),
        "user-data": lambda: facts.user_data(server) or None,
        "vendor-data": lambda: facts.vendor_data(server),
    }


def meta_data(desired: Desired, server: Server, interface: Interface, subnet: Subnet, credentials: Callable[[], str]) -> Tree:
    names = {group.id: group.name for group in desired.groups}
    groups = "\n".join(names.get(group, group) for group in interface.groups)
    entries = {
        "ami-id": server.image_id,
        "ami-launch-index": "0",
        "ami-manifest-path": "(unknown)",
        "hostname": server.hostname,
        "instance-action": "none",
        "instance-id": server.id,
        "instance-life-cycle": "on-demand",
        "instance-type": server.instance_type,
        "local-hostname": server.hostname,
        "local-ipv4": interface.address,
        "mac": interface.mac,
        "network": {"interfaces": {"macs": {interface.mac: network(desired, server, interface, subnet, groups)}}},
        "placement": {"availability-zone": server.zone, "region": desired.region},
        "profile": "default-hvm",
        "reservation-id": "r-" + server.id.removeprefix("i-"),
        "security-groups": groups,
        "services": {"domain": "amazonaws.com", "partition": "aws"},
    }
    if server.role:
        entries["iam"] = {
            "info": json.dumps({"Code": "Success", "InstanceProfileArn": server.profile_arn}, indent=2),
            "security-credentials": {server.role: credentials},
        }
    if server.tags_in_metadata:
        entries["tags"] = {"instance": dict(server.tags)}
    return entries


def network(desired: Desired, server: Server, interface: Interface, subnet: Subnet, groups: str) -> Tree:
    vpc = desired.vpc(interface.vpc_id)
    return {
        "device-number": "0",
        "interface-id": interface.id,
        "local-hostname": server.hostname,
        "local-ipv4s": interface.address,
        "mac": interface.mac,
        "owner-id": desired.account,
        "security-group-ids": "\n".join(interface.groups),
        "security-groups": groups,
        "subnet-id": subnet.id,
        "subnet-ipv4-cidr-block": subnet.cidr,
        "vpc-id": vpc.id,
        "vpc-ipv4-cidr-block": vpc.cidr,
        "vpc-ipv4-cidr-blocks": vpc.cidr,
    }


def identity_document(desired: Desired, server: Server, interface: Interface) -> str:
    """EC2 user guide, "Instance identity documents"; not signed."""
    return json.dumps(
        {
            "accountId": desired.account,
            "architecture": server.architecture,
            "availabilityZone": server.zone,
            "imageId": server.image_id,
            "instanceId": server.id,
            "instanceType": server.instance_type,
            "pendingTime": server.launched,
            "privateIp": interface.address,
            "region": desired.region,
            "version": "2017-09-30",
        },
        indent=2,
    )


def look_up(root: Tree, path: str) -> bytes | None:
    """The answer to a path below a version: a leaf's content, or a folder's listing; None when there is none."""
    node: object = root
    for part in filter(None, path.split("/")):
        if not isinstance(node, Mapping) or part not in node:
            return None
        node = node[part]
    if isinstance(node, Mapping):
        node = "\n".join(name + ("/" if isinstance(entry, Mapping) else "") for name, entry in node.items())
    elif callable(node):
        node = node()
    return node.encode() if isinstance(node, str) else node
