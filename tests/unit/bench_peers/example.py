"""Records as results.json holds them, and the texts that the peer's files shall be."""

from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> str:
    return (GOLDEN / name).read_text()


def record(drill: str, outage: float, **rest) -> dict:
    values = {"calm_read_p99_s": 0.02, "client_late_s": 0.01, "failed_writes": 3, "acknowledged": 900, "lost": 0}
    return {"drill": drill, "write_outage_s": outage, "two_writable_samples": 0, **values, **rest}
