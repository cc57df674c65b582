"""Route 53: records, plain or alias."""

from __future__ import annotations

from typing import Any

from pulumi_aws import route53

from local.provider.aws.fields import Fields, from_api, to_api
from local.provider.resource import Inputs, Outputs, Property, Resource
from local.provider.session import Aws, found

IN_SYNC_WITHIN_S = 1800  # terraform's create timeout
ALIAS: Fields = {"evaluateTargetHealth": "EvaluateTargetHealth", "name": "DNSName", "zoneId": "HostedZoneId"}
RECORD: Fields = {"setIdentifier": "SetIdentifier", "ttl": "TTL", "type": "Type"}


def same_name(left: Any, right: Any) -> bool:
    """DNS names: without their final dot, whatever the case."""
    return str(left).rstrip(".").lower() == str(right).rstrip(".").lower()


def zone_id(inputs: Inputs) -> str:
    return inputs["zoneId"].removeprefix("/hostedzone/")


def full_name(aws: Aws, inputs: Inputs) -> str:
    """The record's name with its zone, as terraform expands it."""
    zone = aws.client("route53").get_hosted_zone(Id=zone_id(inputs))["HostedZone"]["Name"].rstrip(".")
    name = inputs["name"].rstrip(".").lower()
    return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}".lstrip(".")


def record_set(aws: Aws, inputs: Inputs) -> dict[str, Any]:
    record = {"Name": full_name(aws, inputs), **to_api(inputs, RECORD)}
    if inputs.get("aliases"):
        record["AliasTarget"] = {"EvaluateTargetHealth": False, **to_api(inputs["aliases"][0], ALIAS)}
    if inputs.get("records"):
        record["ResourceRecords"] = [{"Value": quoted(inputs, value)} for value in inputs["records"]]
    return record


def quoted(inputs: Inputs, value: str) -> str:
    return f'"{value}"' if inputs["type"] in ("TXT", "SPF") and not value.startswith('"') else value


def change(aws: Aws, inputs: Inputs, action: str) -> None:
    client = aws.client("route53")
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record_set(aws, inputs)}]}
    made = client.change_resource_record_sets(HostedZoneId=zone_id(inputs), ChangeBatch=batch)["ChangeInfo"]
    aws.wait(
        f"the change of record {inputs['name']} to be on every name server",
        lambda: client.get_change(Id=made["Id"])["ChangeInfo"]["Status"] == "INSYNC",
        IN_SYNC_WITHIN_S,
    )


def create(aws: Aws, inputs: Inputs) -> str:
    """CREATE is refused when somebody else's record is there, unless allowOverwrite is set."""
    change(aws, inputs, "UPSERT" if inputs.get("allowOverwrite") else "CREATE")
    return identity(inputs)


def identity(inputs: Inputs) -> str:
    parts = (zone_id(inputs), inputs["name"].rstrip(".").lower(), inputs["type"], inputs.get("setIdentifier"))
    return "_".join(part for part in parts if part)


def read(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    inputs = inputs or from_identity(id)
    record = found(lambda: look_up(aws, inputs), "NoSuchHostedZone")
    if record is None:
        return None
    alias = record.get("AliasTarget")
    values = [one["Value"] for one in record.get("ResourceRecords") or ()]
    return {
        **from_api(record, RECORD),
        "aliases": [from_api({**alias, "DNSName": alias["DNSName"].rstrip(".")}, ALIAS)] if alias else None,
        "fqdn": record["Name"].rstrip("."),
        "name": inputs["name"],
        "records": [value.strip('"') if inputs["type"] in ("TXT", "SPF") else value for value in values] or None,
        "zoneId": inputs["zoneId"],
    }


def from_identity(id: str) -> dict[str, str]:
    """ZONE_NAME_TYPE; a name may hold underscores itself (_acme.example.org)."""
    zone, rest = id.split("_", 1)
    name, kind = rest.rsplit("_", 1)
    return {"zoneId": zone, "name": name, "type": kind}


def look_up(aws: Aws, inputs: Inputs) -> dict[str, Any] | None:
    name = full_name(aws, inputs)
    answer = aws.client("route53").list_resource_record_sets(
        HostedZoneId=zone_id(inputs), StartRecordName=name, StartRecordType=inputs["type"]
    )
    for record in answer["ResourceRecordSets"]:
        same = same_name(record["Name"].replace("\\052", "*"), name) and record["Type"] == inputs["type"]
        if same and record.get("SetIdentifier") == inputs.get("setIdentifier"):
            return record
    return None


def update(aws: Aws, _id: str, olds: Inputs, news: Inputs) -> None:
    if identity(olds) != identity(news):  # another type: the old record goes, the new one comes
        change(aws, olds, "DELETE")
    change(aws, news, "UPSERT")


def delete(aws: Aws, _id: str, inputs: Inputs) -> None:
    """Route 53 deletes a record only when told exactly what it holds: what it holds now, not what the program knew."""
    record = found(lambda: look_up(aws, inputs), "NoSuchHostedZone")
    if record is not None:
        batch = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": record}]}
        aws.client("route53").change_resource_record_sets(HostedZoneId=zone_id(inputs), ChangeBatch=batch)


RESOURCES = (
    Resource(
        token="aws:route53/record:Record",
        source="internal/service/route53/record.go",
        args=route53.RecordArgs,
        properties={
            "aliases": Property(),
            "aliases.evaluateTargetHealth": Property(),
            "aliases.name": Property(same=same_name),
            "aliases.zoneId": Property(),
            "allowOverwrite": Property(computed=True),
            "name": Property(force_new=True, same=same_name),
            "records": Property(unordered=True),
            "setIdentifier": Property(),
            "ttl": Property(),
            "type": Property(),
            "zoneId": Property(force_new=True),
        },
        outputs_unknown=("fqdn",),
        tags=False,
        create=create,
        read=read,
        update=update,
        delete=delete,
        find=lambda _aws, inputs: [identity(inputs)],
    ),
)
