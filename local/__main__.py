"""`python3 -m local VERB`: what the Makefile calls. Standard library only, because nothing may be installed yet.

It checks the computer, installs what is missing, and hands over to `local.cli` in the project's own environment.
"""

import os
import sys

from local import bootstrap
from local.errors import CannotStart
from local.instance import CHECKOUT


def main(arguments: list[str]) -> None:
    verb = arguments[0] if arguments else "--help"
    try:
        bootstrap.check(verb)
        bootstrap.install_packages(verb)
        python = bootstrap.environment(CHECKOUT / "requirements-dev.txt") / "bin" / "python"
    except CannotStart as problem:
        sys.exit(f"make {verb}: {problem}")
    os.chdir(CHECKOUT)
    os.execv(python, [str(python), "-m", "local.cli", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
