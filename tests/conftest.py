"""What all tests share: which of them this computer can run, and the last line that says what was left out."""

import os
import shutil

import pytest

NEEDS_ROOT = "boots machines, which needs root: sudo make test"
MACHINE_COMMANDS = ("systemd-nspawn", "mmdebstrap", "nft", "haproxy", "dnsmasq")


def pytest_collection_modifyitems(items):
    missing = [command for command in MACHINE_COMMANDS if not shutil.which(command)]
    for item in items:
        if "live" not in item.keywords:
            continue
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason=NEEDS_ROOT))
        elif missing:
            item.add_marker(pytest.mark.skip(reason=f"{', '.join(missing)} not installed: make up installs them"))
