"""How moto's state is pickled: what cannot be (keys, locks), what need not be (AWS's own policies), what is big.

Used by snapshot.py alone; a pickle is only ever read back by the user who wrote it.
"""

from __future__ import annotations

import functools
import hashlib
import io
import pickle
import threading
import weakref
from pathlib import Path
from typing import Any

import cloudpickle
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from moto.core.base_backend import BaseBackend
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore
from moto.ssm.models import ParameterDict

from local.api.files import sync, write
from local.api.overlay.state import backend, section_of

OWN_FILE_BYTES = 4096  # the body of an S3 object larger than this lies in a file of its own


class Objects:
    """Bodies of S3 objects, in files named by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.unsynced: set[str] = set()
        self.kept: weakref.WeakKeyDictionary[FakeKey, tuple[tuple[str, int], str]] = weakref.WeakKeyDictionary()

    def sync(self) -> None:
        """Every body kept so far is on the disk when this returns."""
        for name in list(self.unsynced):
            sync(self.folder / name)
            self.unsynced.discard(name)
        sync(self.folder)

    def keep(self, key: FakeKey) -> str:
        """The name of the file that holds the object's body; written when it is new."""
        version = (key.etag, key.contentsize)
        kept, name = self.kept.get(key, (None, ""))
        if kept != version:
            body = key.value
            name = hashlib.sha256(body).hexdigest()
            if not (self.folder / name).exists():
                write(self.folder / name, body)
                self.unsynced.add(name)
            self.kept[key] = version, name
        return name

    def body(self, name: str) -> bytes:
        body = (self.folder / name).read_bytes()
        if hashlib.sha256(body).hexdigest() != name:
            raise ValueError(f"the object {name} is damaged")
        return body

    def forget_all_but(self, names: set[str]) -> None:
        for path in self.folder.iterdir():
            if path.name not in names:
                path.unlink()


def dumps(value: object, section: str, objects: Objects) -> bytes:
    """A pickle of one section's state. Backends of other sections are stored as references."""
    buffer = io.BytesIO()
    Pickler(buffer, section, objects).dump(value)
    return buffer.getvalue()


class Pickler(cloudpickle.Pickler):
    def __init__(self, buffer: io.BytesIO, section: str, objects: Objects) -> None:
        super().__init__(buffer, protocol=5)
        self.section = section
        self.objects = objects

    def reducer_override(self, value: Any) -> Any:
        reduced = reduce(value, self)
        return super().reducer_override(value) if reduced is NotImplemented else reduced


@functools.singledispatch
def reduce(value: Any, pickler: Pickler) -> Any:
    return NotImplemented


@reduce.register(rsa.RSAPrivateKey)
@reduce.register(ec.EllipticCurvePrivateKey)
@reduce.register(ed25519.Ed25519PrivateKey)
def _(value: Any, pickler: Pickler) -> Any:
    plain = serialization.NoEncryption()
    der = value.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)
    return private_key, (der,)


def private_key(der: bytes) -> Any:
    return serialization.load_der_private_key(der, password=None)


@reduce.register
def _(value: x509.Certificate, pickler: Pickler) -> Any:
    return certificate, (value.public_bytes(serialization.Encoding.DER),)


def certificate(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


@reduce.register(type(threading.Lock()))
def _(value: Any, pickler: Pickler) -> Any:
    return threading.Lock, ()


@reduce.register(type(threading.RLock()))
def _(value: Any, pickler: Pickler) -> Any:
    return threading.RLock, ()


@reduce.register
def _(value: weakref.WeakValueDictionary, pickler: Pickler) -> Any:
    return weakref.WeakValueDictionary, (dict(value),)


@reduce.register
def _(value: ParameterDict, pickler: Pickler) -> Any:
    return ParameterDict, (value.account_id, value.region_name), None, None, iter(value.items())


@reduce.register
def _(value: BaseBackend, pickler: Pickler) -> Any:
    service = "overlay" if type(value).__module__.startswith("local.") else type(value).__module__.split(".")[1]
    if section_of(service) == pickler.section:
        return NotImplemented
    return backend, (service, value.region_name, value.account_id)


@reduce.register
def _(value: IAMBackend, pickler: Pickler) -> Any:
    """AWS's own 1,300 policies (4 MB) are left out, unless something is attached to them."""
    state = dict(vars(value))
    del state["aws_managed_policies"]
    policies = state["managed_policies"].items()
    state["managed_policies"] = {
        arn: policy for arn, policy in policies if not isinstance(policy, AWSManagedPolicy) or policy.attachment_count
    }
    return IAMBackend, (value.region_name, value.account_id), state, None, None, restore_iam


def restore_iam(iam: IAMBackend, state: dict[str, Any]) -> None:
    saved = state.pop("managed_policies")
    vars(iam).update(state)
    iam.managed_policies |= saved
    iam.aws_managed_policies = [saved.get(policy.arn, policy) for policy in iam.aws_managed_policies]


@reduce.register
def _(value: _VersionedKeyStore, pickler: Pickler) -> Any:
    return versions, ({key: dict.__getitem__(value, key) for key in dict.keys(value)},)


def versions(lists: dict[str, list[FakeKey]]) -> _VersionedKeyStore:
    """Its own `items` shows the last version of each object only, and its assignment appends one."""
    store = _VersionedKeyStore()
    dict.update(store, lists)
    return store


class StoredBody:
    """Stands for an object's body in a pickle."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Any:
        return body_of, (self.name,)


def body_of(name: str) -> bytes:
    raise NotImplementedError("resolved by Unpickler.find_class")


@reduce.register
def _(value: FakeKey, pickler: Pickler) -> Any:
    if value.disposed or value.contentsize <= OWN_FILE_BYTES:
        return NotImplemented
    state = dict(vars(value))
    del state["_value_buffer"], state["lock"]
    return FakeKey.__new__, (FakeKey,), state | {"value": StoredBody(pickler.objects.keep(value))}


class Unpickler(pickle.Unpickler):
    """Reads what `dumps` wrote; `bodies` are the names of the object files it referred to."""

    def __init__(self, data: bytes, objects: Objects) -> None:
        super().__init__(io.BytesIO(data))
        self.objects = objects
        self.bodies: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        return self.body if (module, name) == (__name__, "body_of") else super().find_class(module, name)

    def body(self, name: str) -> bytes:
        self.bodies.add(name)
        return self.objects.body(name)
