"""One API server for all tests of a module, emptied before each; boto3 clients for it, and a host that does as told."""

import copy
import dataclasses
import functools
from dataclasses import dataclass, field

import pytest
from moto.iam.models import IAMBackend

from local.api import ACCOUNT
from local.api.host import CommandResult, TargetHealth
from local.api.overlay.calls import Served
from local.api.overlay.state import forget_everything
from local.api.server import ApiServer
from local.instance import Instance, free_ports
from tests.api.worlds import gateway, group, launch, network, self_signed, subnet


@dataclass
class FakeHost:
    """Machines that are what they should be, unless a test says otherwise."""

    states: dict[str, str] = field(default_factory=dict)
    health: dict[str, TargetHealth] = field(default_factory=dict)
    offline: set[str] = field(default_factory=set)
    results: list[CommandResult | OSError] = field(default_factory=list)
    scripts: list[tuple[str, str, float]] = field(default_factory=list)
    changes: int = 0

    def changed(self):
        self.changes += 1

    def instance_state(self, instance_id, desired):
        return self.states.get(instance_id, desired)

    def target_health(self, target_group_arn, target_id, port):
        return self.health.get(target_id, TargetHealth("healthy"))

    def online(self, instance_id):
        return instance_id not in self.offline

    def run(self, instance_id, script, timeout_s):
        self.scripts.append((instance_id, script, timeout_s))
        result = self.results.pop(0) if self.results else CommandResult(0, stdout="done\n")
        if isinstance(result, OSError):
            raise result
        return result


@pytest.fixture(scope="session", autouse=True)
def policies_of_aws():
    """AWS's own 1,500 policies take longer to read than a test to run: they are read once, and copied."""
    read = functools.cache(IAMBackend._init_aws_policies)
    first = IAMBackend("aws", ACCOUNT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IAMBackend, "_init_aws_policies", lambda iam: [copy.copy(policy) for policy in read(first)])
        yield


@pytest.fixture(scope="session")
def port():
    """All the clouds of these tests have one port, one after the other, for the sake of the clients."""
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def clients(port):
    """boto3 clients by service, made once: that takes longer than a test."""
    return functools.cache(Instance(home=None, id="dw-test", api_port=port, packages_port=0).client)


@pytest.fixture(scope="module")
def instance(tmp_path_factory, port):
    return dataclasses.replace(Instance.open(tmp_path_factory.mktemp("cloud")), api_port=port)


@pytest.fixture(scope="module")
def server(instance):
    server = ApiServer(instance, FakeHost())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def host(server):
    forget_everything()
    server.host = Served.host = FakeHost()
    return server.host


@pytest.fixture
def aws(host, clients):
    """aws("ec2") is a boto3 client of an empty cloud."""
    return clients


@pytest.fixture
def ec2(aws):
    return aws("ec2")


@pytest.fixture
def ssm(aws):
    return aws("ssm")


@pytest.fixture
def instance_id(ec2):
    return launch(ec2, network(ec2)[1])


@pytest.fixture
def elb(aws):
    return aws("elbv2")


@pytest.fixture
def world(ec2):
    """vpc, a subnet in each of two zones, a group; with an internet gateway."""
    vpc_id, first = network(ec2)
    gateway(ec2, vpc_id)
    return vpc_id, [first, subnet(ec2, vpc_id, "10.20.2.0/24", "b")], group(ec2, vpc_id, "nlb")


@pytest.fixture
def certificate_arn(aws):
    certificate, key = self_signed()
    return aws("acm").import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
