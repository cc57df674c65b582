"""Machines follow the AWS API: two small servers behind a load balancer, and everything a client may do to them."""

import os
import signal
import socket
import time
import urllib.request

import pytest

from local.api.server import ApiServer
from local.host import leftovers, volumes
from local.host.follower import MachineHost
from local.host.namespaces import inside
from local.instance import Instance
from tests.live.plain_servers import eventually

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
IMAGE = "ami-0d15717b0fedb0001"
PORT = 18081
ANYBODY = [{"CidrIp": "0.0.0.0/0"}]
TRUST = '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
USER_DATA = """#cloud-config
write_files:
- path: /srv/index.html
  content: {name}
- path: /etc/systemd/system/site.service
  content: |
    [Service]
    ExecStart=python3 -m http.server --directory /srv 80
    [Install]
    WantedBy=multi-user.target
runcmd:
- systemctl enable --now site
"""


class Stack:
    """A daemon's two halves in this process, and what the tests made through the API."""

    def __init__(self, home):
        self.instance = Instance.open(home)
        self.open()
        self.ec2, self.elb, self.iam = (self.instance.client(name) for name in ("ec2", "elbv2", "iam"))
        ec2, elb = self.ec2, self.elb
        vpc = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        public, private = (
            ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone="eu-central-1a")["Subnet"]["SubnetId"]
            for cidr in ("10.30.0.0/24", "10.30.1.0/24")
        )
        self.nlb_group, self.web_group = (
            ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("nlb", "web")
        )
        listen = [{"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT, "IpRanges": ANYBODY}]
        ec2.authorize_security_group_ingress(GroupId=self.nlb_group, IpPermissions=listen)
        self.web_rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": self.nlb_group}]}]
        ec2.authorize_security_group_ingress(GroupId=self.web_group, IpPermissions=self.web_rule)
        self.iam.create_role(RoleName="web", AssumeRolePolicyDocument=TRUST)
        self.iam.create_instance_profile(InstanceProfileName="web")
        self.iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
        self.ids = {name: self.launch(name, private, f"10.30.1.{10 + n}") for n, name in enumerate(("a", "b"))}
        balancer = elb.create_load_balancer(Name="edge", Type="network", Subnets=[public], SecurityGroups=[self.nlb_group])[
            "LoadBalancers"
        ][0]["LoadBalancerArn"]
        self.group = elb.create_target_group(
            Name="web",
            Protocol="TCP",
            Port=80,
            VpcId=vpc,
            HealthCheckProtocol="HTTP",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=3,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        elb.create_listener(
            LoadBalancerArn=balancer,
            Protocol="TCP",
            Port=PORT,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        for instance_id in self.ids.values():
            eventually(lambda instance_id=instance_id: self.state(instance_id) == "running", 300)
        elb.register_targets(TargetGroupArn=self.group, Targets=[{"Id": i} for i in self.ids.values()])

    def open(self):
        self.host = MachineHost(self.instance)
        self.api = ApiServer(self.instance, self.host)
        self.api.start()
        self.host.start()

    def close(self, *, machines):
        self.host.stop(machines=machines)
        self.api.stop()

    def launch(self, name, subnet, address):
        return self.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            PrivateIpAddress=address,
            SecurityGroupIds=[self.web_group],
            InstanceType="t3.micro",
            IamInstanceProfile={"Name": "web"},
            UserData=USER_DATA.format(name=name),
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        )["Instances"][0]["InstanceId"]

    def state(self, instance_id):
        answer = self.ec2.describe_instances(InstanceIds=[instance_id])
        return answer["Reservations"][0]["Instances"][0]["State"]["Name"]

    def health(self):
        answer = self.elb.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return {found["TargetHealth"]["State"] for found in answer}

    def on(self, name, script):
        """What a script says on a server, once that is online; it must succeed."""
        eventually(lambda: self.host.online(self.ids[name]))
        result = self.host.run(self.ids[name], script, 60)
        assert result.exit_code == 0, result
        return result.stdout.strip()

    def page(self):
        """Who answers through the load balancer; empty when the connection is cut, as while a server starts."""
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5).read().decode()
        except OSError:
            return ""

    def reachable(self):
        """Does the load balancer's interface reach server a's port 80?"""
        netns = next(path for path in os.listdir("/run/netns") if path.startswith(f"{self.instance.id}-nlb-"))
        try:
            inside(netns, lambda: socket.create_connection(("10.30.1.10", 80), 0.2)).close()
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    home = tmp_path_factory.mktemp("follower") / ".local"
    stack = None
    try:
        stack = Stack(home)
        yield stack
        stack.close(machines=True)
        assert leftovers.find(stack.instance) == []
    finally:
        leftovers.remove(Instance.open(home))


def test_servers_boot_from_their_user_data_and_are_reached_through_the_load_balancer(stack):
    eventually(lambda: stack.health() == {"healthy"})
    assert {stack.page() for _ in range(40)} == {"a", "b"}


def test_a_server_knows_its_names_its_role_and_its_way_to_aws_and_packages(stack):
    assert stack.on("a", "getent hosts ip-10-30-1-11.eu-central-1.compute.internal").startswith("10.30.1.11 ")
    token = "T=$(curl -sX PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60')"
    keys = stack.on(
        "a",
        f"{token}; curl -sf http://169.254.169.254/latest/meta-data/iam/security-credentials/web"
        ' -H "X-aws-ec2-metadata-token: $T"',
    )
    assert '"Code": "Success"' in keys
    assert stack.on("a", "curl -sS -m 5 -o /dev/null -w '%{http_code}' https://198.18.0.1/moto-api/") == "200"
    assert "9." in stack.on("a", "apt-get -qq update && apt-cache policy mysql-server | grep Candidate")


def test_a_rule_revoked_by_any_client_blocks_the_port_at_once(stack):
    eventually(stack.reachable, 60)
    stack.ec2.revoke_security_group_ingress(GroupId=stack.web_group, IpPermissions=stack.web_rule)
    eventually(lambda: not stack.reachable(), 3)
    stack.ec2.authorize_security_group_ingress(GroupId=stack.web_group, IpPermissions=stack.web_rule)
    eventually(stack.reachable, 3)


def test_a_volume_is_attached_to_a_running_server_and_stays_while_it_is_mounted(stack):
    volume = stack.ec2.create_volume(AvailabilityZone="eu-central-1a", Size=1, VolumeType="gp3")["VolumeId"]
    stack.ec2.attach_volume(VolumeId=volume, InstanceId=stack.ids["a"], Device="/dev/sdf")
    device = f"/dev/disk/by-id/{volumes.link_name(volume)}"
    appears = f"timeout 10 sh -c 'until test -b {device}; do sleep 0.1; done'"
    stack.on("a", f"{appears} && mkfs.ext4 -q {device} && mount {device} /mnt && echo kept > /mnt/note")
    stack.ec2.detach_volume(VolumeId=volume, InstanceId=stack.ids["a"])
    assert stack.on("a", f"sleep 3; test -b {device} && cat /mnt/note && umount /mnt") == "kept"
    stack.on("a", f"timeout 10 sh -c 'while test -b {device}; do sleep 0.1; done'")
    eventually(lambda: stack.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available")
    stack.ec2.attach_volume(VolumeId=volume, InstanceId=stack.ids["b"], Device="/dev/sdf")
    assert stack.on("b", f"{appears} && mount {device} /mnt && cat /mnt/note && umount /mnt") == "kept"
    stack.ec2.detach_volume(VolumeId=volume, InstanceId=stack.ids["b"])
    eventually(lambda: stack.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available")
    stack.ec2.delete_volume(VolumeId=volume)
    eventually(lambda: not volumes.file_of(stack.instance, volume).exists(), 10)


def test_a_server_is_stopped_and_started_with_its_disk_kept(stack):
    stack.on("b", "echo kept > /root/note")
    stack.ec2.stop_instances(InstanceIds=[stack.ids["b"]])
    eventually(lambda: stack.state(stack.ids["b"]) == "stopped")
    stack.ec2.start_instances(InstanceIds=[stack.ids["b"]])
    eventually(lambda: stack.state(stack.ids["b"]) == "running")
    assert stack.on("b", "cat /root/note") == "kept"


def test_a_server_that_powers_itself_off_is_stopped_and_stays_so(stack):
    eventually(lambda: stack.host.online(stack.ids["b"]))
    stack.host.run(stack.ids["b"], "systemctl poweroff", 10)
    eventually(lambda: stack.state(stack.ids["b"]) == "stopped")
    end = time.monotonic() + 5  # more than two turns of the loop
    while time.monotonic() < end:
        assert stack.state(stack.ids["b"]) == "stopped"
        time.sleep(0.5)
    stack.ec2.start_instances(InstanceIds=[stack.ids["b"]])
    eventually(lambda: stack.state(stack.ids["b"]) == "running")


def test_another_daemon_takes_the_running_servers_over(stack):
    boot = stack.on("a", "cat /proc/sys/kernel/random/boot_id; cat /proc/1/stat | cut -d' ' -f22")
    stack.close(machines=False)
    eventually(stack.page, 20)  # the site does not need the daemon
    stack.open()
    assert stack.state(stack.ids["a"]) == "running"
    assert stack.on("a", "cat /proc/sys/kernel/random/boot_id; cat /proc/1/stat | cut -d' ' -f22") == boot
    eventually(lambda: stack.health() == {"healthy"})


def test_killed_helpers_come_back(stack):
    """HAProxy, DNS and the package proxy, each by kill -9; the site answers again."""
    helpers = eventually(lambda: stack.host.helpers)
    killed = {process.name: process.pid() for process in helpers}
    assert len(killed) == 3
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: all(p.pid() not in (None, killed[p.name]) for p in helpers), 20)
    eventually(lambda: stack.health() == {"healthy"})
    eventually(stack.page, 20)


def test_a_terminated_server_leaves_nothing_and_frees_its_address(stack):
    gone = stack.ids["b"]
    stack.ec2.terminate_instances(InstanceIds=[gone])
    eventually(lambda: stack.state(gone) == "terminated")
    eventually(lambda: not os.path.exists(f"/run/netns/{stack.instance.id}-{gone}"), 10)
    assert not (stack.instance.home / "machines" / gone).exists()
