"""What a user may set for a stack, with its limits, and what he is told when it is wrong. The only reader of pulumi.Config.

The fields' `description` says what is allowed and `examples[0]` is a value that works: both are quoted when a value is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from cloud_init.front_door import ALIVE
from components.mistakes import CONTRADICTION, Mistake, explain
from components.subnets import SMALLEST_VPC

NAMESPACE = "distributed-web"
CHECKOUT = Path(__file__).resolve().parent
PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))  # RFC 1918
STACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,12}")  # `<stack>-edge-https-0123abc` may have 32 characters
HOSTNAME = r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"
# Only Nitro instances show a volume under its id, by which the servers find theirs; these families are older.
# https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html
XEN = r"(t1|t2|m[1-4]|c[134]|cc2|cr1|r[34]|i2|d2|h1|hs1|x1|x1e|p[23]|g[23]|g3s|f1)"
INSTANCE_TYPE = rf"^(?!{XEN}\.)[a-z][a-z0-9-]*\.([a-z]+|[0-9]+xlarge|metal-[0-9]+xl)$"
GRAVITON = re.compile(r"(a1|[a-z]+[0-9]+g[a-z]*)\.")  # AWS's instance type names: a `g` after the generation is ARM

NO_IMAGE = "ami-00000000000000000"
UBUNTU = {"x86_64": "amd64", "arm64": "arm64"}  # Canonical's names of the architectures
CHOOSE_IMAGE = """distributed-web:image.ami of stack {stack} is still to be chosen:
  pulumi config set --stack {stack} --path 'distributed-web:image.ami' $(aws ssm get-parameter --region {region} \\
    --name /aws/service/canonical/ubuntu/server/26.04/stable/current/{architecture}/hvm/ebs-gp3/ami-id \\
    --query Parameter.Value --output text)"""

# What is deployed until a user brings his own. Not defaults of the keys: half of this and half of his would be of no use.
SAMPLE_APP = {
    "path": "app",
    "command": "gunicorn --bind unix:$APP_SOCKET --worker-class gthread --workers 2 --threads 56 --timeout 20"
    " --graceful-timeout 5 notes.wsgi:app",
    "packages": ["gunicorn", "python3-flask", "python3-pymysql"],
    "setup": "python3 -m notes.setup",
}

WebServer = Literal["web-a", "web-b"]
Zone = Literal["a", "b", "c", "d", "e", "f"]
Port = Annotated[int, Field(ge=1, le=65535)]
Package = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]  # Debian policy 5.6.1


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, str_strip_whitespace=True, regex_engine="python-re"
    )


class Network(Section):
    cidr: IPv4Network = Field(
        IPv4Network("10.20.0.0/16"),
        description=f"a private IPv4 network (RFC 1918) between /16 and /{SMALLEST_VPC}, without host bits",
        examples=["10.20.0.0/16"],
    )
    zones: tuple[Zone, ...] = Field(
        ("a", "b", "c"), min_length=1, max_length=3,
        description="a list of one to three different letters of the region's availability zones, a to f", examples=["a"],
    )  # fmt: skip
    egress: Literal["nat-gateway", "nat-per-zone"] = Field("nat-gateway", examples=["nat-gateway"])

    @field_validator("cidr")
    @classmethod
    def fits_a_vpc(cls, cidr: IPv4Network) -> IPv4Network:
        if not 16 <= cidr.prefixlen <= SMALLEST_VPC or not any(cidr.subnet_of(block) for block in PRIVATE):
            raise ValueError
        return cidr

    @field_validator("zones")
    @classmethod
    def are_different(cls, zones: tuple[Zone, ...]) -> tuple[Zone, ...]:
        if len(set(zones)) < len(zones):
            raise ValueError
        return zones


class Image(Section):
    ami: str = Field(
        pattern=r"^ami-([0-9a-f]{8}|[0-9a-f]{17})$",
        description="the id of an Ubuntu 26.04 image in this stack's region (pinned: a newer image replaces every server)",
        examples=["ami-0123456789abcdef0"],
    )
    architecture: Literal["x86_64", "arm64"] = Field("x86_64", examples=["x86_64"])


class Servers(Section):
    lb_type: str = Field(
        "t3.micro", pattern=INSTANCE_TYPE, description="a current (Nitro) EC2 instance type", examples=["t3.micro"]
    )
    web_type: str = Field(
        "t3.small", pattern=INSTANCE_TYPE, description="a current (Nitro) EC2 instance type", examples=["t3.small"]
    )
    root_gib: int = Field(16, ge=8, le=16384, description="whole GiB from 8 to 16384", examples=[16])


class Balancer(Section):
    mode: Literal["active-passive", "active-active"] = Field("active-passive", examples=["active-passive"])
    algorithm: Literal["roundrobin", "leastconn", "source"] = Field("roundrobin", examples=["roundrobin"])


class Database(Section):
    name: str = Field(
        "app", pattern=r"^(?!(mysql|sys|information_schema|performance_schema)$)[a-z][a-z0-9_]{0,63}$",
        description="a lower-case MySQL schema name of up to 64 letters, digits and _, none of MySQL's own", examples=["app"],
    )  # fmt: skip
    primary: WebServer = Field("web-a", examples=["web-a"])
    replication: Literal["async", "semi-sync"] = Field("async", examples=["async"])
    failover: Literal["automatic", "manual"] = Field("automatic", examples=["automatic"])
    lease_ttl: int = Field(5, ge=3, le=60, description="whole seconds from 3 to 60", examples=[5])
    max_lag: int = Field(100, ge=0, description="a number of transactions, 0 or more", examples=[100])
    restart_budget: int = Field(5, ge=1, le=600, description="whole seconds from 1 to 600", examples=[5])
    read_lag: int = Field(10, ge=1, le=3600, description="whole seconds from 1 to 3600", examples=[10])
    volume_gib: int = Field(20, ge=1, le=16384, description="whole GiB from 1 to 16384", examples=[20])
    volumes: dict[WebServer, Annotated[str, Field(pattern=r"^vol-([0-9a-f]{8}|[0-9a-f]{17})$")]] = Field(
        {}, description="existing EBS volumes to adopt, by web-a and web-b, `primary`'s among them",
        examples=["vol-0123456789abcdef0"],
    )  # fmt: skip

    @field_validator("volumes")
    @classmethod
    def holds_the_primarys(cls, volumes: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        """Or an empty primary would make another database beside the one that there is."""
        if volumes and info.data.get("primary") not in volumes:
            raise ValueError
        return volumes


class App(Section):
    path: Path = Field(description="a folder with the application in it; relative to the checkout", examples=["app"])
    command: str = Field(
        pattern=r"^\S[^\n]*$",
        description="one shell command line that serves HTTP on the unix socket $APP_SOCKET",
        examples=["'gunicorn --bind unix:$APP_SOCKET wsgi:app'"],
    )
    packages: tuple[Package, ...] = Field(
        (), description="a list of package names of the distribution", examples=["python3-flask"]
    )
    health: str = Field(
        "/healthz", pattern=rf"^(?!{ALIVE}$)/[A-Za-z0-9._~/-]*$", examples=["/healthz"],
        description=f"a path: / and then letters, digits and . _ ~ / -; not {ALIVE}, which is Nginx's",
    )  # fmt: skip
    setup: str = Field("", pattern=r"^[^\n]*$", description="one shell command line, or nothing", examples=["./migrate"])
    reads_at_once: int = Field(16, ge=1, le=1000, description="a number of requests from 1 to 1000", examples=[16])
    writes_at_once: int = Field(8, ge=1, le=1000, description="a number of requests from 1 to 1000", examples=[8])

    @field_validator("path")
    @classmethod
    def is_there(cls, path: Path, info: ValidationInfo) -> Path:
        folder = ((info.context or {}).get("checkout", CHECKOUT) / path).resolve()
        if not folder.is_dir() or not any(folder.iterdir()):
            raise ValueError
        return folder


class Edge(Section):
    https_port: Port = Field(443, description="a port from 1 to 65535", examples=[443])
    http_port: Port = Field(80, description="a port from 1 to 65535, not https_port", examples=[80])
    hostnames: tuple[Annotated[str, Field(pattern=HOSTNAME)], ...] = Field(
        (), description="a list of lower-case host names", examples=["www.example.org"]
    )

    @field_validator("http_port")
    @classmethod
    def is_another(cls, port: int, info: ValidationInfo) -> int:
        if port == info.data.get("https_port"):
            raise ValueError
        return port


class Alarms(Section):
    email: str | None = Field(
        None, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", description="an e-mail address", examples=["ops@example.org"]
    )


class Settings(Section):
    """A validated stack. `app.path` is absolute; everything else is as the user wrote it or the default."""

    stack: str = Field(alias=":stack")  # not in our namespace, where a key has no colon
    region: str = Field(alias=":region")
    network: Network = Network()
    image: Image
    servers: Servers = Servers()
    balancer: Balancer = Balancer()
    database: Database = Database()
    app: App
    edge: Edge = Edge()
    domain: str | None = Field(None, pattern=HOSTNAME, description="a lower-case domain name", examples=["www.example.org"])
    domain_zone: str | None = Field(
        None, pattern=r"^Z[A-Z0-9]+$", description="the id of the Route 53 hosted zone `domain` is in",
        examples=["Z0123456789ABCDEFGHIJ"],
    )  # fmt: skip
    alarms: Alarms = Alarms()
    protect: bool = Field(False, description="true or false", examples=["true"])

    @field_validator("servers")
    @classmethod
    def run_the_image(cls, servers: Servers, info: ValidationInfo) -> Servers:
        wanted = info.data["image"].architecture if "image" in info.data else None
        types = {"lb_type": servers.lb_type, "web_type": servers.web_type}
        wrong = {key: chosen for key, chosen in types.items() if wanted and architecture(chosen) != wanted}
        if wrong:
            allowed = f"an instance type for image.architecture, which is {wanted}"
            example = "t4g.small" if wanted == "arm64" else "t3.small"
            raise PydanticCustomError(CONTRADICTION, "{allowed}", {"allowed": allowed, "values": wrong, "example": example})
        return servers

    @field_validator("domain_zone")
    @classmethod
    def holds_the_domain(cls, zone: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("domain") and not zone:
            raise ValueError
        return zone


def architecture(instance_type: str) -> str:
    """`arm64` for AWS's Graviton families (t4g, m7g, c7gn, im4gn, a1 …), else `x86_64`."""
    return "arm64" if GRAVITON.match(instance_type) else "x86_64"


def load() -> Settings:
    """The settings of the stack being deployed. Raises pulumi.RunError with every mistake in its message.

    A stack file fresh from the repository has no image yet, for its id is different in every region and changes with every
    security update: that is enough for a preview.
    """
    prefix = f"{NAMESPACE}:"
    keys = [key.removeprefix(prefix) for key in pulumi.runtime.get_config_env() if key.startswith(prefix)]
    config = pulumi.Config(NAMESPACE)
    chosen = parse({key: config.get(key) for key in keys}, pulumi.get_stack(), pulumi.Config("aws").get("region"))
    if chosen.image.ami == NO_IMAGE:
        advice = CHOOSE_IMAGE.format(stack=chosen.stack, region=chosen.region, architecture=UBUNTU[chosen.image.architecture])
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(advice)
        pulumi.log.warn(advice)
    return chosen


def parse(values: Mapping[str, str | None], stack: str, region: str | None, checkout: Path = CHECKOUT) -> Settings:
    """Settings from configuration as the engine hands it over: texts, of which objects and lists are JSON.

    An empty value counts as not set. Raises pulumi.RunError with every mistake in its message.
    """
    tree = {key: structure(text) for key, text in values.items() if text}
    required = {":stack": stack, ":region": region or "", "image": {}, "app": SAMPLE_APP}
    mistakes = list(outside_the_namespace(stack, region))
    try:
        settings = Settings.model_validate(required | tree, context={"checkout": checkout})
    except ValidationError as error:
        mistakes += explain(error, Settings, NAMESPACE, stack)
    if mistakes:
        count = "a setting is" if len(mistakes) == 1 else f"{len(mistakes)} settings are"
        raise pulumi.RunError("\n".join([f"{count} wrong in stack {stack}:", *map(str, mistakes)]))
    return settings


def structure(text: str) -> object:
    """What the text stands for; a text that only begins like JSON stands for itself, and is refused for what it is."""
    try:
        return json.loads(text) if text[0] in "{[" else text
    except ValueError:
        return text


def outside_the_namespace(stack: str, region: str | None) -> Iterator[Mistake]:
    """What is wrong with the two values that are not ours."""
    if not region:
        remedy = f"pulumi config set --stack {stack} aws:region eu-central-1"
        yield Mistake(key="aws:region", value="not set", allowed="the name of an AWS region", remedy=remedy)
    if not STACK_NAME.fullmatch(stack):
        allowed = "up to 13 lower-case letters, digits and hyphens, a letter first"
        yield Mistake(key="the stack's name", value=f'"{stack}"', allowed=allowed, remedy="pulumi stack rename dev")
