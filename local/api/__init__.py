"""The AWS API of the local cloud. Here are moto's own switches: it reads them when it is imported, so they come first.

See moto's documentation, "Environment variables"; a variable the user has set himself is left alone.
"""

from __future__ import annotations

import os
from pathlib import Path

IMAGES = Path(__file__).with_name("images.json")
ACCOUNT = "123456789012"
SWITCHES = {
    "MOTO_ACCOUNT_ID": ACCOUNT,  # the same for every access key, and no search among the users of all partitions
    "MOTO_AMIS_PATH": str(IMAGES),  # the machine images that exist, instead of moto's 600
    "MOTO_ENABLE_AMI_VALIDATION": "1",
    "MOTO_ENABLE_KEYPAIR_VALIDATION": "1",
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "1",
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_ACM_VALIDATION_WAIT": "1",  # seconds until a DNS-validated certificate is issued
}
for name, value in SWITCHES.items():
    os.environ.setdefault(name, value)
