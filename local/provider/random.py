"""The stand-in random provider: RandomPassword and RandomId. Values come from the operating system's generator.

Left out: RandomPassword's `bcryptHash` output and its deprecated input `number`.
"""

from __future__ import annotations

import base64
import secrets
import string

import pulumi_random

from local.provider.computed import InState
from local.provider.config import Config
from local.provider.resource import Computed, Inputs, Outputs, Property
from local.provider.servicer import Plugin

VERSION = "4.21.4"
SPECIAL = "!@#$%&*()-_=+[]{}<>:?"


def password(inputs: Inputs) -> tuple[str, Outputs]:
    """As random.CreateString: the required number of each class, the rest from all classes, in random order."""
    special = inputs.get("overrideSpecial") or SPECIAL
    classes = {
        "upper": string.ascii_uppercase,
        "lower": string.ascii_lowercase,
        "numeric": string.digits,
        "special": special,
    }
    required = [secrets.choice(letters) for name, letters in classes.items() for _ in range(inputs[f"min{name.capitalize()}"])]
    alphabet = "".join(letters for name, letters in classes.items() if inputs[name])
    missing = inputs["length"] - len(required)
    if missing < 0:
        raise ValueError(f"length is {inputs['length']}, but the min… properties ask for {len(required)} characters")
    if not alphabet:
        raise ValueError("every class of characters is switched off: allow one of upper, lower, numeric, special")
    characters = required + [secrets.choice(alphabet) for _ in range(missing)]
    secrets.SystemRandom().shuffle(characters)
    return "none", {"result": "".join(characters)}


def random_id(inputs: Inputs) -> tuple[str, Outputs]:
    value, prefix = secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix", "")
    id = base64.urlsafe_b64encode(value).decode().rstrip("=")
    return id, {
        "b64Url": prefix + id,
        "b64Std": prefix + base64.b64encode(value).decode(),
        "hex": prefix + value.hex(),
        "dec": prefix + str(int.from_bytes(value)),
    }


KINDS = (
    Computed(
        token="random:index/randomPassword:RandomPassword",
        source="hashicorp/terraform-provider-random internal/provider/resource_password.go",
        args=pulumi_random.RandomPasswordArgs,
        properties={
            "length": Property(force_new=True),
            **{name: Property(force_new=True, default=True) for name in ("upper", "lower", "numeric", "special")},
            **{f"min{name}": Property(force_new=True, default=0) for name in ("Upper", "Lower", "Numeric", "Special")},
            "overrideSpecial": Property(force_new=True),
            "keepers": Property(force_new=True),
            "result": Property(secret=True),
        },
        outputs_unknown=("result",),
        compute=password,
    ),
    Computed(
        token="random:index/randomId:RandomId",
        source="hashicorp/terraform-provider-random internal/provider/resource_id.go",
        args=pulumi_random.RandomIdArgs,
        properties={
            "byteLength": Property(force_new=True),
            "prefix": Property(force_new=True),
            "keepers": Property(force_new=True),
        },
        outputs_unknown=("b64Std", "b64Url", "dec", "hex"),
        compute=random_id,
    ),
)


def plugin() -> Plugin:
    kinds = {kind.token: kind for kind in KINDS}
    return Plugin(name="random", version=VERSION, kinds=kinds, lifecycle=InState(), config=Config())
