"""The only thing that differs from AWS inside a server."""

import shutil
import subprocess
from pathlib import Path

import pytest

from local.host import vendor

GOLDEN = Path(__file__).parent / "golden" / "vendor-data.sh"
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_the_whole_vendor_data():
    assert vendor.vendor_data(AUTHORITY) == GOLDEN.read_text()


@pytest.mark.subprocess
@pytest.mark.skipif(not shutil.which("dash"), reason="dash is not installed")
def test_the_shell_of_the_servers_can_read_it():
    script = vendor.vendor_data(AUTHORITY).removeprefix("#cloud-boothook\n")
    subprocess.run(["dash", "-n"], input=script, text=True, check=True)
