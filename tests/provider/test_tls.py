"""The stand-in tls provider: what it makes verifies, secrets are marked, and certificates are renewed in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from local.provider import certificates, tls
from local.provider.servicer import Servicer
from local.provider.values import SECRET, SIGNATURE
from tests.provider.provider_engine import Engine, Tracked

DAY = 24
KEY = {"algorithm": "ECDSA", "ecdsaCurve": "P256"}


@pytest.fixture
def engine() -> Engine:
    return Engine(Servicer(tls.plugin()))


def make(engine: Engine, kind: str, name: str = "it", **inputs: object) -> Tracked:
    return engine.resource(f"tls:index/{kind[0].lower()}{kind[1:]}:{kind}", name).create(**inputs)


def key(engine: Engine, name: str = "key") -> str:
    return make(engine, "PrivateKey", name, **KEY).outputs["privateKeyPem"]


def authority(engine: Engine, pem: str) -> Tracked:
    return make(
        engine,
        "SelfSignedCert",
        "authority",
        privateKeyPem=pem,
        isCaCertificate=True,
        setSubjectKeyId=True,
        subject={"commonName": "authority", "organization": "distributed-web"},
        allowedUses=["cert_signing", "crl_signing"],
        validityPeriodHours=10 * DAY,
        earlyRenewalHours=3 * DAY,
    )


def test_a_server_certificate_verifies_against_its_authority(engine: Engine) -> None:
    signer = key(engine, "signer")
    root = authority(engine, signer)
    request = make(
        engine,
        "CertRequest",
        privateKeyPem=key(engine),
        subject={"commonName": "web-a.local.internal"},
        dnsNames=["web-a.local.internal", "web-a"],
        ipAddresses=["10.20.1.10", "127.0.0.1"],
    )
    server = make(
        engine,
        "LocallySignedCert",
        certRequestPem=request.outputs["certRequestPem"],
        caPrivateKeyPem=signer,
        caCertPem=root.outputs["certPem"],
        allowedUses=["digital_signature", "server_auth", "client_auth"],
        validityPeriodHours=2 * DAY,
    )
    leaf = x509.load_pem_x509_certificate(server.outputs["certPem"].encode())
    trusted = x509.load_pem_x509_certificate(root.outputs["certPem"].encode())
    verifier = PolicyBuilder().store(Store([trusted])).build_server_verifier(x509.DNSName("web-a.local.internal"))
    assert verifier.verify(leaf, []) == [leaf, trusted]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.20.1.10", "127.0.0.1"]
    assert server.id == str(leaf.serial_number)


@pytest.mark.parametrize("algorithm", ["RSA", "ECDSA", "ED25519"])
def test_a_key_is_given_in_every_form(engine: Engine, algorithm: str) -> None:
    made = make(engine, "PrivateKey", algorithm=algorithm, ecdsaCurve="P256").outputs
    assert made["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----")
    assert made["publicKeyFingerprintSha256"].startswith("SHA256:")
    assert made["publicKeyOpenssh"].endswith("\n")


def test_private_keys_leave_the_provider_as_secrets(engine: Engine) -> None:
    made = make(engine, "PrivateKey", **KEY)
    request = make(engine, "CertRequest", privateKeyPem=made.outputs["privateKeyPem"])
    outputs = [made.answer.fields[name] for name in ("privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh")]
    for value in [*outputs, request.answer.fields["privateKeyPem"]]:
        assert value.struct_value.fields[SIGNATURE].string_value == SECRET


def test_a_certificate_is_replaced_within_its_early_renewal_hours(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    root = authority(engine, key(engine))
    inputs = {name: value for name, value in root.inputs.items() if name != "__defaults"}
    assert root.changes(**inputs) == {}
    monkeypatch.setattr(certificates, "now", lambda: datetime.now(UTC) + timedelta(days=8))
    assert root.changes(**inputs) == {"readyForRenewal": "UPDATE_REPLACE"}
    assert root.refresh()
    assert root.outputs["readyForRenewal"] is True
    assert root.changes(**inputs) == {"readyForRenewal": "UPDATE_REPLACE"}


def test_new_renewal_hours_keep_the_certificate_and_a_new_name_replaces_it(engine: Engine) -> None:
    root = authority(engine, key(engine))
    inputs = {name: value for name, value in root.inputs.items() if name != "__defaults"}
    certificate = root.outputs["certPem"]
    assert root.changes(**inputs | {"earlyRenewalHours": DAY}) == {"earlyRenewalHours": "UPDATE"}
    assert root.update(**inputs | {"earlyRenewalHours": DAY}).outputs["certPem"] == certificate
    changed = inputs | {"earlyRenewalHours": DAY, "subject": {"commonName": "other", "organization": "distributed-web"}}
    assert root.changes(**changed) == {"subject.commonName": "UPDATE_REPLACE"}
