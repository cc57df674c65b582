"""Private keys for the stand-in tls provider: made, read, and written in every form that tls.PrivateKey puts out."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from local.provider.resource import Inputs, Outputs

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
CURVES = {"P224": ec.SECP224R1, "P256": ec.SECP256R1, "P384": ec.SECP384R1, "P521": ec.SECP521R1}
ALGORITHMS = ("RSA", "ECDSA", "ED25519")


def generate(algorithm: str, curve: str, bits: int) -> PrivateKey:
    """Raises ValueError for an algorithm or curve that does not exist, naming those that do."""
    match algorithm:
        case "RSA":
            return rsa.generate_private_key(65537, bits)
        case "ECDSA" if curve in CURVES:
            return ec.generate_private_key(CURVES[curve]())
        case "ECDSA":
            raise ValueError(f"ecdsaCurve {curve!r} does not exist: use {', '.join(CURVES)}")
        case "ED25519":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            raise ValueError(f"algorithm {algorithm!r} does not exist: use {', '.join(ALGORITHMS)}")


def load(pem: str) -> PrivateKey:
    """Raises ValueError when it is no private key in PEM."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"not a private key in PEM: {error}") from error
    if not isinstance(key, PrivateKey):
        raise ValueError(f"a private key of type {type(key).__name__} is not supported: use {', '.join(ALGORITHMS)}")
    return key


def algorithm(key: PrivateKey) -> str:
    match key:
        case rsa.RSAPrivateKey():
            return "RSA"
        case ec.EllipticCurvePrivateKey():
            return "ECDSA"
        case _:
            return "ED25519"


def private_key(inputs: Inputs) -> tuple[str, Outputs]:
    """The id is the SHA-1 of the public key (hex)."""
    key = generate(inputs["algorithm"], inputs["ecdsaCurve"], inputs["rsaBits"])
    traditional = PrivateFormat.PKCS8 if isinstance(key, ed25519.Ed25519PrivateKey) else PrivateFormat.TraditionalOpenSSL
    public = key.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(der).hexdigest(), {
        "privateKeyPem": key.private_bytes(Encoding.PEM, traditional, NoEncryption()).decode(),
        "privateKeyPemPkcs8": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "publicKeyPem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        **_openssh(key),
    }


def _openssh(key: PrivateKey) -> Outputs:
    """OpenSSH knows no P-224: those outputs are then empty, as in the real provider."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1):
        names = ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")
        return dict.fromkeys(names, "")
    public = key.public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return {
        "privateKeyOpenssh": key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
        "publicKeyOpenssh": line + "\n",
        **_fingerprints(line),
    }


def _fingerprints(line: str) -> Outputs:
    blob = base64.b64decode(line.split()[1])
    md5 = hashlib.md5(blob).hexdigest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return {
        "publicKeyFingerprintMd5": ":".join(md5[index : index + 2] for index in range(0, len(md5), 2)),
        "publicKeyFingerprintSha256": f"SHA256:{sha256}",
    }
