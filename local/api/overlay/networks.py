"""EC2 networks: NAT gateways that leave nothing behind, and what AWS does not delete while something depends on it.

EC2 API, "Error codes", DependencyViolation.
"""

from __future__ import annotations

from moto.ec2.models import nat_gateways

from local.api.overlay.calls import Call, Refusal, follows, refuses

# moto invents an address outside the subnet; without one the interface takes a free address inside it
nat_gateways.random_private_ip = lambda: None


@follows("ec2", "DeleteNatGateway")
def free_its_interface(call: Call) -> None:
    """EC2 API, DeleteNatGateway: the Elastic IP address is disassociated, not released. moto keeps both as they were."""
    ec2 = call.state()
    gateway = ec2.nat_gateways[call.params["NatGatewayId"]]
    if gateway._eni.id not in ec2.enis:
        return  # it was deleted before: AWS answers the same again
    for address in gateway.address_set:
        if address.get("associationId"):
            ec2.disassociate_address(association_id=address["associationId"])
    gateway._eni.delete()


@refuses("ec2", "DeleteSubnet")
def refuse_deleting_a_subnet_in_use(call: Call) -> None:
    subnet_id = call.params["SubnetId"]
    if any(interface.subnet.id == subnet_id for interface in call.state().enis.values()):
        depends(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")


@refuses("ec2", "DeleteVpc")
def refuse_deleting_a_network_in_use(call: Call) -> None:
    """EC2 API, DeleteVpc: everything in it goes first, except the default group, ACL and main route table."""
    ec2, vpc_id = call.state(), call.params["VpcId"]
    groups = any(not group.is_default for group in ec2.groups[vpc_id].values())
    gateways = any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in ec2.internet_gateways.values())
    if groups or gateways:
        depends(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")


@refuses("ec2", "DetachInternetGateway")
def refuse_detaching_a_gateway_that_addresses_use(call: Call) -> None:
    vpc_id = call.params["VpcId"]
    if any(interface.subnet.vpc_id == vpc_id and interface.public_ip for interface in call.state().enis.values()):
        depends(
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway."
        )


def depends(message: str) -> None:
    raise Refusal("DependencyViolation", message)
