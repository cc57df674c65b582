"""ACM certificates through boto3, and what the host is given of them."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from local.api.certificates import imported_pem
from tests.api.worlds import refused, self_signed


def test_a_reimported_certificate_keeps_its_tags(aws, host):
    acm = aws("acm")
    (certificate, key), (renewed, new_key) = self_signed(), self_signed()
    tags = [{"Key": "Stack", "Value": "dev"}]
    arn = acm.import_certificate(Certificate=certificate, PrivateKey=key, Tags=tags)["CertificateArn"]
    with refused("ValidationException", "Tagging is not permitted on re-import"):
        acm.import_certificate(CertificateArn=arn, Certificate=renewed, PrivateKey=new_key, Tags=tags)
    acm.import_certificate(CertificateArn=arn, Certificate=renewed, PrivateKey=new_key)
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == tags
    assert imported_pem(arn) == (renewed + new_key).decode()


def test_the_key_of_an_imported_certificate_is_handed_to_the_host(aws, host):
    certificate, key = self_signed()
    issuer, _ = self_signed("issuer")
    arn = aws("acm").import_certificate(Certificate=certificate, PrivateKey=key, CertificateChain=issuer)["CertificateArn"]
    assert imported_pem(arn) == (certificate + issuer + key).decode()
    with pytest.raises(KeyError):
        imported_pem(arn[:-1] + "x")


def test_a_certificate_acm_issues_is_signed_by_the_local_authority(aws, instance, host):
    names = ["example.org", "www.example.org"]
    arn = aws("acm").request_certificate(
        DomainName=names[0], SubjectAlternativeNames=names[1:], ValidationMethod="DNS"
    )["CertificateArn"]  # fmt: skip
    pem = imported_pem(arn)
    leaf, issuer = x509.load_pem_x509_certificates(pem.encode())
    assert issuer == x509.load_pem_x509_certificate((instance.home / "ca/ca.pem").read_bytes())
    leaf.verify_directly_issued_by(issuer)
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(found.get_values_for_type(x509.DNSName)) == names
    assert serialization.load_pem_private_key(pem.encode(), password=None).public_key() == leaf.public_key()
