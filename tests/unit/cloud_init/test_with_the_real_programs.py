"""The rendered files before the programs that will read them; a test is skipped only where its program is not installed."""

import datetime
import shutil
import subprocess

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloud_init import render

pytestmark = pytest.mark.subprocess


def needs(program: str):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def run(*command: object) -> str:
    """What the command printed; fails with it when the command does."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A folder with a self-signed certificate under every name that the configuration files use."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web-a")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for file, content in (
        ("ca.pem", certificate),
        ("server.crt", certificate),
        ("server.key", private),
        ("server.pem", certificate + private),
    ):
        (folder / file).write_bytes(content)
    return folder


@needs("haproxy")
@pytest.mark.parametrize("algorithm", ["roundrobin", "leastconn", "source"])
@pytest.mark.parametrize("mode", ["active-passive", "active-active"])
@pytest.mark.parametrize("name", ["lb", "web-a"])
def test_haproxy_accepts_its_configuration_without_a_warning(name, mode, algorithm, site, text, tls, tmp_path):
    config = tmp_path / "haproxy.cfg"
    written = text(site(mode=mode, algorithm=algorithm), name, "/etc/haproxy/haproxy.cfg")
    (tmp_path / "servers.state").write_text("1\n")  # the format's version and no server
    for there, here in (("/etc/distributed-web/tls", tls), ("/var/lib/haproxy/servers.state", tmp_path / "servers.state")):
        written = written.replace(there, str(here))
    config.write_text(written)
    assert "WARNING" not in run("haproxy", "-c", "-f", config)


@needs("nginx")
def test_nginx_accepts_its_configuration(site, text, tls, tmp_path):
    config = tmp_path / "nginx.conf"
    written = text(site(), "web-a", "/etc/nginx/nginx.conf")
    for there, here in (("/etc/distributed-web/tls", tls), ("/var/log/nginx", tmp_path), ("/run/", f"{tmp_path}/")):
        written = written.replace(there, str(here))
    config.write_text(written)
    run("nginx", "-t", "-c", config, "-e", tmp_path / "error.log")


@needs("mysqld")
@pytest.mark.parametrize("replication", ["async", "semi-sync"])
def test_mysqld_accepts_its_configuration(replication, site, text, tmp_path):
    config = tmp_path / "my.cnf"
    config.write_text(text(site(replication=replication), "web-a", "/etc/mysql/mysql.conf.d/zz-distributed-web.cnf"))
    run("mysqld", f"--defaults-file={config}", "--validate-config", f"--datadir={tmp_path}", "--user=mysql")


@needs("cloud-init")
@pytest.mark.parametrize("name", ["lb", "web-a"])
def test_cloud_init_finds_the_user_data_valid(name, site, user_data, tmp_path):
    config = tmp_path / "user-data"
    config.write_text(user_data(site(), name))
    run("cloud-init", "schema", "--config-file", config)


@pytest.mark.parametrize("name", ["lb", "web-a"])
def test_a_shell_can_read_every_script(name, site, server, user_data, tmp_path):
    boot = [file["content"] for file in yaml.safe_load(user_data(site(), name))["write_files"]]
    release = [file.content for file in render.files(site(), server[name])]
    scripts = [content for content in boot + release if content.startswith("#!/bin/sh\n")]
    assert len(scripts) == {"lb": 1, "web-a": 3}[name]
    for number, content in enumerate(scripts):
        (tmp_path / str(number)).write_text(content)
        run("sh", "-n", tmp_path / str(number))
