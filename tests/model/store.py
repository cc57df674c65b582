"""The lease store of the model: one item, conditional writes by their real expression, outages, restores of older items."""

from __future__ import annotations

from agent.lease.record import Record, Write


class Store:
    def __init__(self, record: Record) -> None:
        self.item = record.to_item()
        self.history = [self.item]
        self.up = True
        self.generation = 0  # a restored table is another table: what was under way to the old one is lost
        self.lost = False

    def read(self) -> Record | None:
        return Record.from_item(self.item) if self.item else None

    def write(self, write: Write) -> bool:
        if not self._holds(*write.condition()):
            return False
        self.item = {"id": "lease", **write.record.to_item()}
        self.history.append(self.item)
        return True

    def restore(self, age: int) -> None:
        self.item = self.history[max(0, len(self.history) - 1 - age)]
        self.history.append(self.item)
        self.generation += 1
        self.lost = False

    def lose(self) -> None:
        self.item, self.lost = None, True
        self.generation += 1

    def _holds(self, expression: str, names: dict[str, str], values: dict[str, str | int]) -> bool:
        """What DynamoDB decides for the expressions that `Write` uses."""
        if expression == "attribute_not_exists(#id)":
            return self.item is None
        for term in expression.split(" AND "):
            name, comparison, value = term.split()
            stored = (self.item or {}).get(names[name])
            if stored is None or not (stored == values[value] if comparison == "=" else stored < values[value]):
                return False
        return True
