"""What the local load balancer asks of its HAProxy when a reload goes wrong; well: tests/live/test_front_door.py."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from local.host.balancer import Balancer, BalancerError

ROWS = [
    {"pxname": "nlb-1:443", "svname": "FRONTEND", "slim": "4000", "scur": "0"},
    {"pxname": "api", "svname": "FRONTEND", "slim": "4000", "scur": "0"},
    {"pxname": "tg-1", "svname": "i-a:8443", "slim": "", "scur": "0"},
]
PAUSED, GOES_ON = "set maxconn frontend nlb-1:443 0", "set maxconn frontend nlb-1:443 4000"


@pytest.mark.parametrize("fault", [BalancerError("refused"), OSError("no answer")])
def test_a_reload_that_fails_lets_new_connections_in_again(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    asked = []

    def fail(node: str) -> None:
        raise fault

    balancer = object.__new__(Balancer)  # of HAProxy nothing is needed but its answers
    balancer.process = SimpleNamespace(signal=lambda number: None)
    for name, stub in {"ask": asked.append, "rows": lambda: ROWS, "recent": lambda: ROWS, "await_worker": fail}.items():
        monkeypatch.setattr(balancer, name, stub, raising=False)
    with pytest.raises(type(fault), match=str(fault)):
        balancer.reload("node")
    assert asked == [PAUSED, GOES_ON]
