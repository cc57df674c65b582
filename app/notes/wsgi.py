"""What gunicorn serves: the application on the databases that the environment names."""

from .database import Connections
from .settings import Settings
from .store import Store
from .web import create_app

_settings = Settings.from_environment()
app = create_app(
    Store(
        readers=Connections(_settings, _settings.read_port, timeout_s=0.5),  # HAProxy gives a page 0.8 s in all
        writers=Connections(_settings, _settings.write_port, timeout_s=5.0),
        probes=Connections(_settings, _settings.write_port, timeout_s=0.3),  # Nginx waits 1 s for the health answer
    ),
    server=_settings.server,
)
