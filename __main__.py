"""The whole stack, in the order in which a request and a release travel through it: settings in, resources and exports out."""

import gc
from pathlib import Path

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import Provider

import settings
from components import archive, firewall, naming, plan, secret_files
from components.certificates import InternalCertificates, InternalCertificatesArgs
from components.database import ClusterTable, ClusterTableArgs, DataVolumes, DataVolumesArgs
from components.edge import Edge, EdgeArgs
from components.fleet import Fleet, FleetArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.network import Network, NetworkArgs
from components.operations import Operations, OperationsArgs
from components.release import Bucket, BucketArgs, Release, ReleaseArgs
from components.secrets import Encryption, EncryptionArgs, Passwords, PasswordsArgs

# Nearly everything made here lives to the end of the program: looking for garbage took two thirds of its time.
gc.disable()
HERE = Path(__file__).resolve().parent

chosen = settings.load()
stack, region, protect = chosen.stack, chosen.region, chosen.protect
planned = plan.make(chosen)
provider = Provider("aws", region=region, default_tags={"tags": naming.default_tags(stack)})
opts = ResourceOptions(providers=[provider])

# The ground: who is where, who may talk to whom, what only the servers may know.
network = Network(stack, NetworkArgs(**dict(chosen.network), region=region), opts)
flows = firewall.flows(chosen.edge.https_port, chosen.edge.http_port)
walls = firewall.Firewall(stack, firewall.FirewallArgs(vpc_id=network.vpc_id, flows=flows), opts)
key = Encryption(stack, EncryptionArgs(protect=protect), opts).key_arn
passwords = Passwords(f"{stack}-database", PasswordsArgs(stack=stack, key_arn=key), opts)
hops_args = InternalCertificatesArgs(stack=stack, addresses=planned.addresses, key_arn=key)
hops = InternalCertificates(f"{stack}-hops", hops_args, opts)
secrets = secret_files.by_server(planned.site.servers, hops, passwords)

# What the servers keep, and what they fetch.
table = ClusterTable(f"{stack}-cluster", ClusterTableArgs(protect=protect), opts)
volumes_args = DataVolumesArgs(
    zones={server.name: f"{region}{planned.zones[server.name]}" for server in planned.site.web},
    size_gib=chosen.database.volume_gib,
    adopted=chosen.database.volumes,
    key_arn=key,
    protect=protect,
)
volumes = DataVolumes(f"{stack}-data", volumes_args, opts)
# What is in the first is made again by the next `pulumi up`; in the second is what only one database had.
bucket = Bucket(f"{stack}-release", BucketArgs(disposable=True), opts)
salvage = Bucket(f"{stack}-salvage", BucketArgs(disposable=not protect), opts)
build = HERE / ".build"
release_args = ReleaseArgs(
    site=planned.site,
    bucket=bucket,
    agent=archive.agent(HERE / "agent", build),
    app=archive.application(chosen.app.path, build),
    secrets=secrets,
)
release = Release(f"{stack}-release", release_args, opts)

# The front door, and the servers behind it, which change and take the release one after the other.
edge_args = EdgeArgs(
    **dict(chosen.edge),
    vpc_id=network.vpc_id,
    subnet_ids=list(network.public.values()),
    security_group_id=walls.groups[firewall.EDGE],
    domain=chosen.domain,
    domain_zone=chosen.domain_zone,
    protect=protect,
    after=[network],
)
edge = Edge(f"{stack}-edge", edge_args, opts)
fleet_args = FleetArgs(
    plan=planned,
    ami=chosen.image.ami,
    types={"lb": chosen.servers.lb_type, "web": chosen.servers.web_type},
    root_gib=chosen.servers.root_gib,
    subnets=network.private,
    groups=walls.groups,
    target_groups={port: group.arn for port, group in edge.targets.items()},
    secrets=secrets,
    volumes=volumes.ids,
    key_arn=key,
    bucket=bucket.name,
    bucket_arn=bucket.arn,
    salvage=salvage.name,
    salvage_arn=salvage.arn,
    table=table.name,
    table_arn=table.arn,
    release=release.id,
    after=[network, walls, release, salvage, hops, passwords],
)
servers = Fleet(stack, fleet_args, opts).servers
databases = [web.name for web in planned.site.web]
operations = Operations(f"{stack}-operations", OperationsArgs(stack=stack, servers=databases), opts)
ids = {name: server.instance_id for name, server in servers.items()}
monitoring_args = MonitoringArgs(
    stack=stack,
    vpc_id=network.vpc_id,
    instance_ids=ids,
    databases=databases,
    edge=edge,
    lease_table=table.name,
    email=chosen.alarms.email,
)
Monitoring(stack, monitoring_args, opts)

pulumi.export("url", edge.url)
pulumi.export("certificate", edge.certificate)
pulumi.export("load_balancer", {"arn": edge.balancer.arn, "dns_name": edge.balancer.dns_name})
pulumi.export("bucket", bucket.name)
pulumi.export("salvage", salvage.name)
pulumi.export("table", table.name)
pulumi.export("release", release.id)
pulumi.export("operations", operations.documents)
pulumi.export("database", {"primary": chosen.database.primary, "name": chosen.database.name})
standing = {name: {"address": planned.addresses[name], "zone": f"{region}{planned.zones[name]}"} for name in servers}
pulumi.export("servers", {name: {"id": ids[name], **place} for name, place in standing.items()})
