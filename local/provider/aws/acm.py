"""ACM: certificates, imported or requested, and the wait for a requested one to be issued."""

from __future__ import annotations

import hashlib
from typing import Any

from pulumi_aws import acm

from local.provider.aws.fields import Block, Fields, changed, from_api, to_api
from local.provider.aws.tagging import update_tags
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found
from local.provider.tags import MARKER, as_dict, as_list

GONE = "ResourceNotFoundException"
IN_USE_FOR_S = 1200  # terraform's certificateCrossServicePropagationTimeout
RECORDS_WITHIN_S = 300  # until ACM says which DNS records it wants
ISSUED_WITHIN_S = 75 * 60
REQUEST: Fields = {
    "domainName": "DomainName",
    "keyAlgorithm": "KeyAlgorithm",
    "options": Block("Options", {"certificateTransparencyLoggingPreference": "CertificateTransparencyLoggingPreference"}),
    "subjectAlternativeNames": "SubjectAlternativeNames",
    "validationMethod": "ValidationMethod",
}


def material(inputs: Inputs) -> dict[str, bytes]:
    texts = {"Certificate": "certificateBody", "PrivateKey": "privateKey", "CertificateChain": "certificateChain"}
    return {argument: inputs[name].encode() for argument, name in texts.items() if inputs.get(name)}


def create(aws: Aws, inputs: Inputs) -> str:
    client = aws.client("acm")
    tags = {"Tags": as_list(inputs["tagsAll"])} if inputs["tagsAll"] else {}
    if not inputs.get("domainName"):
        return client.import_certificate(**material(inputs), **tags)["CertificateArn"]
    token = hashlib.sha256(aws.urn.encode()).hexdigest()[:32]  # ACM's limit; the same request within an hour is one
    return client.request_certificate(**to_api(inputs, REQUEST), **tags, IdempotencyToken=token)["CertificateArn"]


def wait_for_records(aws: Aws, id: str, _inputs: Inputs) -> None:
    def told() -> bool:
        certificate = describe(aws, id)
        by_dns = [o for o in certificate.get("DomainValidationOptions") or () if o.get("ValidationMethod") == "DNS"]
        return all("ResourceRecord" in option for option in by_dns)

    aws.wait(f"ACM to name the validation records of {id}", told, RECORDS_WITHIN_S)


def describe(aws: Aws, id: str) -> dict[str, Any]:
    return aws.client("acm").describe_certificate(CertificateArn=id)["Certificate"]


def read_tags(aws: Aws, id: str) -> dict[str, str]:
    return as_dict(aws.client("acm").list_tags_for_certificate(CertificateArn=id)["Tags"])


def marked(aws: Aws, inputs: Inputs) -> list[str]:
    pages = aws.client("acm").get_paginator("list_certificates").paginate()
    arns = [summary["CertificateArn"] for page in pages for summary in page["CertificateSummaryList"]]
    return [arn for arn in arns if read_tags(aws, arn).get(MARKER) == inputs["tagsAll"][MARKER]]


def read(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    certificate = found(lambda: describe(aws, id), GONE)
    if certificate is None or certificate["Status"] == "VALIDATION_TIMED_OUT":
        return None
    requested = certificate["Type"] == "AMAZON_ISSUED"
    options = certificate.get("DomainValidationOptions") or []
    return {
        **from_api(
            certificate,
            {
                "arn": "CertificateArn",
                "domainName": "DomainName",
                "options": REQUEST["options"],
                "status": "Status",
                "subjectAlternativeNames": "SubjectAlternativeNames",
                "type": "Type",
            },
        ),
        "domainValidationOptions": [validation(option) for option in options if "ResourceRecord" in option],
        "keyAlgorithm": certificate.get("KeyAlgorithm", "").replace("-", "_"),
        "notAfter": date(certificate.get("NotAfter")),
        "notBefore": date(certificate.get("NotBefore")),
        "renewalEligibility": certificate.get("RenewalEligibility"),
        "tags": read_tags(aws, id),
        "validationMethod": options[0].get("ValidationMethod") if options and requested else "NONE",
    }


def validation(option: dict[str, Any]) -> dict[str, str]:
    record = from_api(
        option["ResourceRecord"],
        {"resourceRecordName": "Name", "resourceRecordType": "Type", "resourceRecordValue": "Value"},
    )
    return {"domainName": option["DomainName"], **record}


def date(value: Any) -> str | None:
    return value and value.strftime("%Y-%m-%dT%H:%M:%SZ")


def update(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    """A new body, key or chain is imported under the same ARN: the listeners that use it keep working."""
    client = aws.client("acm")
    if changed(olds, news, "certificateBody", "certificateChain", "privateKey"):
        client.import_certificate(CertificateArn=id, **material(news))
    if changed(olds, news, "options") and news.get("options"):
        client.update_certificate_options(CertificateArn=id, **to_api(news, {"options": REQUEST["options"]}))
    update_tags(
        olds,
        news,
        put=lambda tags: client.add_tags_to_certificate(CertificateArn=id, Tags=tags),
        remove=lambda keys: client.remove_tags_from_certificate(CertificateArn=id, Tags=[{"Key": key} for key in keys]),
    )


def delete(aws: Aws, id: str, _inputs: Inputs) -> None:
    aws.retry(
        f"deleting certificate {id}",
        lambda: found(lambda: aws.client("acm").delete_certificate(CertificateArn=id), GONE),
        "ResourceInUseException",
        timeout_s=IN_USE_FOR_S,
    )


def validate(aws: Aws, inputs: Inputs) -> str:
    """Nothing is made: it is the wait until ACM has seen the DNS records and issued the certificate."""
    arn = inputs["certificateArn"]
    certificate = describe(aws, arn)
    if certificate["Type"] != "AMAZON_ISSUED":
        raise ValueError(f"ACM Certificate ({arn}) has type {certificate['Type']}, no validation necessary")
    records = {
        option["ResourceRecord"]["Name"].rstrip("."): option["DomainName"]
        for option in certificate.get("DomainValidationOptions") or ()
        if "ResourceRecord" in option
    }
    if given := {name.rstrip(".") for name in inputs.get("validationRecordFqdns") or ()}:
        missing = [f"missing {domain} DNS validation record: {name}" for name, domain in records.items() if name not in given]
        if missing:
            raise ValueError("; ".join(missing))
    issued = aws.wait(f"ACM Certificate ({arn}) to be issued", lambda: decided(aws, arn), ISSUED_WITHIN_S)
    if issued["Status"] != "ISSUED":
        raise RuntimeError(f"ACM Certificate ({arn}) is {issued['Status']}: {issued.get('FailureReason', 'no reason told')}")
    return str(issued.get("IssuedAt") or arn)


def decided(aws: Aws, arn: str) -> dict[str, Any] | None:
    certificate = describe(aws, arn)
    return None if certificate["Status"] == "PENDING_VALIDATION" else certificate


def read_validation(aws: Aws, _id: str, inputs: Inputs) -> Outputs | None:
    certificate = found(lambda: describe(aws, inputs["certificateArn"]), GONE)
    issued = certificate is not None and certificate["Status"] == "ISSUED"
    return {"certificateArn": inputs["certificateArn"]} if issued else None


def forget(_aws: Aws, _id: str, _inputs: Inputs) -> None:
    """There is nothing to delete."""


RESOURCES = (
    Resource(
        token="aws:acm/certificate:Certificate",
        source="internal/service/acm/certificate.go",
        args=acm.CertificateArgs,
        properties={
            "certificateBody": Property(),
            "certificateChain": Property(),
            "domainName": Property(force_new=True, computed=True),
            "keyAlgorithm": Property(force_new=True, computed=True),
            "options": Property(computed=True),
            "options.certificateTransparencyLoggingPreference": Property(default="ENABLED"),
            "privateKey": Property(secret=True),
            "subjectAlternativeNames": Property(force_new=True, computed=True, unordered=True),
            "validationMethod": Property(force_new=True, computed=True),
        },
        outputs_unknown=("arn", "domainValidationOptions", "notAfter", "notBefore", "renewalEligibility", "status", "type"),
        outputs_changing=("notAfter", "notBefore"),
        create=create,
        ready=wait_for_records,
        read=read,
        update=update,
        delete=delete,
        find=marked,
    ),
    Resource(
        token="aws:acm/certificateValidation:CertificateValidation",
        source="internal/service/acm/certificate_validation.go",
        args=acm.CertificateValidationArgs,
        properties={
            "certificateArn": Property(force_new=True),
            "validationRecordFqdns": Property(force_new=True, unordered=True),
        },
        tags=False,
        create=validate,
        read=read_validation,
        delete=forget,
    ),
)
