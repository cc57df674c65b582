"""When the site is whole, by what its servers say."""

from types import SimpleNamespace

import pytest

from drills.site import Site


def said(name: str, role: dict) -> SimpleNamespace:
    return SimpleNamespace(name=name, health=lambda: {"checks": {"release": True}}, role=lambda: role, lease=lambda: role)


class Said(Site):
    """Three servers that say what they are told to, and a front door that finds all well."""

    def __init__(self, **roles: dict):
        self.outputs = {"servers": ["lb", *roles]}
        self.servers = {name: said(name, roles.get(name, {})) for name in self.outputs["servers"]}

    def targets(self):
        return [(name, "healthy") for name in self.servers]


PRIMARY = {"role": "primary", "lag_s": None}


def test_a_site_with_a_primary_and_a_replica_that_has_caught_up_is_well():
    assert Said(**{"web-a": PRIMARY, "web-b": {"role": "replica", "lag_s": 1}}).complaints() == []


@pytest.mark.parametrize(
    ("replica", "complaints"),
    [
        ({"role": "replica", "lag_s": 35.2}, ["web-b is 35 s behind"]),
        ({"role": "none"}, ["0 servers say that they are the replica"]),
        ({"role": "primary"}, ["2 servers say that they are the primary", "0 servers say that they are the replica"]),
    ],
)
def test_a_replica_that_is_behind_or_none_and_a_second_primary_are_complained_of(replica, complaints):
    assert Said(**{"web-a": PRIMARY, "web-b": replica}).complaints() == complaints


@pytest.mark.parametrize(("waits", "wanted", "well"), [(True, True, True), (False, False, True), (False, True, False)])
def test_a_primary_that_does_not_wait_for_its_replica_as_it_is_to_is_complained_of(waits, wanted, well):
    primary = PRIMARY | {"semi_sync": waits, "semi_sync_wanted": wanted}
    complaints = Said(**{"web-a": primary, "web-b": {"role": "replica", "lag_s": 1}}).complaints()
    why = "web-a: acknowledges what its replica has not got, although replication is to be semi-synchronous"
    assert complaints == ([] if well else [why])
