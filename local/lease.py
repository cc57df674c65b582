"""What the servers' answers to `GET /lease` say together: who may write, how fresh that is, and who lacks what. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.lease import gtid

Answers = Mapping[str, Mapping[str, Any]]  # by server; empty when it gave none


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Sets of transactions by which a database differs from the primary's. `extra` is None when no primary was asked."""

    lacks: str
    received: str  # of these, what only has to be applied
    extra: str | None


def newest(answers: Answers) -> Mapping[str, Any] | None:
    """The record as the server saw it that saw the last renewal."""
    records = [answer["record"] for answer in answers.values() if answer.get("record")]
    return max(records, key=version, default=None)


def version(record: Mapping[str, Any]) -> tuple[int, int]:
    return record["epoch"], record["counter"]


def age_s(answers: Answers) -> float | None:
    """Since the last renewal, by the clock of the server that has known it longest."""
    record = newest(answers)
    stood = [
        answer["stood_still_s"]
        for answer in answers.values()
        if answer.get("record") and version(answer["record"]) == version(record) and answer["stood_still_s"] is not None
    ]
    return max(stood, default=None)


def primary(answers: Answers) -> str | None:
    return next((server for server, answer in answers.items() if answer.get("role") == "primary" and readable(answer)), None)


def readable(answer: Mapping[str, Any]) -> bool:
    """Of a mysqld that does not answer nobody knows what it has."""
    return answer.get("executed") is not None and not answer.get("error")


def differences(answers: Answers) -> dict[str, Difference]:
    """Of everyone but the primary. Without a primary: from what the holder published last, which is less than it had."""
    leader, record = primary(answers), newest(answers)
    if leader is None and record is None:
        return {}
    whole = answers[leader]["executed"] if leader else record["gtid_executed"]
    found = {}
    for server, answer in answers.items():
        if server == leader or not readable(answer):
            continue
        lacks = gtid.missing(whole, answer["executed"])
        found[server] = Difference(
            lacks=lacks,
            received=gtid.missing(lacks, gtid.missing(lacks, answer.get("received") or "")),
            extra=gtid.missing(answer["executed"], whole) if leader else None,
        )
    return found


def lines(answers: Answers) -> Iterator[str]:
    """For people: the lease, the differences, and whatever is wrong."""
    yield f"lease: {holding(answers)}"
    whose = primary(answers) or "what was published last"
    for server, difference in differences(answers).items():
        if difference.lacks:
            received = f", {gtid.count(difference.received)} of them received" if difference.received else ""
            yield f"{server} lacks {transactions(difference.lacks)} of {whose}{received}: {difference.lacks}"
        if difference.extra:
            yield f"{server} has {transactions(difference.extra)} that {whose} has not: {difference.extra}"
    for server, answer in answers.items():
        if answer.get("alarm"):
            yield f"{server}: {answer['alarm']}"
        elif not answer:
            yield f"{server} does not say who may write: it is silent, or runs an older release"


def holding(answers: Answers) -> str:
    record, age = newest(answers), age_s(answers)
    if record is None:
        return "no server has read it"
    held = f"{record['holder']}, epoch {record['epoch']}"
    if age is None:
        return f"{held}, ttl {record['ttl_s']} s, age not known yet"
    expired = ", nobody renews it" if age > record["ttl_s"] else ""
    return f"{held}, renewed {age:.1f} s ago, ttl {record['ttl_s']} s{expired}"


def transactions(gtids: str) -> str:
    count = gtid.count(gtids)
    return f"{count} transaction{'' if count == 1 else 's'}"
