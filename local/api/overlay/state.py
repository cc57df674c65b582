"""Where state lives: moto's backend of a service, and what the overlay itself must remember. Nothing is decided here."""

from __future__ import annotations

from typing import Any

from boto3 import Session
from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend

from local.api import ACCOUNT

CONTROL_PLANE = "control-plane"  # the section of all services beside these
DATA_PLANE = ("dynamodb", "s3", "logs", "cloudwatch", "sns", "sqs")  # written often, by servers; nothing else refers to them
GLOBAL_SERVICES = ("iam", "route53", "s3", "sts", "cloudfront")  # one backend per partition instead of per region


OWN_SERVICES = ("dlm",)  # served by the overlay alone


class OwnState(BaseBackend):
    """The overlay's memory in one region, kept and saved like a backend of moto's."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.associations: dict[str, Any] = {}
        self.commands: dict[str, Any] = {}
        self.lifecycle_policies: dict[str, Any] = {}


own_states = BackendDict(OwnState, "overlay", use_boto3_regions=False, additional_regions=Session().get_available_regions("ec2"))


def backends_of(service: str) -> BackendDict[Any]:
    return own_states if service == "overlay" else get_backend(service)


def backend(service: str, region: str, account: str = ACCOUNT) -> Any:
    """The state of a service as moto holds it; `overlay` is ours."""
    return backends_of(service)[account]["aws" if service in GLOBAL_SERVICES else region]


def section_of(service: str) -> str:
    """The part of the state that is saved as one: what one call may change, and what holds references to each other."""
    return service if service in DATA_PLANE else CONTROL_PLANE


def forget_everything() -> None:
    """As when the process began; a new server starts from its snapshot alone."""
    for states in BackendDict._instances:
        for regions in states.values():
            regions.clear()
    get_backend("s3").bucket_accounts.clear()  # an index moto keeps beside its backends
