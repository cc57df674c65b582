"""What gunicorn serves: the application on the databases that the environment names."""

from .database import Connections
from .settings import Settings
from .store import PROBE_S, Store
from .web import create_app

# All who waited for a switchover go on at once: with a handshake each they would keep the new primary busy for a second.
WRITES = 4
READS_OF_THE_PRIMARY = 2

_settings = Settings.from_environment()
_writers = Connections(_settings, _settings.write_port, timeout_s=5.0, at_most=WRITES)
app = create_app(
    Store(
        readers=Connections(_settings, _settings.read_port, timeout_s=0.4, at_most=40),  # HAProxy gives a page 0.8 s in all
        # Places of their own: writers' may all be waiting for a commit, which in semi-sync mode waits for a replica that is gone.
        primary_readers=Connections(
            _settings, _settings.write_port, timeout_s=5.0, at_most=READS_OF_THE_PRIMARY, beside=_writers
        ),
        writers=_writers,
        probes=Connections(_settings, _settings.write_port, timeout_s=PROBE_S, at_most=6),
    ),
    server=_settings.server,
)
