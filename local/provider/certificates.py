"""Certificates and requests for the stand-in tls provider (X.509, RFC 5280), as terraform-provider-tls makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.provider import keys
from local.provider.resource import Inputs, Outputs

KEY_USAGES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
EXTENDED_KEY_USAGES = {
    "any_extended": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
}
SUBJECT = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}
READY = "readyForRenewal"


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def request(inputs: Inputs) -> tuple[str, Outputs]:
    """A certificate signing request; the id is its SHA-1 (hex)."""
    key = keys.load(inputs["privateKeyPem"])
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(inputs))
    if names := _alternative_names(inputs):
        builder = builder.add_extension(names, critical=not inputs.get("subject"))
    signed = builder.sign(key, _digest(key))
    return hashlib.sha1(signed.public_bytes(Encoding.DER)).hexdigest(), {
        "certRequestPem": signed.public_bytes(Encoding.PEM).decode(),
        "keyAlgorithm": keys.algorithm(key),
    }


def self_signed(inputs: Inputs) -> tuple[str, Outputs]:
    key = keys.load(inputs["privateKeyPem"])
    subject = _subject(inputs)
    if inputs["isCaCertificate"] and not list(subject):
        raise ValueError("a certificate authority needs a subject: set at least subject.commonName")
    builder = _builder(inputs, subject, subject, key.public_key())
    if names := _alternative_names(inputs):
        builder = builder.add_extension(names, critical=not inputs.get("subject"))
    if inputs["setAuthorityKeyId"]:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    id, outputs = _signed(builder, key, inputs)
    return id, outputs | {"keyAlgorithm": keys.algorithm(key)}


def locally_signed(inputs: Inputs) -> tuple[str, Outputs]:
    """Subject and names are the request's; the authority's key identifier is named when its certificate has one."""
    key = keys.load(inputs["caPrivateKeyPem"])
    try:
        authority = x509.load_pem_x509_certificate(inputs["caCertPem"].encode())
        asked = x509.load_pem_x509_csr(inputs["certRequestPem"].encode())
    except ValueError as error:
        raise ValueError(f"caCertPem or certRequestPem is not PEM: {error}") from error
    builder = _builder(inputs, asked.subject, authority.subject, asked.public_key())
    for extension in asked.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            builder = builder.add_extension(extension.value, extension.critical)
    for extension in authority.extensions:
        if isinstance(extension.value, x509.SubjectKeyIdentifier):
            identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(extension.value)
            builder = builder.add_extension(identifier, critical=False)
    id, outputs = _signed(builder, key, inputs)
    return id, outputs | {"caKeyAlgorithm": keys.algorithm(key)}


def renewal_due(outputs: Outputs, news: Inputs) -> str | None:
    """modifyPlanIfCertificateReadyForRenewal: within `earlyRenewalHours` of its end a certificate is replaced."""
    end = datetime.fromisoformat(outputs["validityEndTime"])
    return READY if now() >= end - timedelta(hours=news.get("earlyRenewalHours", 0)) else None


def refresh(outputs: Outputs) -> Outputs:
    return outputs | {READY: renewal_due(outputs, outputs) is not None}


def _builder(inputs: Inputs, subject: x509.Name, issuer: x509.Name, public_key: Any) -> x509.CertificateBuilder:
    start = now()
    path_length = inputs.get("maxPathLength")
    constraints = x509.BasicConstraints(
        ca=inputs["isCaCertificate"], path_length=path_length if inputs["isCaCertificate"] and path_length else None
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(hours=inputs["validityPeriodHours"]))
        .add_extension(constraints, critical=True)
    )
    if inputs["isCaCertificate"] or inputs["setSubjectKeyId"]:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    return _with_usages(builder, inputs["allowedUses"])


def _with_usages(builder: x509.CertificateBuilder, uses: Iterable[str]) -> x509.CertificateBuilder:
    uses = list(uses)
    if unknown := [use for use in uses if use not in KEY_USAGES and use not in EXTENDED_KEY_USAGES]:
        raise ValueError(f"allowedUses {unknown}: use {', '.join(sorted({*KEY_USAGES, *EXTENDED_KEY_USAGES}))}")
    wanted = {KEY_USAGES[use] for use in uses if use in KEY_USAGES}
    if wanted:
        flags = {name: name in wanted for name in KEY_USAGES.values()}
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    if extended := [EXTENDED_KEY_USAGES[use] for use in uses if use in EXTENDED_KEY_USAGES]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    return builder


def _signed(builder: x509.CertificateBuilder, key: keys.PrivateKey, inputs: Inputs) -> tuple[str, Outputs]:
    """The id is the serial number (decimal); times are RFC 3339."""
    certificate = builder.sign(key, _digest(key))
    outputs = {
        "certPem": certificate.public_bytes(Encoding.PEM).decode(),
        "validityStartTime": certificate.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "validityEndTime": certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        READY: False,
    }
    return str(certificate.serial_number), outputs


def _subject(inputs: Inputs) -> x509.Name:
    subject = inputs.get("subject") or {}
    values = [(oid, subject[name]) for name, oid in SUBJECT.items() if subject.get(name)]
    return x509.Name(
        x509.NameAttribute(oid, value) for oid, given in values for value in (given if isinstance(given, list) else [given])
    )


def _alternative_names(inputs: Inputs) -> x509.SubjectAlternativeName | None:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in inputs.get("dnsNames") or ()]
    names += [x509.IPAddress(ip_address(address)) for address in inputs.get("ipAddresses") or ()]
    names += [x509.UniformResourceIdentifier(uri) for uri in inputs.get("uris") or ()]
    return x509.SubjectAlternativeName(names) if names else None


def _digest(key: keys.PrivateKey) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
