"""Route 53: ids of hosted zones look like AWS's, since settings and templates check them."""

from __future__ import annotations

from typing import Any

from moto.route53 import models

from local.api.overlay.calls import patches


@patches(models, "create_route53_zone_id")
def zone_id(moto: Any, **settings: Any) -> str:
    """Z and capital letters or digits (Route 53 API, HostedZone.Id); moto's begin with any of them."""
    return "Z" + moto(**settings)[:20]
