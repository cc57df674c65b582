"""Listeners of Network Load Balancers: TLS ones need a certificate that exists and is issued, and can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeAction, FakeListener

from local.api.overlay.calls import Call, Refusal, follows, patches, refuses

ENCRYPTED = ("TLS", "HTTPS")


@refuses("elbv2", "CreateListener")
def refuse_impossible_listeners(call: Call) -> None:
    """ELBv2 API, CreateListener and its errors."""
    balancer = call.state().load_balancers.get(call.params["LoadBalancerArn"])
    if balancer and any(int(there.port) == call.params.get("Port") for there in balancer.listeners.values()):
        raise Refusal("DuplicateListener", "A listener already exists on this port for this load balancer")
    refuse_certificates(call, call.params.get("Protocol"), call.params)


@refuses("elbv2", "ModifyListener")
def refuse_impossible_changes(call: Call) -> None:
    listener = find(call.state(), call.params["ListenerArn"])
    if listener is None:
        return
    protocol = call.params.get("Protocol", listener.protocol)
    if "Certificates" in call.params or not listener.certificates:
        refuse_certificates(call, protocol, call.params)
    port = call.params.get("Port", int(listener.port))
    siblings = call.state().load_balancers[listener.load_balancer_arn].listeners.values()
    if any(int(there.port) == port for there in siblings if there is not listener):
        raise Refusal("DuplicateListener", "A listener already exists on this port for this load balancer")


def refuse_certificates(call: Call, protocol: str | None, params: Mapping[str, Any]) -> None:
    """ELBv2 API, Certificates: exactly one for a TLS listener, none for others; ACM: usable once issued."""
    arns = [certificate["CertificateArn"] for certificate in params.get("Certificates", [])]
    if protocol in ENCRYPTED and not arns:
        raise Refusal("ValidationError", f"A certificate must be specified for {protocol} listeners")
    if protocol not in ENCRYPTED and arns:
        raise Refusal("ValidationError", f"Certificates cannot be specified for {protocol} listeners")
    for arn in arns:
        if ":acm:" not in arn:
            continue
        certificate = call.state("acm")._certificates.get(arn)
        if certificate is None:
            raise Refusal("CertificateNotFound", f"Certificate '{arn}' not found")
        certificate.check()
        if certificate.status != "ISSUED":
            raise Refusal(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, "
                "and a supported key size.",
            )


@patches(ELBv2Backend, "create_listener")
def create_listener(moto: Any, elbv2: ELBv2Backend, **settings: Any) -> FakeListener:
    """A listener without TLS has no security policy (ELBv2 API, Listener); moto gives it one."""
    if settings["protocol"] not in ENCRYPTED:
        settings["ssl_policy"] = None
    return moto(elbv2, **settings)


@patches(ELBv2Backend, "modify_listener")
def modify_listener(
    moto: Any,
    elbv2: ELBv2Backend,
    arn: str,
    port: int | None = None,
    protocol: str | None = None,
    ssl_policy: str | None = None,
    certificates: list[dict[str, str]] | None = None,
    actions: list[dict[str, Any]] | None = None,
) -> FakeListener:
    """ELBv2 API, ModifyListener: what is not given stays. moto knows no TLS here."""
    listener = find(elbv2, arn)
    if listener is None or ":listener/net/" not in arn:
        return moto(elbv2, arn, port, protocol, ssl_policy, certificates, actions)
    listener.port = port or listener.port
    listener.protocol = protocol or listener.protocol
    if listener.protocol not in ENCRYPTED:
        listener.ssl_policy, listener.certificate, listener.certificates = None, None, []
    elif certificates:
        listener.certificate = certificates[0]["CertificateArn"]
        listener.certificates = [listener.certificate, *listener.certificates[1:]]
    if ssl_policy:
        listener.ssl_policy = ssl_policy
    if actions:
        listener.default_actions = [FakeAction(action) for action in actions]
        listener._default_rule[0].actions = listener.default_actions
    return listener


@follows("elbv2", "ModifyListener")
def keep_alpn_policy(call: Call) -> None:
    if "AlpnPolicy" in call.params:
        find(call.state(), call.params["ListenerArn"]).alpn_policy = call.params["AlpnPolicy"]


@follows("elbv2", "CreateListener", "ModifyListener", "DeleteListener", "DeleteLoadBalancer")
def count_users(call: Call) -> None:
    """Which load balancers use a target group, which listeners a certificate; moto only ever adds."""
    elbv2, acm = call.state(), call.state("acm")
    listeners = [listener for balancer in elbv2.load_balancers.values() for listener in balancer.listeners.values()]
    users: dict[str, list[str]] = {}
    for listener in listeners:
        for action in listener.default_actions:
            if action.type == "forward":
                for group_arn in elbv2._get_target_group_arns_from(action_data=action.data):
                    users.setdefault(group_arn, []).append(listener.load_balancer_arn)
    for group in elbv2.target_groups.values():
        group.load_balancer_arns = list(dict.fromkeys(users.get(group.arn, [])))
    for certificate in acm._certificates.values():
        balancers = [there.load_balancer_arn for there in listeners if certificate.arn in there.certificates]
        certificate.in_use_by = list(dict.fromkeys(balancers))


def find(elbv2: ELBv2Backend, arn: str) -> FakeListener | None:
    for balancer in elbv2.load_balancers.values():
        if arn in balancer.listeners:
            return balancer.listeners[arn]
    return None
