"""Every text for what stands before the group: MySQL Router, the application, Nginx. Pure."""

from __future__ import annotations

from .configuration import FIRST, FRONT, PASSWORD, Settings

APP_PORT, WRITE_PORT, READ_PORT = 8444, 6446, 6447  # the last two are where Router's bootstrap puts them


def bootstrap(settings: Settings) -> str:
    """The command that writes Router's configuration; it asks for the password on its standard input."""
    options = (
        f"--bootstrap admin@{FIRST.address}:3306",
        "--directory /var/lib/mysqlrouter --user front",
        # The application verifies the name, which Router's own certificate does not have.
        "--client-ssl-cert /etc/peer/front.crt --client-ssl-key /etc/peer/front.key",
        *settings.router,
    )
    return f"echo {PASSWORD} | mysqlrouter {' '.join(options)}"


ROUTER_SERVICE = """\
[Unit]
After=network.target

[Service]
User=front
ExecStart=/usr/bin/mysqlrouter --config /var/lib/mysqlrouter/mysqlrouter.conf
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
APP_ENV = f"""\
APP_SOCKET=/run/app/app.sock
SERVER_NAME={FRONT.name}
DATABASE_WRITE=127.0.0.1:{WRITE_PORT}
DATABASE_READ=127.0.0.1:{READ_PORT}
DATABASE_NAME=app
DATABASE_USER=app
DATABASE_PASSWORD_FILE=/etc/peer/app.password
DATABASE_CA=/etc/peer/front.crt
DATABASE_HOSTNAME=localhost
PYTHONDONTWRITEBYTECODE=1
"""
# The application server is started as this project starts it (settings.py, app.command).
APP_COMMAND = (
    "gunicorn --bind unix:$APP_SOCKET --worker-class gthread --workers 2 --threads 56 --timeout 20"
    " --graceful-timeout 5 notes.wsgi:app"
)
APP_SERVICE = f"""\
[Unit]
After=mysqlrouter.service

[Service]
User=front
RuntimeDirectory=app
WorkingDirectory=/opt/app
EnvironmentFile=/etc/peer/app.env
ExecStart=/bin/sh -c 'exec {APP_COMMAND}'
Restart=always

[Install]
WantedBy=multi-user.target
"""
# Room for all that can wait at once: 150 requests a second for 10 s, each a connection in and one on.
# The timeouts are those of this project's Nginx (cloud_init/templates/nginx.conf.j2).
NGINX = f"""\
user www-data;
worker_processes auto;
worker_rlimit_nofile 8192;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
    upstream app {{
        server unix:/run/app/app.sock max_fails=0;
    }}
    server {{
        listen 127.0.0.1:{APP_PORT} ssl;
        ssl_certificate /etc/peer/front.crt;
        ssl_certificate_key /etc/peer/front.key;
        keepalive_timeout 75s;
        keepalive_requests 100000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_connect_timeout 1s;
        proxy_send_timeout 10s;
        proxy_read_timeout 7s;
        location / {{
            proxy_pass http://app;
        }}
    }}
}}
"""
FRONT_FILES = {
    "etc/peer/app.env": APP_ENV,
    "etc/peer/app.password": PASSWORD,
    "etc/systemd/system/mysqlrouter.service": ROUTER_SERVICE,
    "etc/systemd/system/app.service": APP_SERVICE,
    "etc/nginx/nginx.conf": NGINX,
}
