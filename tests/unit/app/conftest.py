"""The sample application is a program of its own: its folder goes on the path as it is on a server."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "app"))
