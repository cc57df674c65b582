"""CloudWatch Logs: retention periods that do not exist."""

from __future__ import annotations

from local.api.overlay.calls import Call, Refusal, refuses

# CloudWatch Logs API, PutRetentionPolicy, retentionInDays
DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


@refuses("logs", "PutRetentionPolicy")
def refuse_other_periods(call: Call) -> None:
    days = call.params["retentionInDays"]
    if days not in DAYS:
        raise Refusal(
            "InvalidParameterException",
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(map(str, DAYS))}]",
        )
