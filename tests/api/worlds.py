"""Small worlds the tests of the API start from, made with boto3, and how they read a refusal."""

import contextlib
import datetime
import threading
import time

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec as curves

IMAGE = "ami-0d15717b0fedb0001"
DEADLINE_S = 5


@contextlib.contextmanager
def refused(code, message=""):
    """The block must fail with this AWS error code, and the message must contain the text."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert (error["Code"], message in error["Message"]) == (code, True), error


def until(wanted, read):
    """Reads until it is as wanted; the last value read when the deadline is over."""
    deadline = time.monotonic() + DEADLINE_S
    while (value := read()) != wanted and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return value


def network(ec2, cidr="10.20.0.0/16", zone="a"):
    """A VPC with one subnet, its first /24. Returns their ids."""
    vpc_id = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    return vpc_id, subnet(ec2, vpc_id, cidr.replace("0.0/16", "1.0/24"), zone)


def subnet(ec2, vpc_id, cidr, zone="a"):
    made = ec2.create_subnet(VpcId=vpc_id, CidrBlock=cidr, AvailabilityZone=f"eu-central-1{zone}")
    return made["Subnet"]["SubnetId"]


def gateway(ec2, vpc_id):
    gateway_id = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
    return gateway_id


def group(ec2, vpc_id, name="web"):
    return ec2.create_security_group(GroupName=name, Description="servers", VpcId=vpc_id)["GroupId"]


def launch(ec2, subnet_id, **settings):
    settings = {"ImageId": IMAGE, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet_id, **settings}
    return ec2.run_instances(**settings)["Instances"][0]["InstanceId"]


def described(ec2, instance_id):
    return ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def state(ec2, instance_id):
    return described(ec2, instance_id)["State"]["Name"]


def self_signed(name="localhost"):
    """A certificate and its key, PEM."""
    key = curves.generate_private_key(curves.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return certificate.public_bytes(serialization.Encoding.PEM), private


def balancer(elb, world, **settings):
    """A Network Load Balancer in the subnets of the `world` fixture, as boto3 describes it."""
    _, subnets, group_id = world
    settings = {"Name": "door", "Type": "network", "Subnets": subnets, "SecurityGroups": [group_id], **settings}
    return elb.create_load_balancer(**settings)["LoadBalancers"][0]


def target_group(elb, world, **settings):
    settings = {"Name": "servers", "Protocol": "TLS", "Port": 8443, "VpcId": world[0], **settings}
    return elb.create_target_group(**settings)["TargetGroups"][0]


def forward(group_arn):
    return [{"Type": "forward", "TargetGroupArn": group_arn}]
