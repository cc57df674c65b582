"""Small worlds the tests of the API start from, made with boto3, and how they read a refusal."""

import contextlib

import pytest
from botocore.exceptions import ClientError

IMAGE = "ami-0d15717b0fedb0001"


@contextlib.contextmanager
def refused(code, message=""):
    """The block must fail with this AWS error code, and the message must contain the text."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert (error["Code"], message in error["Message"]) == (code, True), error


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
