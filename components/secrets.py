"""Secrets at rest: the stack's key, the passwords of the database's users, and where servers fetch a secret from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import kms, ssm
from pulumi_random import RandomPassword

from components.naming import PROJECT, name_tag, parameter_prefix, token

DATABASE_USERS = ("app", "replication")  # the agent is root on the socket and needs none
PASSWORD_LENGTH = 32  # letters and digits: 190 bits, and no configuration file has to quote it


@dataclass(frozen=True, kw_only=True)
class EncryptionArgs:
    protect: bool  # what the key encrypts cannot be read again without it


class Encryption(pulumi.ComponentResource):
    """One KMS key for the disks and the secrets of a stack."""

    key_arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("secrets", "Encryption"), name, {}, opts)
        kept = ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.protect)
        key = kms.Key(
            name,
            description=f"Disks and secrets of the stack {name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            tags=name_tag(name),
            opts=kept,
        )
        kms.Alias(name, name=f"alias/{PROJECT}-{name}", target_key_id=key.key_id, opts=ResourceOptions(parent=self))
        self.key_arn = key.arn
        self.register_outputs({"key_arn": self.key_arn})


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One secret of a server: the parameter it is in, and the file the agent writes it to."""

    parameter: ssm.Parameter
    path: str
    mode: str
    owner: str = "root:root"


def keep(
    name: str, path: str, value: pulumi.Input[str], *, stack: str, key_arn: pulumi.Input[str], parent: pulumi.Resource
) -> ssm.Parameter:
    """A SecureString at `path` below the stack's prefix, encrypted with the stack's key."""
    return ssm.Parameter(
        name,
        name=f"{parameter_prefix(stack)}/{path}",
        type="SecureString",
        key_id=key_arn,
        value=pulumi.Output.secret(value),
        tags=name_tag(name),
        opts=ResourceOptions(parent=parent),
    )


@dataclass(frozen=True, kw_only=True)
class PasswordsArgs:
    stack: str
    key_arn: pulumi.Input[str]


class Passwords(pulumi.ComponentResource):
    """A random password for each database user, in `parameters` by user."""

    parameters: Mapping[str, ssm.Parameter]

    def __init__(self, name: str, args: PasswordsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("secrets", "Passwords"), name, {}, opts)
        self.parameters = {
            user: keep(
                f"{name}-{user}",
                f"database/{user}",
                RandomPassword(f"{name}-{user}", length=PASSWORD_LENGTH, special=False, opts=ResourceOptions(parent=self)).result,
                stack=args.stack,
                key_arn=args.key_arn,
                parent=self,
            )
            for user in DATABASE_USERS
        }
        self.register_outputs({"parameters": {user: parameter.name for user, parameter in self.parameters.items()}})
