"""ACM: what it issues is signed by the local authority, so that who trusts that can verify it; re-imports keep tags."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from moto.acm.models import AWS_ROOT_CA, AWSCertificateManagerBackend, CertBundle

from local.api.overlay.calls import Call, Refusal, Served, patches, refuses
from local.host import authority


def generate_cert(cls: type[CertBundle], *args: Any, **settings: Any) -> CertBundle:
    """ACM API, RequestCertificate. moto's certificate says Amazon issued it, but is signed by its own key."""
    bundle = as_moto(*args, **settings)
    folder = authority.ensure(Served.instance)
    issuer = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    issuer_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    names = bundle._cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
    bundle._cert = (
        authority.builder(bundle._cert.subject, issuer.subject, bundle._key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(identifier, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    bundle.cert = bundle._cert.public_bytes(serialization.Encoding.PEM)
    bundle.chain = issuer.public_bytes(serialization.Encoding.PEM) + AWS_ROOT_CA + b"\n"
    return bundle


as_moto = CertBundle.generate_cert
CertBundle.generate_cert = classmethod(generate_cert)


@refuses("acm", "ImportCertificate")
def refuse_tags_on_reimport(call: Call) -> None:
    """ACM API, ImportCertificate: tags are given at the first import only."""
    if "CertificateArn" in call.params and call.params.get("Tags"):
        raise Refusal("ValidationException", "Tagging is not permitted on re-import.")


@patches(AWSCertificateManagerBackend, "import_certificate")
def import_certificate(moto: Any, acm: AWSCertificateManagerBackend, *args: Any, arn: str | None, **settings: Any) -> str:
    """A renewed certificate keeps its tags and its users; moto makes a new one under the old name."""
    there = acm._certificates.get(arn)
    imported = moto(acm, *args, arn=arn, **settings)
    if there:
        acm._certificates[arn].tags = there.tags
        acm._certificates[arn].in_use_by = there.in_use_by
    return imported
