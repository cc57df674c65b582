"""The stand-in aws provider: every table of this folder, and the one function it offers."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from itertools import chain
from typing import Any

from local.provider.config import Config
from local.provider.remote import Remote
from local.provider.resource import Kind
from local.provider.servicer import Plugin

VERSION = "7.51.1"  # of the pulumi-aws whose schema the tables follow
TABLES = (
    "vpc",
    "route",
    "gateway",
    "endpoint",
    "security_group",
    "security_group_rule",
    "volume",
    "instance",
    "power",
    "ssm_association",
    "ssm_document",
    "ssm",
    "sns",
    "s3_settings",
    "s3_object",
    "s3_lifecycle",
    "s3",
    "route53",
    "logs",
    "lb_target",
    "lb_attachment",
    "lb_listener",
    "lb",
    "kms",
    "iam",
    "iam_policy",
    "iam_profile",
    "flow_log",
    "dynamodb",
    "dlm",
    "cloudwatch",
    "acm",
)
CONFIG = Config(
    used=frozenset({"region", "defaultTags"}),
    accepted=frozenset(
        {
            "accessKey",
            "allowedAccountIds",
            "endpoints",
            "forbiddenAccountIds",
            "maxRetries",
            "profile",
            "s3UsePathStyle",
            "secretKey",
            "skipCredentialsValidation",
            "skipMetadataApiCheck",
            "skipRegionValidation",
            "skipRequestingAccountId",
            "token",
        }
    ),
    replacing=frozenset({"region"}),
)


def kinds() -> dict[str, Kind]:
    """Token -> table row set, of every module in TABLES."""
    modules = [importlib.import_module(f"local.provider.aws.{name}") for name in TABLES]
    return {kind.token: kind for kind in chain.from_iterable(module.RESOURCES for module in modules)}


def caller_identity(life: Remote, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """aws.get_caller_identity(): whose account this is."""
    answer = life.aws("").client("sts").get_caller_identity()
    return {"id": answer["Account"], "accountId": answer["Account"], "arn": answer["Arn"], "userId": answer["UserId"]}


def plugin() -> Plugin:
    return Plugin(
        name="aws",
        version=VERSION,
        kinds=kinds(),
        lifecycle=Remote(),
        config=CONFIG,
        functions={"aws:index/getCallerIdentity:getCallerIdentity": caller_identity},
    )
