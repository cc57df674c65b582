"""The stand-in tls provider: PrivateKey, CertRequest, LocallySignedCert, SelfSignedCert.

Left out: the write-only inputs (privateKeyPemWo, …). Whatever says how a certificate looks replaces it; `earlyRenewalHours`
does not, and within that many hours of a certificate's end the next update makes a new one.
"""

from __future__ import annotations

import pulumi_tls

from local.provider import certificates, keys
from local.provider.computed import InState
from local.provider.config import Config
from local.provider.resource import Computed, Inputs, Outputs, Property
from local.provider.servicer import Plugin

VERSION = "5.6.2"
SOURCE = "hashicorp/terraform-provider-tls internal/provider/"
FIXED = Property(force_new=True)
OFF = Property(force_new=True, default=False)
KEY = Property(force_new=True, secret=True)
SECRET = Property(secret=True)
NAMES = {"dnsNames": FIXED, "ipAddresses": FIXED, "uris": FIXED}
SUBJECT = {"subject": FIXED, **{f"subject.{name}": FIXED for name in certificates.SUBJECT}}
CERTIFICATE = {
    "allowedUses": FIXED,
    "validityPeriodHours": FIXED,
    "earlyRenewalHours": Property(default=0),
    "isCaCertificate": OFF,
    "maxPathLength": FIXED,
    "setSubjectKeyId": OFF,
}
CERTIFICATE_OUTPUTS = ("certPem", "readyForRenewal", "validityEndTime", "validityStartTime")


def only_renewal_hours(outputs: Outputs, news: Inputs) -> Outputs:
    """The one change that leaves a certificate what it is."""
    return outputs


KINDS = (
    Computed(
        token="tls:index/privateKey:PrivateKey",
        source=SOURCE + "resource_private_key.go",
        args=pulumi_tls.PrivateKeyArgs,
        properties={
            "algorithm": FIXED,
            "ecdsaCurve": Property(force_new=True, default="P224"),
            "rsaBits": Property(force_new=True, default=2048),
            "privateKeyPem": SECRET,
            "privateKeyPemPkcs8": SECRET,
            "privateKeyOpenssh": SECRET,
        },
        outputs_unknown=(
            "privateKeyOpenssh",
            "privateKeyPem",
            "privateKeyPemPkcs8",
            "publicKeyFingerprintMd5",
            "publicKeyFingerprintSha256",
            "publicKeyOpenssh",
            "publicKeyPem",
        ),
        compute=keys.private_key,
    ),
    Computed(
        token="tls:index/certRequest:CertRequest",
        source=SOURCE + "resource_cert_request.go",
        args=pulumi_tls.CertRequestArgs,
        properties={"privateKeyPem": KEY, **NAMES, **SUBJECT},
        outputs_unknown=("certRequestPem", "keyAlgorithm"),
        compute=certificates.request,
    ),
    Computed(
        token="tls:index/selfSignedCert:SelfSignedCert",
        source=SOURCE + "resource_self_signed_cert.go",
        args=pulumi_tls.SelfSignedCertArgs,
        properties={"privateKeyPem": KEY, "setAuthorityKeyId": OFF, **CERTIFICATE, **NAMES, **SUBJECT},
        outputs_unknown=(*CERTIFICATE_OUTPUTS, "keyAlgorithm"),
        compute=certificates.self_signed,
        recompute=only_renewal_hours,
        refresh=certificates.refresh,
        stale=certificates.renewal_due,
    ),
    Computed(
        token="tls:index/locallySignedCert:LocallySignedCert",
        source=SOURCE + "resource_locally_signed_cert.go",
        args=pulumi_tls.LocallySignedCertArgs,
        properties={"caCertPem": FIXED, "caPrivateKeyPem": KEY, "certRequestPem": FIXED, **CERTIFICATE},
        outputs_unknown=(*CERTIFICATE_OUTPUTS, "caKeyAlgorithm"),
        compute=certificates.locally_signed,
        recompute=only_renewal_hours,
        refresh=certificates.refresh,
        stale=certificates.renewal_due,
    ),
)


def plugin() -> Plugin:
    kinds = {kind.token: kind for kind in KINDS}
    return Plugin(name="tls", version=VERSION, kinds=kinds, lifecycle=InState(), config=Config())
