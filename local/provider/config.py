"""Provider configuration: which settings of the real provider the stand-in takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Config:
    """`used` has an effect here; `accepted` is for AWS only and changes nothing locally; `replacing` replaces everything."""

    used: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    replacing: frozenset[str] = frozenset()

    def failures(self, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(setting, reason) for every setting that would silently mean something else than on AWS."""
        allowed = self.used | self.accepted | {"version", "pluginDownloadURL"}
        return [
            (key, f"the stand-in provider does not support this provider setting yet; it takes: {', '.join(sorted(allowed))}")
            for key in config
            if key not in allowed and not key.startswith("__")
        ]
