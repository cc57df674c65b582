"""The local certificate authority is made once, and a strict client trusts what it signed."""

import ssl

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from local.host import authority
from local.instance import Instance


@pytest.fixture
def instance(tmp_path):
    return Instance(home=tmp_path, id="dw-1a2b3c", api_port=1, packages_port=2)


def test_it_is_made_once_and_its_keys_are_secret(instance):
    first = authority.certificate(instance)
    assert authority.certificate(instance) == first
    files = {path.name: path.stat().st_mode & 0o777 for path in (instance.home / "ca").iterdir()}
    assert files == {"ca.pem": 0o600, "ca.key": 0o600, "endpoint.pem": 0o600}


def test_the_endpoints_certificate_is_good_for_its_address(instance):
    leaf, ca = x509.load_pem_x509_certificates(authority.endpoint(instance).read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    address = x509.IPAddress(names.get_values_for_type(x509.IPAddress)[0])
    PolicyBuilder().store(Store([ca])).build_server_verifier(address).verify(leaf, [])
    assert str(address.value) == "198.18.0.1"


def test_its_endpoint_file_is_a_certificate_with_its_key(instance):
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(authority.endpoint(instance))
