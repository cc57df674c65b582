"""What a table says of one kind of resource, and the little that tables share. No gRPC and no AWS call in here.

A row states what terraform-provider-aws's schema states of that property (pulumi-aws is generated from it); the file it was
read from is named in `Resource.source`, the version is pulumi-aws's (7.51). Tables are in `local/provider/aws/<service>.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.provider.session import Aws

# What a program set for one resource: pulumi's camelCase names, defaults applied, never an unknown value.
# Numbers without a fraction are ints, assets are `values.Asset`. `create` and `update` also find in
# `inputs["tagsAll"]` the tags to put on the object (the provider's default_tags merged in): use these, not `tags`.
Inputs = Mapping[str, Any]
Outputs = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Property:
    """One row. A nested property has a row of its own with a dotted name and no list indexes: `rootBlockDevice.volumeSize`.

    An object without nested rows is a free map (schema.TypeMap: tags, parameters).
    """

    force_new: bool = False  # a change replaces the resource
    default: object = None  # applied by Check when the program sets nothing
    computed: bool = False  # Optional+Computed: absent in the program is no difference
    unordered: bool = False  # schema.TypeSet: compared without order
    secret: bool = False  # Sensitive: the output is marked secret
    same: Callable[[Any, Any], bool] | None = None  # DiffSuppressFunc: two values that mean the same (see same_json)


@dataclass(frozen=True, kw_only=True)
class AutoName:
    """The name Check gives when the program gives none: prefix, logical name, separator, 7 hex digits."""

    property: str = "name"
    max_length: int = 255
    separator: str = "-"
    prefix: str = ""
    lower: bool = False


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What Check and Diff need to know. An input that is legal in Pulumi's package but has no row is refused by Check."""

    token: str  # "aws:ec2/vpc:Vpc"
    source: str  # "internal/service/ec2/vpc_.go": file of hashicorp/terraform-provider-aws the rows were read from
    args: type  # pulumi_aws.ec2.VpcArgs: its legal input names
    properties: Mapping[str, Property] = field(default_factory=dict)
    outputs_unknown: tuple[str, ...] = ()  # computed outputs (arn, …) unknown in a preview of a create
    outputs_changing: tuple[str, ...] = ()  # outputs that an update changes: unknown in its preview (SetNewComputed)
    name: AutoName | None = None
    tags: bool = True  # takes tags, default_tags, tagsAll; the row for `tags` is implied
    # Old and new inputs -> names of changed properties that replace although their row does not say so (CustomizeDiff).
    replaces: Callable[[Inputs, Inputs], Iterable[str]] = lambda olds, news: ()

    @property
    def updatable(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class Resource(Kind):
    """A kind that lives behind the AWS API."""

    # create -> id. Raises `InitFailed` when the object exists but is not as wanted.
    create: Callable[[Aws, Inputs], str]
    # ready: what follows the creating call: further settings, waiting until it is available. Idempotent, for it also completes
    # an object taken over by `find`. An error here is an `InitFailed`, for the object exists. `read` is called after it.
    ready: Callable[[Aws, str, Inputs], None] | None = None
    # read: id, last inputs ({} in an import) -> all outputs, in the shape of the inputs where they mirror one, without
    # `id`; None when the object is gone. `"tags"` holds every tag found: the core makes tags and tagsAll of it.
    # What the API cannot tell (write-only inputs) is simply left out: the core keeps the last input.
    read: Callable[[Aws, str, Inputs], Outputs | None]
    # update: id, olds, news; only called for changes that do not replace. None: every change replaces.
    update: Callable[[Aws, str, Inputs, Inputs], None] | None = None
    # delete: waits until gone; not found is success.
    delete: Callable[[Aws, str, Inputs], None]
    # find: ids of objects that a create of this very resource, killed half-way, may have left behind. It is asked only when
    # the stack's state says that such a create never ended; the core then takes the object over instead of making a second
    # one, when `read` finds it, the engine does not know it, and no row with force_new differs (else it is deleted).
    # `inputs["tagsAll"]` of `create` holds a marker tag to find it by (kinds with tags). The name that Check made for the
    # killed create is given again, so a kind whose id is its name may simply return that name.
    # Leave it None where create is idempotent by itself (a put).
    find: Callable[[Aws, Inputs], Iterable[str]] | None = None

    @property
    def updatable(self) -> bool:
        return self.update is not None


@dataclass(frozen=True, kw_only=True)
class Computed(Kind):
    """A kind that lives in the state alone (random and tls): computed once, by its create."""

    compute: Callable[[Inputs], tuple[str, Outputs]]  # -> id, outputs besides the inputs
    # Outputs after an update, from the last outputs and the new inputs. None: every change replaces.
    recompute: Callable[[Outputs, Inputs], Outputs] | None = None
    refresh: Callable[[Outputs], Outputs] | None = None  # what time alone has changed in the outputs
    # Last outputs, new inputs -> name of the output for which the resource must be replaced now, if there is one.
    stale: Callable[[Outputs, Inputs], str | None] = lambda outputs, news: None
    tags: bool = False

    @property
    def updatable(self) -> bool:
        return self.recompute is not None


class InitFailed(Exception):
    """The object `id` exists but did not become what was asked: the engine keeps it, with this reason."""

    def __init__(self, id: str, reason: str):
        super().__init__(reason)
        self.id = id
        self.reason = reason
        self.outputs: Outputs = {}  # as far as they are known; the core fills them in


def same_json(left: Any, right: Any) -> bool:
    """Two JSON documents with the same content (policy documents: AWS re-formats them)."""
    try:
        return json.loads(left) == json.loads(right)
    except (TypeError, ValueError):
        return left == right
