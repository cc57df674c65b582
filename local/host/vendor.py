"""The vendor data of the machines: all that must differ from AWS inside a server, as one `#cloud-boothook` script.

cloud-init runs it at every boot before anything of the user data (cloud-init, "User data formats", boothook), so that the
user data can be the same, byte for byte, as on AWS. It names no mirror: the package proxy knows that.
"""

from __future__ import annotations

from local.host.desired import API_ADDRESS, PACKAGES_ADDRESS
from local.host.packages import SOURCE

AUTHORITY = "/usr/local/share/ca-certificates/local-cloud.crt"

PROXY = f"""\
Acquire::http::Proxy "http://{PACKAGES_ADDRESS}:80";
"""

# MySQL is only in sid. Of the libraries it brings along, glibc stays the release's unless MySQL needs sid's.
SID_SOURCES = f"""\
Types: deb
URIs: {SOURCE}
Suites: sid
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
SID_PREFERENCES = """\
Package: *
Pin: release n=sid
Pin-Priority: 100

Package: mysql-* libmysqlclient* mecab* libmecab* libgoogle-perftools* libtcmalloc* libstdc++6 gcc-16-base libgcc-s1 \
libc6 libc-bin libc-l10n locales libprotobuf* libunwind*
Pin: release n=sid
Pin-Priority: 700
"""

AWS_CONFIG = f"""\
[default]
endpoint_url = https://{API_ADDRESS}
ca_bundle = {AUTHORITY}
"""


def vendor_data(authority_pem: str) -> str:
    files = {
        "/etc/apt/apt.conf.d/95-local-packages": PROXY,
        "/etc/apt/sources.list.d/sid.sources": SID_SOURCES,
        "/etc/apt/preferences.d/sid": SID_PREFERENCES,
        "/root/.aws/config": AWS_CONFIG,
        AUTHORITY: authority_pem,
    }
    return "\n".join(
        [
            "#cloud-boothook",
            "#!/bin/sh",
            "set -eu",
            "mkdir -p /root/.aws",
            *(f"cat > {path} <<'END'\n{content.rstrip()}\nEND" for path, content in files.items()),
            "update-ca-certificates >/dev/null",
            "",
        ]
    )
