"""`python -m local.provider aws|random|tls`: one plugin, started by the engine. Prints its port and serves."""

from __future__ import annotations

import importlib
import sys

from local.provider.lifetime import run
from local.provider.servicer import Servicer

PLUGINS = ("aws", "random", "tls")


def main(arguments: list[str]) -> None:
    """The engine adds arguments of its own (its address) after the name: they are not needed."""
    if not arguments or arguments[0] not in PLUGINS:
        sys.exit(f"usage: python -m local.provider {'|'.join(PLUGINS)}")
    module = importlib.import_module(f"local.provider.{arguments[0]}")
    run(Servicer(module.plugin()))


if __name__ == "__main__":
    main(sys.argv[1:])
