"""Connections to MySQL: verified, bounded, kept, renewed; on a driver that only counts."""

import socket
import ssl

import pymysql
import pytest
from notes import database
from notes.database import Connections, Moved, Unavailable
from notes.settings import Settings

CA = "/etc/distributed-web/tls/ca.pem"


class Connection:
    """What `pymysql.connect` would give, with the server's end of its socket."""

    def __init__(self, options):
        self.options, self.open = options, True
        self._sock, self.server = socket.socketpair()

    def connect(self, sock):
        self.greeted = sock

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def close(self):
        self.open = False
        self._sock.close()


@pytest.fixture
def environment(tmp_path):
    (tmp_path / "password").write_text("p%w\n")
    return {
        "SERVER_NAME": "web-a",
        "DATABASE_HOSTNAME": "db.dev.internal",
        "DATABASE_WRITE": "127.0.0.1:3307",
        "DATABASE_READ": "127.0.0.1:3308",
        "DATABASE_NAME": "app",
        "DATABASE_USER": "app",
        "DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
        "DATABASE_CA": CA,
    }


@pytest.fixture
def tls(monkeypatch):
    """The context that verifies by the certificate of DATABASE_CA."""
    context = ssl.create_default_context()
    monkeypatch.setattr(database.ssl, "create_default_context", lambda cafile: {CA: context}[str(cafile)])
    return context


class Door:
    """HAProxy's port: `silent` of its connections are forgotten, the others are greeted."""

    def __init__(self):
        self.silent, self.opened, self.ends = 0, [], []

    def connect(self, address, timeout):
        ours, theirs = socket.socketpair()
        self.opened.append((address, timeout))
        self.ends += [ours, theirs]
        if len(self.opened) > self.silent:
            theirs.send(b"greeting")
        return ours


@pytest.fixture
def door(monkeypatch):
    door = Door()
    monkeypatch.setattr(database.socket, "create_connection", door.connect)
    monkeypatch.setattr(database.socket.socket, "setsockopt", lambda *option: None)  # a pair is no TCP
    yield door
    for end in door.ends:
        end.close()


@pytest.fixture
def made(monkeypatch, tls, door):
    """The connections made so far."""
    connections = []

    def connect(**options):
        connections.append(Connection(options))
        return connections[-1]

    monkeypatch.setattr(database.pymysql, "connect", connect)
    yield connections
    for connection in connections:
        connection._sock.close()
        connection.server.close()


@pytest.fixture
def connections(environment, made):
    return Connections(Settings.from_environment(environment), 3308, timeout_s=2.0, at_most=3)


def test_a_connection_verifies_the_databases_name_and_every_step_is_bounded(connections, made, tls, door):
    with connections.cursor():
        pass
    assert made[0].options == {
        "host": "db.dev.internal",
        "port": 3308,
        "user": "app",
        "password": "p%w",
        "database": "app",
        "charset": "utf8mb4",
        "autocommit": True,
        "ssl": tls,
        "read_timeout": 2.0,
        "write_timeout": 2.0,
        "defer_connect": True,
    }
    ((address, timeout_s),) = door.opened
    assert address == ("db.dev.internal", 3308) and 0 < timeout_s <= 2.0


def test_who_is_not_greeted_soon_asks_again(connections, made, door, monkeypatch):
    monkeypatch.setattr(database, "GREETING_S", 0.01)
    door.silent = 2
    with connections.cursor():
        pass
    assert [address for address, _ in door.opened] == [("db.dev.internal", 3308)] * 3
    assert made[0].greeted.recv(8) == b"greeting" and [end.fileno() for end in door.ends[:4:2]] == [-1, -1]


def test_who_is_never_greeted_is_told_in_time(environment, made, door):
    door.silent = 100
    connections = Connections(Settings.from_environment(environment), 3308, timeout_s=0.02, at_most=3)
    with pytest.raises(Unavailable, match=r"no database has answered for 0\.02 s"), connections.cursor():
        pass


def test_a_door_that_closes_is_not_asked_again(connections, made, door, monkeypatch):
    def closed(address, timeout):
        ours, theirs = socket.socketpair()
        theirs.close()
        door.ends.append(ours)
        door.opened.append(address)
        return ours

    monkeypatch.setattr(database.socket, "create_connection", closed)
    with connections.cursor():
        assert made[0].greeted.recv(8) == b""  # PyMySQL says that the connection was lost
    assert len(door.opened) == 1


def test_a_connection_serves_many_requests(connections, made):
    for _ in range(3):
        with connections.cursor():
            pass
    assert len(made) == 1


@pytest.mark.parametrize("end", [lambda server: server.close(), lambda server: server.send(b"shutdown in progress")])
def test_a_connection_that_was_ended_meanwhile_is_replaced_unnoticed(connections, made, end):
    with connections.cursor():
        pass
    end(made[0].server)
    with connections.cursor():
        pass
    assert [connection.open for connection in made] == [False, True]


def test_an_old_connection_is_renewed_because_a_better_server_may_be_back(connections, made, monkeypatch):
    with connections.cursor():
        pass
    later = database.time.monotonic() + database.MAX_AGE_S + 1
    monkeypatch.setattr(database.time, "monotonic", lambda: later)
    with connections.cursor():
        pass
    assert [connection.open for connection in made] == [False, True]


def test_requests_at_the_same_time_have_connections_of_their_own_and_the_last_used_is_used_first(connections, made):
    with connections.cursor() as first, connections.cursor() as second:
        assert first is not second
    for _ in range(3):
        with connections.cursor() as again:
            assert again is first
    assert len(made) == 2


def test_no_more_than_allowed_are_in_use_and_who_waits_in_vain_is_told(environment, made):
    connections = Connections(Settings.from_environment(environment), 3308, timeout_s=0.01, at_most=1)
    with connections.cursor(), pytest.raises(Unavailable, match="every connection has been in use"), connections.cursor():
        pass
    with connections.cursor():
        pass
    assert len(made) == 1


def test_places_beside_others_are_their_own_and_idle_connections_are_shared(environment, made):
    settings = Settings.from_environment(environment)
    writers = Connections(settings, 3307, timeout_s=0.01, at_most=1)
    readers = Connections(settings, 3307, timeout_s=0.01, at_most=1, beside=writers)
    with writers.cursor():
        pass
    with readers.cursor() as taken:
        assert taken is made[0]
        with writers.cursor() as another:
            assert another is made[1]
        with pytest.raises(Unavailable, match="every connection has been in use"), readers.cursor():
            pass


def test_what_a_burst_left_behind_is_closed_when_it_is_old(connections, made, monkeypatch):
    with connections.cursor(), connections.cursor(), connections.cursor():
        pass
    later = database.time.monotonic() + database.MAX_AGE_S + 1
    monkeypatch.setattr(database.time, "monotonic", lambda: later)
    with connections.cursor():
        pass
    assert [connection.open for connection in made] == [False, False, False, True]


def test_when_one_leads_to_a_server_that_is_read_only_by_now_the_idle_ones_are_not_tried_one_by_one(connections, made):
    with connections.cursor(), connections.cursor(), connections.cursor():
        pass
    with pytest.raises(Moved, match="read-only"), connections.cursor():
        raise pymysql.err.OperationalError(1290, "running with the --super-read-only option: read-only")
    assert [connection.open for connection in made] == [False, False, False]
    with connections.cursor():
        pass
    assert len(made) == 4


def test_a_lost_connection_is_said_to_be_unavailable_and_not_used_again(connections, made):
    with pytest.raises(Unavailable, match="Lost connection"), connections.cursor():
        raise pymysql.err.OperationalError(2013, "Lost connection")
    assert not made[0].open


@pytest.mark.parametrize("handed_out", [True, False])
def test_a_lost_connection_leaves_no_error_in_its_thread(connections, made, tls, monkeypatch, handed_out):
    """A handshake, however short, makes OpenSSL forget it. What happens without: tests/live/test_mission.py."""
    handshakes = []
    lost = pymysql.err.OperationalError(2013, "Lost connection")

    def refuse(**options):
        raise lost

    monkeypatch.setattr(database, "_forget_errors", handshakes.append)
    if not handed_out:
        monkeypatch.setattr(database.pymysql, "connect", refuse)
    with pytest.raises(Unavailable, match="Lost connection"), connections.cursor():
        raise lost
    assert handshakes == [tls]


def test_the_forgetting_begins_a_handshake_and_sends_it_to_nobody(monkeypatch, tls):
    begun = []
    monkeypatch.setattr(ssl.SSLObject, "do_handshake", lambda self: begun.append(self) or self._sslobj.do_handshake())
    database._forget_errors(tls)
    assert len(begun) == 1


def test_a_half_read_answer_does_not_meet_the_next_request(connections, made):
    with pytest.raises(RuntimeError), connections.cursor():
        raise RuntimeError
    with connections.cursor():
        pass
    assert [connection.open for connection in made] == [False, True]


def test_a_missing_variable_is_named(environment):
    del environment["DATABASE_CA"]
    with pytest.raises(KeyError, match="DATABASE_CA"):
        Settings.from_environment(environment)


def test_the_password_is_not_shown_when_the_settings_are(environment):
    assert "p%w" not in repr(Settings.from_environment(environment))
