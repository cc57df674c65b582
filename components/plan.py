"""Which servers there are, where each one stands, and what the templates may know of the stack. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloud_init.site import App, Failover, Server, Site
from components import subnets
from settings import Settings

KINDS = {"web-a": "web", "web-b": "web", "lb": "lb"}  # by server


@dataclass(frozen=True, kw_only=True)
class Plan:
    site: Site
    zones: Mapping[str, str]  # server name -> letter of its zone

    @property
    def addresses(self) -> Mapping[str, str]:
        return {server.name: server.address for server in self.site.servers}

    @property
    def order(self) -> list[str]:
        return list(self.site.order)


def make(settings: Settings) -> Plan:
    places = subnets.places(settings.network.cidr, settings.network.zones)
    site = Site(
        stack=settings.stack,
        region=settings.region,
        servers=tuple(Server(name=name, kind=kind, address=str(places[name].address)) for name, kind in KINDS.items()),
        vpc_cidr=str(settings.network.cidr),
        https_port=settings.edge.https_port,
        mode=settings.balancer.mode,
        algorithm=settings.balancer.algorithm,
        database_name=settings.database.name,
        database_primary=settings.database.primary,
        replication=settings.database.replication,
        failover=Failover(
            automatic=settings.database.failover == "automatic",
            lease_ttl_s=settings.database.lease_ttl,
            max_lag=settings.database.max_lag,
            restart_budget_s=settings.database.restart_budget,
            read_lag_s=settings.database.read_lag,
        ),
        app=App(**settings.app.model_dump(exclude={"path"})),
        volumes_are_adopted=bool(settings.database.volumes),
    )
    return Plan(site=site, zones={name: places[name].zone for name in KINDS})
