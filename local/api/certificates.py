"""The certificates of load balancer listeners with their private keys, for whoever plays the load balancer.

AWS hands out no key; this reads moto's memory, so it works in the process of the API server only.
"""

from __future__ import annotations

from moto.acm.models import AWS_ROOT_CA, CertBundle

from local.api.overlay.state import backends_of


def imported_pem(arn: str) -> str:
    """Certificate, chain and private key (PEM, in this order, as HAProxy wants them) of an ACM certificate.

    Those that ACM issued are signed by the local authority (`overlay.issuing`). KeyError: there is no such certificate.
    """
    for account in backends_of("acm").values():
        for acm in list(account.values()):
            if arn in acm._certificates:
                return pem(acm._certificates[arn])
    raise KeyError(arn)


def pem(bundle: CertBundle) -> str:
    chain = bundle.chain.replace(AWS_ROOT_CA, b"")  # moto appends it to every chain
    parts = (bundle.cert, chain, bundle.key)
    return "".join(part.decode().strip() + "\n" for part in parts if part.strip())
