"""Certificates: an authority of the stack's own for the hops inside it, and what the front door shows to visitors.

Certificates are renewed by whichever `pulumi up` runs within their last `early_renewal_hours`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_tls as tls
from pulumi import ResourceOptions
from pulumi_aws import acm, route53, ssm

from components import secrets
from components.naming import internal_domain, name_tag, token

DAY = 24  # hours
SERVER_DAYS, SERVER_RENEWAL_DAYS = 2 * 365, 180
AUTHORITY_DAYS, AUTHORITY_RENEWAL_DAYS = 10 * 365, 3 * 365  # so that it outlives every certificate it has signed
FRONT_DOOR_DAYS, FRONT_DOOR_RENEWAL_DAYS = 365, 60  # browsers accept at most 398 days
KEY = {"algorithm": "ECDSA", "ecdsa_curve": "P256"}
ORGANIZATION = "distributed-web"


@dataclass(frozen=True, kw_only=True)
class InternalCertificatesArgs:
    stack: str
    addresses: Mapping[str, str]  # server name -> private IPv4 address
    key_arn: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class ServerCertificate:
    certificate: ssm.Parameter
    key: ssm.Parameter


class InternalCertificates(pulumi.ComponentResource):
    """Every server proves its own name and the two shared ones, `web.` and `db.`; all of them trust `authority`."""

    authority: ssm.Parameter
    servers: Mapping[str, ServerCertificate]

    def __init__(self, name: str, args: InternalCertificatesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("certificates", "InternalCertificates"), name, {}, opts)
        own = ResourceOptions(parent=self)
        key = tls.PrivateKey(f"{name}-authority", **KEY, opts=own)
        authority = tls.SelfSignedCert(
            f"{name}-authority",
            private_key_pem=key.private_key_pem,
            is_ca_certificate=True,
            subject={"common_name": f"{internal_domain(args.stack)} authority", "organization": ORGANIZATION},
            allowed_uses=["cert_signing", "crl_signing"],
            validity_period_hours=AUTHORITY_DAYS * DAY,
            early_renewal_hours=AUTHORITY_RENEWAL_DAYS * DAY,
            set_subject_key_id=True,
            opts=own,
        )
        self._name, self._args, self._signer, self._signer_key = name, args, authority, key
        self.authority = self._keep(f"{name}-authority", "ca/certificate", authority.cert_pem)
        self.servers = {server: self._issue(server, address) for server, address in args.addresses.items()}
        self.register_outputs({"authority": self.authority.name})

    def _issue(self, server: str, address: str) -> ServerCertificate:
        own = ResourceOptions(parent=self)
        domain = internal_domain(self._args.stack)
        key = tls.PrivateKey(f"{self._name}-{server}", **KEY, opts=own)
        request = tls.CertRequest(
            f"{self._name}-{server}",
            private_key_pem=key.private_key_pem,
            subject={"common_name": f"{server}.{domain}", "organization": ORGANIZATION},
            dns_names=[f"{server}.{domain}", f"web.{domain}", f"db.{domain}", server],
            ip_addresses=[address, "127.0.0.1"],
            opts=own,
        )
        certificate = tls.LocallySignedCert(
            f"{self._name}-{server}",
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=self._signer_key.private_key_pem,
            ca_cert_pem=self._signer.cert_pem,
            allowed_uses=["digital_signature", "server_auth", "client_auth"],
            validity_period_hours=SERVER_DAYS * DAY,
            early_renewal_hours=SERVER_RENEWAL_DAYS * DAY,
            opts=own,
        )
        return ServerCertificate(
            certificate=self._keep(f"{self._name}-{server}-certificate", f"servers/{server}/certificate", certificate.cert_pem),
            key=self._keep(f"{self._name}-{server}-key", f"servers/{server}/key", key.private_key_pem),
        )

    def _keep(self, name: str, path: str, value: pulumi.Input[str]) -> ssm.Parameter:
        return secrets.keep(name, path, value, stack=self._args.stack, key_arn=self._args.key_arn, parent=self)


@dataclass(frozen=True, kw_only=True)
class SelfSignedArgs:
    hostnames: Sequence[pulumi.Input[str]]


class SelfSigned(pulumi.ComponentResource):
    """The front door without a domain: `trust` is the PEM a visitor must trust to see no warning."""

    arn: pulumi.Output[str]
    trust: pulumi.Output[str]

    def __init__(self, name: str, args: SelfSignedArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("certificates", "SelfSigned"), name, {}, opts)
        own = ResourceOptions(parent=self)
        key = tls.PrivateKey(name, **KEY, opts=own)
        certificate = tls.SelfSignedCert(
            name,
            private_key_pem=key.private_key_pem,
            subject={"common_name": f"{name}.internal", "organization": ORGANIZATION},
            dns_names=list(args.hostnames),
            allowed_uses=["digital_signature", "server_auth"],
            validity_period_hours=FRONT_DOOR_DAYS * DAY,
            early_renewal_hours=FRONT_DOOR_RENEWAL_DAYS * DAY,
            opts=own,
        )
        imported = acm.Certificate(
            name,
            private_key=key.private_key_pem,
            certificate_body=certificate.cert_pem,
            tags=name_tag(name),
            opts=own,
        )
        self.arn, self.trust = imported.arn, certificate.cert_pem
        self.register_outputs({"arn": self.arn, "trust": self.trust})


@dataclass(frozen=True, kw_only=True)
class PublicArgs:
    domain: str
    zone_id: str  # Route 53 hosted zone the domain is in


class Public(pulumi.ComponentResource):
    """The front door with a domain: issued by Amazon against a DNS record, and renewed by Amazon as long as it is there."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: PublicArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("certificates", "Public"), name, {}, opts)
        own = ResourceOptions(parent=self)
        # A listener cannot be without a certificate: the new one is made, and put in place, before the old one goes.
        certificate = acm.Certificate(name, domain_name=args.domain, validation_method="DNS", tags=name_tag(name), opts=own)
        proof = certificate.domain_validation_options[0]
        record = route53.Record(
            f"{name}-proof",
            zone_id=args.zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=300,
            allow_overwrite=True,  # another stack may have proved the same domain: the record is the same …
            opts=ResourceOptions(parent=self, retain_on_delete=True),  # … and its certificate is renewed by it
        )
        validated = acm.CertificateValidation(
            name, certificate_arn=certificate.arn, validation_record_fqdns=[record.fqdn], opts=own
        )
        self.arn = validated.certificate_arn
        self.register_outputs({"arn": self.arn})
