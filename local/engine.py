"""The Pulumi command line: the user's own when it is new enough, else built from source with Go, once, into the cache.

The PyPI wheels hold no engine. `engine_modules/cli` and `engine_modules/language` are Go modules with nothing but a `tool`
line and its checksums: the engine, and the Python language host (served only as part of an old release of the SDK module).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from local.errors import CannotStart
from local.instance import CHECKOUT, cache_folder
from local.locks import held

VERSION = "3.259.0"
OLDEST = (3, 200)
CLI_MODULE = CHECKOUT / "local" / "engine_modules" / "cli"
LANGUAGE_MODULE = CHECKOUT / "local" / "engine_modules" / "language"
SDK = "github.com/pulumi/pulumi/sdk/v3"
CLI_FLAGS = f"-s -w -X {SDK}/go/common/version.Version=v{VERSION}"


def find_or_build(say=print) -> Path:
    """The folder that holds `pulumi` and `pulumi-language-python`. Raises CannotStart when there is no way to get them."""
    return _installed() or _built() or _build(say)


def _installed() -> Path | None:
    """The user's own engine, when it is at least OLDEST and has its Python language host beside it."""
    found = shutil.which("pulumi")
    if not found:
        return None
    folder = Path(found).resolve().parent
    quiet = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    answer = subprocess.run([found, "version"], capture_output=True, text=True, env=quiet)
    match = re.match(r"v?(\d+)\.(\d+)\.", answer.stdout.strip())
    new_enough = match is not None and (int(match[1]), int(match[2])) >= OLDEST
    return folder if new_enough and (folder / "pulumi-language-python").exists() else None


def _folder() -> Path:
    return cache_folder() / "engine" / VERSION


def _built() -> Path | None:
    return _folder() if (_folder() / ".complete").exists() else None


def must_be_obtainable() -> None:
    """Raises CannotStart when there is neither an engine nor a way to build one."""
    if not (_installed() or _built() or shutil.which("go")):
        raise CannotStart(
            f"there is neither a Pulumi command line {'.'.join(map(str, OLDEST))} or newer on PATH nor Go to build it; "
            "install one of them: https://www.pulumi.com/docs/install/ or https://go.dev/dl/"
        )


def _build(say) -> Path:
    must_be_obtainable()
    folder = _folder()
    with held(folder.with_suffix(".lock")):
        if _built():
            return folder
        say(f"building the Pulumi engine {VERSION} from source (once; about 5 minutes on 2 cores)")
        folder.mkdir(parents=True, exist_ok=True)
        command = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
        _go(CLI_MODULE, "build", "-ldflags", CLI_FLAGS, "-o", str(folder / "pulumi"), command)
        say("building its Python language host")
        _go(
            LANGUAGE_MODULE,
            "build",
            "-ldflags",
            "-s -w",
            "-o",
            str(folder / "pulumi-language-python"),
            f"{SDK}/python/cmd/pulumi-language-python",
        )
        sources = Path(_go(LANGUAGE_MODULE, "list", "-m", "-f", "{{.Dir}}", SDK).strip())
        launcher = folder / "pulumi-language-python-exec"
        shutil.copyfile(sources / "python" / "cmd" / launcher.name, launcher)
        launcher.chmod(0o755)
        (folder / ".complete").touch()
    return folder


def _go(module: Path, *arguments: str) -> str:
    environment = os.environ | {"CGO_ENABLED": "0"}
    result = subprocess.run(["go", *arguments], cwd=module, capture_output=True, text=True, env=environment)
    if result.returncode:
        raise CannotStart(
            f"`go {arguments[0]}` in {module.relative_to(CHECKOUT)} failed; is the Go module proxy reachable?\n"
            + "\n".join(result.stderr.strip().splitlines()[-5:])
        )
    return result.stdout
