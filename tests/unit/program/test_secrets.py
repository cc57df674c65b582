import json

PARAMETER = "aws:ssm/parameter:Parameter"
VOLUME = "aws:ebs/volume:Volume"


def test_every_secret_is_a_secure_string_under_the_stacks_key(deploy):
    recording = deploy()
    (key,) = recording.of("aws:kms/key:Key")
    parameters = recording.of(PARAMETER)
    hops = {f"servers/{server}/{part}" for server in ("lb", "web-a", "web-b") for part in ("certificate", "key")}
    paths = hops | {"ca/certificate", "database/app", "database/replication"}
    assert {parameter.inputs["name"] for parameter in parameters} == {f"/distributed-web/prod/{path}" for path in paths}
    for parameter in parameters:
        assert (parameter.inputs["type"], parameter.inputs["keyId"]) == ("SecureString", key.arn), parameter.name
        assert parameter.secret == {"value"}, parameter.name


def test_passwords_are_long_and_need_no_quotes(deploy):
    recording = deploy()
    passwords = {password.name: password.inputs for password in recording.of("random:index/randomPassword:RandomPassword")}
    assert passwords == {f"prod-database-{user}": {"length": 32, "special": False} for user in ("app", "replication")}
    assert recording.one(PARAMETER, "prod-database-app").inputs["value"] == "password of prod-database-app"


def test_secrets_go_nowhere_else(deploy):
    """Not into user data, files, tags or names: only where a provider takes a value for a secret."""
    recording = deploy()
    carriers = {(resource.type.split(":")[-1], name) for resource in recording.cloud for name in resource.secret}
    assert carriers == {
        ("Parameter", "value"),
        ("Certificate", "privateKey"),
        ("SelfSignedCert", "privateKeyPem"),
        ("CertRequest", "privateKeyPem"),
        ("LocallySignedCert", "caPrivateKeyPem"),
    }
    leaks = [r.name for r in recording.cloud if not r.secret and "password of" in json.dumps(r.inputs, default=str)]
    assert leaks == []


def test_the_key_turns_by_itself(deploy):
    (key,) = deploy().of("aws:kms/key:Key")
    (alias,) = deploy().of("aws:kms/alias:Alias")
    assert (key.inputs["enableKeyRotation"], key.inputs["deletionWindowInDays"]) == (True, 30)
    assert (alias.inputs["name"], alias.inputs["targetKeyId"]) == ("alias/distributed-web-prod", key.id)


def test_each_servers_certificate_proves_its_name_its_address_and_the_shared_names(deploy):
    requests = {request.name: request.inputs for request in deploy().of("tls:index/certRequest:CertRequest")}
    assert {name: (request["dnsNames"], request["ipAddresses"]) for name, request in requests.items()} == {
        f"prod-hops-{server}": (
            [f"{server}.prod.internal", "web.prod.internal", "db.prod.internal", server],
            [address, "127.0.0.1"],
        )
        for server, address in (("lb", "10.30.160.10"), ("web-a", "10.30.128.11"), ("web-b", "10.30.144.12"))
    }


def test_the_authority_outlives_what_it_signs_and_is_renewed_before(deploy):
    recording = deploy()
    authority = recording.one("tls:index/selfSignedCert:SelfSignedCert", "prod-hops-authority").inputs
    assert authority["isCaCertificate"] and authority["setSubjectKeyId"]
    assert authority["allowedUses"] == ["cert_signing", "crl_signing"]
    for signed in recording.of("tls:index/locallySignedCert:LocallySignedCert"):
        assert signed.inputs["validityPeriodHours"] < authority["earlyRenewalHours"], signed.name
        assert signed.inputs["allowedUses"] == ["digital_signature", "server_auth", "client_auth"]
        assert signed.inputs["caCertPem"] == "certPem of prod-hops-authority"
        assert 0 < signed.inputs["earlyRenewalHours"] < signed.inputs["validityPeriodHours"]


def test_data_volumes_are_encrypted_and_stay_in_their_servers_zone(deploy):
    recording = deploy()
    (key,) = recording.of("aws:kms/key:Key")
    assert {volume.name: volume.inputs for volume in recording.of(VOLUME)} == {
        f"prod-data-{server}": {
            "availabilityZone": zone,
            "size": 100,
            "type": "gp3",
            "encrypted": True,
            "kmsKeyId": key.arn,
            "tags": {"Name": f"prod-data-{server}", "Backup": "prod-data"},
        }
        for server, zone in (("web-a", "eu-central-1a"), ("web-b", "eu-central-1b"))
    }


def test_data_and_its_key_cannot_be_destroyed_where_protected(deploy, changed):
    for recording, protected in ((deploy(), True), (changed, False)):
        for resource in (*recording.of(VOLUME), *recording.of("aws:kms/key:Key")):
            assert (resource.options.protect, resource.options.retainOnDelete) == (protected, protected), resource.name
        (table,), (balancer,) = recording.of("aws:dynamodb/table:Table"), recording.of("aws:lb/loadBalancer:LoadBalancer")
        assert table.inputs["deletionProtectionEnabled"] is protected
        assert balancer.inputs["enableDeletionProtection"] is protected


def test_a_volume_left_by_another_stack_is_adopted(changed):
    adopted, fresh = (changed.one(VOLUME, f"prod-data-{server}").options for server in ("web-b", "web-a"))
    assert (adopted.importId, fresh.importId) == ("vol-0123456789abcdef0", "")
    assert list(adopted.ignoreChanges) == ["kmsKeyId"]


def test_data_volumes_have_daily_snapshots(deploy):
    (policy,) = deploy().of("aws:dlm/lifecyclePolicy:LifecyclePolicy")
    assert policy.inputs["policyDetails"] == {
        "resourceTypes": ["VOLUME"],
        "targetTags": {"Backup": "prod-data"},
        "schedules": [
            {
                "name": "daily",
                "createRule": {"interval": 24, "intervalUnit": "HOURS", "times": "03:00"},
                "retainRule": {"count": 7},
                "copyTags": True,
            }
        ],
    }


def test_the_lease_has_a_table_of_its_own(deploy):
    (table,) = deploy().of("aws:dynamodb/table:Table")
    assert (table.inputs["hashKey"], table.inputs["attributes"]) == ("id", [{"name": "id", "type": "S"}])
    assert table.inputs["billingMode"] == "PAY_PER_REQUEST" and table.inputs["serverSideEncryption"] == {"enabled": True}
