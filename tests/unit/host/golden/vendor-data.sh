#cloud-boothook
#!/bin/sh
set -eu
mkdir -p /root/.aws
cat > /etc/apt/apt.conf.d/95-local-packages <<'END'
Acquire::http::Proxy "http://198.18.0.2:80";
END
cat > /etc/apt/sources.list.d/sid.sources <<'END'
Types: deb
URIs: http://debian.packages.internal/debian
Suites: sid
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
cat > /etc/apt/preferences.d/sid <<'END'
Package: *
Pin: release n=sid
Pin-Priority: 100

Package: mysql-* libmysqlclient* mecab* libmecab* libgoogle-perftools* libtcmalloc* libstdc++6 gcc-16-base libgcc-s1 libc6 libc-bin libc-l10n locales libprotobuf* libunwind*
Pin: release n=sid
Pin-Priority: 700
END
cat > /root/.aws/config <<'END'
[default]
endpoint_url = https://198.18.0.1
ca_bundle = /usr/local/share/ca-certificates/local-cloud.crt
END
cat > /usr/local/share/ca-certificates/local-cloud.crt <<'END'
-----BEGIN CERTIFICATE-----
MIIB
-----END CERTIFICATE-----
END
update-ca-certificates >/dev/null
