"""The life of a resource that is computed once and then lives in the state alone (random and tls)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.provider.check import DEFAULTED
from local.provider.resource import Computed, Inputs, Outputs
from local.provider.values import UNKNOWN


class InState:
    """Serves kinds of type `Computed`. Nothing to configure, nothing to wait for."""

    default_tags: Mapping[str, str] = {}

    def configure(self, config: Mapping[str, Any]) -> None: ...

    def cancel(self) -> None: ...

    def previous_inputs(self, urn: str) -> Mapping[str, Any]:
        return {}

    def preview_create(self, kind: Computed, inputs: Inputs) -> Outputs:
        return {name: UNKNOWN for name in kind.outputs_unknown} | _plain(inputs)

    def preview_update(self, kind: Computed, olds: Inputs, state: Outputs, news: Inputs) -> Outputs:
        return _merge(state, olds, news) | {name: UNKNOWN for name in kind.outputs_changing}

    def create(self, urn: str, kind: Computed, inputs: Inputs) -> tuple[str, Outputs]:
        id, outputs = kind.compute(_plain(inputs))
        return id, _plain(inputs) | outputs

    def read(self, urn: str, kind: Computed, id: str, inputs: Inputs, state: Outputs) -> tuple[Outputs, Inputs] | None:
        if not state:
            raise ValueError(f"{kind.token} cannot be imported: the stand-in has only what it made itself")
        return (kind.refresh(state) if kind.refresh else state), inputs

    def update(self, urn: str, kind: Computed, id: str, olds: Inputs, state: Outputs, news: Inputs) -> Outputs:
        merged = _merge(state, olds, news)
        return kind.recompute(merged, _plain(news)) if kind.recompute else merged

    def delete(self, urn: str, kind: Computed, id: str, inputs: Inputs, state: Outputs) -> None: ...


def _merge(state: Outputs, olds: Inputs, news: Inputs) -> Outputs:
    return {key: value for key, value in state.items() if key not in olds or key in news} | _plain(news)


def _plain(inputs: Inputs) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if key != DEFAULTED}
