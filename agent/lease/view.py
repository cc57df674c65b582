"""What a server is told and sees: its settings, its own database, the other members. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    ttl_s: int = 5  # obeyed from the epoch on that this server takes itself
    automatic: bool = True  # database.failover
    semi_sync: bool = False  # database.replication
    max_lag: int = 100  # transactions a candidate may lack of the published position
    restart_budget_s: float = 5
    pause_s: float = 60  # between two automatic failovers
    sync_patience_s: float = 2  # how long writes wait for a silent replica before they are acknowledged without it


@dataclass(frozen=True, kw_only=True)
class Local:
    """One look at a server's own database."""

    alive: bool  # mysqld answers; the rest is what it last said when it does not
    executed: str = ""
    purged: str = ""  # of `executed`, no longer in its binary logs: it cannot send them to a replica
    applied: bool = True  # everything received is applied
    cluster_id: str | None = None  # None: no data of this stack
    empty: bool = False
    complete: bool = False  # since its mysqld started it has caught up with its source: what it had acknowledged is on it
    semi_sync: bool = False  # its commits wait for every other member
    replicas_connected: bool = False  # every other member receives from this server
    replicas_near: bool = False  # … and has received all but the last seconds: a commit that waits for it waits for no backlog
    replicas_caught_up: bool = False  # … and has received everything up to now
    disk_free: float = 1.0  # part of the data volume


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another member, as it answered last, agent to agent."""

    name: str
    boot_nonce: str
    ttl_s: int  # of its settings: an epoch handed to it lasts by them
    local: Local
