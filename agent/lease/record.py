"""The lease's one item in the cluster's table, and every conditional write of it, as data. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from ..system import Failed

Item = Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Record:
    cluster_id: str  # made once, with the database
    members: tuple[str, ...]  # the database servers; who must promise when the store is silent
    holder: str
    boot_nonce: str  # of the holder's agent, new with every start
    epoch: int  # grows by one with every change of holder
    counter: int  # renewals in this epoch
    ttl_s: int  # the same in the whole epoch: an ambiguous renewal never leaves the holder and a watcher with two of them
    failover: bool  # the epoch began by a failover, not by an operator or a switchover
    sync: bool  # every acknowledged write is on every other member
    gtid_executed: str  # of the holder's database
    published_at_counter: int  # at which gtid_executed was true

    def to_item(self) -> dict[str, str | int]:
        """As `Store` writes it: strings and integers."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_item(cls, item: Item) -> Record:
        """Raises Failed naming what is missing: a record that is not understood is obeyed by nobody."""
        missing = [field.name for field in fields(cls) if field.name not in item]
        if missing:
            raise Failed(f"lease: the record lacks {', '.join(missing)}; restore the item or upgrade the agent")
        plain = {field.name: item[field.name] for field in fields(cls)}
        members = tuple(str(plain["members"]).split(","))
        return cls(**plain | {"members": members, "failover": bool(plain["failover"]), "sync": bool(plain["sync"])})

    @property
    def version(self) -> tuple[int, int]:
        """Only ever grows, unless the store is restored to an older copy."""
        return self.epoch, self.counter

    def names(self, holder: str, boot_nonce: str) -> bool:
        return (self.holder, self.boot_nonce) == (holder, boot_nonce)


def _plain(value: str | int | tuple[str, ...]) -> str | int:
    return ",".join(value) if isinstance(value, tuple) else int(value) if isinstance(value, bool) else value


@dataclass(frozen=True, kw_only=True)
class Write:
    """Put `record` if the stored item has every value of `equal`, and a smaller counter than `counter_below` when that is given.
    A missing item allows none: the first record is made with the database (agent/primary.py)."""

    record: Record
    equal: Item
    counter_below: int | None = None

    def condition(self) -> tuple[str, dict[str, str], dict[str, str | int]]:
        """ConditionExpression, ExpressionAttributeNames and the plain values of DynamoDB's PutItem. Every name is
        aliased: `counter` and others are reserved words."""
        terms = [f"#{name} = :{name}" for name in self.equal]
        values = {f":{name}": value for name, value in self.equal.items()}
        if self.counter_below is not None:
            terms.append("#counter < :below")
            values[":below"] = self.counter_below
        return " AND ".join(terms), {term.split()[0]: term.split()[0][1:] for term in terms}, values


def renewal(confirmed: Record, *, counter: int, sync: bool, gtid_executed: str | None) -> Write:
    """The holder's next. `gtid_executed` None: not known now, the published one stays.

    The counter only grows, or a renewal that hung would bring back `sync=true` after writes were acknowledged alone.
    """
    known = gtid_executed is not None
    record = replace(
        confirmed,
        counter=counter,
        sync=sync,
        gtid_executed=gtid_executed if known else confirmed.gtid_executed,
        published_at_counter=counter if known else confirmed.published_at_counter,
    )
    return Write(record=record, equal=_identity(confirmed), counter_below=counter)


def taking(
    observed: Record, *, epoch: int, holder: str, boot_nonce: str, ttl_s: int, gtid_executed: str, failover: bool
) -> Write:
    """Another epoch, on condition that the stored record is exactly the one observed."""
    record = replace(_given(observed, epoch, holder, boot_nonce, gtid_executed), ttl_s=ttl_s, failover=failover)
    return Write(record=record, equal=observed.to_item())


def handover(
    confirmed: Record, *, counter: int, holder: str, boot_nonce: str, ttl_s: int, gtid_executed: str, failover: bool
) -> Write:
    """The holder gives the next epoch to another server; `counter` is above every renewal it ever sent."""
    epoch = confirmed.epoch + 1
    record = replace(_given(confirmed, epoch, holder, boot_nonce, gtid_executed), ttl_s=ttl_s, failover=failover)
    return Write(record=record, equal=_identity(confirmed), counter_below=counter)


def _identity(record: Record) -> Item:
    return {"holder": record.holder, "boot_nonce": record.boot_nonce, "epoch": record.epoch}


def _given(record: Record, epoch: int, holder: str, boot_nonce: str, gtid_executed: str) -> Record:
    # Nobody follows the new holder yet, so its first writes are acknowledged by it alone.
    return replace(
        record,
        holder=holder,
        boot_nonce=boot_nonce,
        epoch=epoch,
        counter=0,
        sync=False,
        gtid_executed=gtid_executed,
        published_at_counter=0,
    )
