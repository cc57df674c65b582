import json

import pytest

from components.identity import SSM_AGENT


def arns(recording, *names):
    return [recording.one("aws:ssm/parameter:Parameter", name).arn for name in names]


@pytest.mark.parametrize(
    ("kind", "servers", "secrets"),
    [
        ("lb", ["lb"], ["hops-authority", "hops-lb-certificate", "hops-lb-key"]),
        (
            "web",
            ["web-a", "web-b"],
            [
                *("hops-authority", "hops-web-a-certificate", "hops-web-a-key", "database-app", "database-replication"),
                *("hops-web-b-certificate", "hops-web-b-key"),
            ],
        ),
    ],
)
def test_a_server_may_do_no_more_than_its_agents_need(deploy, kind, servers, secrets):
    recording = deploy()
    salvage = recording.one("aws:s3/bucket:Bucket", "prod-salvage").arn
    kept = {"Sid": "KeepSalvage", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"]}
    own = {"StringEquals": {"cloudwatch:namespace": "distributed-web"}}
    told = {"Sid": "TellOfUse", "Effect": "Allow", "Action": ["cloudwatch:PutMetricData"], "Resource": "*", "Condition": own}
    bucket = recording.one("aws:s3/bucket:Bucket", "prod-release").arn
    (key,), (table,) = recording.of("aws:kms/key:Key"), recording.of("aws:dynamodb/table:Table")
    through_ssm = {"StringEquals": {"kms:ViaService": "ssm.eu-central-1.amazonaws.com"}}
    released = [f"{bucket}/agent.pyz", f"{bucket}/app.zip", *(f"{bucket}/servers/{server}/*" for server in servers)]
    table_actions = [f"dynamodb:{verb}Item" for verb in ("Delete", "Get", "Put", "Update")]
    assert recording.policy(f"prod-{kind}") == [
        {"Sid": "SsmAgent", "Effect": "Allow", "Action": list(SSM_AGENT), "Resource": "*"},
        {"Sid": "ReadRelease", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": released},
        {
            "Sid": "WriteReport",
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": [f"{bucket}/reports/{server}.json" for server in servers],
        },
        {
            "Sid": "ReadSecrets",
            "Effect": "Allow",
            "Action": ["ssm:GetParameter", "ssm:GetParameters"],
            "Resource": arns(recording, *(f"prod-{name}" for name in secrets)),
        },
        {"Sid": "DecryptSecrets", "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [key.arn], "Condition": through_ssm},
        {"Sid": "RolloutAndLease", "Effect": "Allow", "Action": table_actions, "Resource": [table.arn]},
        *([kept | {"Resource": [f"{salvage}/*/{server}/*" for server in servers]}, told] if kind == "web" else []),
    ]


def test_the_ssm_agent_reads_no_parameter():
    assert not [action for action in SSM_AGENT if "Parameter" in action or "*" in action]


def test_a_role_is_for_one_service(deploy):
    roles = {role.name: json.loads(role.inputs["assumeRolePolicy"])["Statement"] for role in deploy().of("aws:iam/role:Role")}
    assert {name: [statement["Principal"]["Service"] for statement in trust] for name, trust in roles.items()} == {
        "prod-lb": ["ec2.amazonaws.com"],
        "prod-web": ["ec2.amazonaws.com"],
        "prod-data-snapshots": ["dlm.amazonaws.com"],
        "prod-refused": ["vpc-flow-logs.amazonaws.com"],
    }


def test_only_the_snapshots_use_a_policy_of_aws_s_own(deploy):
    attached = deploy().of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert [a.inputs["policyArn"] for a in attached] == [
        "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
    ]
