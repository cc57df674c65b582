"""How a drill asks a server."""

import ssl
from pathlib import Path

import pymysql
import pytest

from drills.server import Server


class AtPath(Server):
    root = Path("/nonexistent")


def test_a_mysql_that_does_not_run_is_asked_without_a_word_of_certificates(monkeypatch):
    def load(*_, **__):
        raise AssertionError("40 ms of a processor that a mysqld needs to start")

    monkeypatch.setattr(ssl, "create_default_context", load)
    server = AtPath(name="web-a", address="10.0.0.1", machine=None, netns="", router="", port="")
    with pytest.raises(pymysql.err.OperationalError, match="Can't connect"):
        server.mysql()
