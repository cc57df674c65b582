"""What servers fetch: the release bucket, and in it the agent, the application, every server's files and its manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import s3

from cloud_init import render
from cloud_init.site import Site
from components import manifest
from components.archive import Archive
from components.identity import policy
from components.manifest import Archives, SecretFile
from components.naming import name_tag, token
from components.secrets import Secret

OLD_VERSIONS_KEPT_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class BucketArgs:
    disposable: bool  # may be deleted with everything in it


class Bucket(pulumi.ComponentResource):
    """Private, versioned, encrypted, over TLS only. `ready` is what has to exist before anything is put into it."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: BucketArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("release", "Bucket"), name, {}, opts)
        own = ResourceOptions(parent=self)
        bucket = s3.Bucket(name, force_destroy=args.disposable, tags=name_tag(name), opts=own)
        of = {"bucket": bucket.id, "opts": own}
        versioning = s3.BucketVersioning(name, versioning_configuration={"status": "Enabled"}, **of)
        encryption = s3.BucketServerSideEncryptionConfiguration(
            name, rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}], **of
        )
        private = s3.BucketPublicAccessBlock(
            name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            **of,
        )
        s3.BucketOwnershipControls(name, rule={"object_ownership": "BucketOwnerEnforced"}, **of)
        s3.BucketLifecycleConfiguration(
            name,
            rules=[
                {
                    "id": "old-releases",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrent_version_expiration": {"noncurrent_days": OLD_VERSIONS_KEPT_DAYS},
                }
            ],
            bucket=bucket.id,
            opts=ResourceOptions(parent=self, depends_on=[versioning]),  # AWS refuses the rule on an unversioned bucket
        )
        s3.BucketPolicy(
            name,
            policy=bucket.arn.apply(tls_only),
            bucket=bucket.id,
            opts=ResourceOptions(parent=self, depends_on=[private]),  # S3 refuses two changes of one bucket at a time
        )
        self.name, self.arn = bucket.id, bucket.arn
        self.ready = [versioning, encryption, private]
        self.register_outputs({"name": self.name})


def tls_only(arn: str) -> str:
    return policy(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs:
    site: Site
    bucket: Bucket
    agent: Archive
    app: Archive
    secrets: Mapping[str, Sequence[Secret]]  # by server


class Release(pulumi.ComponentResource):
    """`id` is the release's name. A server that boots takes what is there, so it waits for the whole component."""

    id: pulumi.Output[str]

    def __init__(self, name: str, args: ReleaseArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("release", "Release"), name, {}, opts)
        self._bucket = args.bucket
        parts = [
            self._object(f"{name}-agent", manifest.AGENT_KEY, source=pulumi.FileAsset(args.agent.path)),
            self._object(f"{name}-app", manifest.APP_KEY, source=pulumi.FileAsset(args.app.path)),
        ]
        for server in args.site.servers:
            for file in render.files(args.site, server):
                key = manifest.file_key(server.name, file.path)
                parts.append(self._object(f"{name}-{server.name}{file.path}", key, content=file.content))

        archives = Archives(agent=args.agent.sha256, app=args.app.sha256)
        secrets = pulumi.Output.all(**{server: _known(own) for server, own in args.secrets.items()})
        manifests = secrets.apply(lambda known: manifest.manifests(args.site, archives, known))
        # Last: a server that finds a manifest finds everything it names.
        for server in args.site.servers:
            self._object(
                f"{name}-{server.name}-manifest",
                manifest.manifest_key(server.name),
                after=parts,
                content=manifests.apply(lambda known, server=server.name: json.dumps(known[server], indent=2) + "\n"),
            )
        first = args.site.servers[0].name
        self.id = manifests.apply(lambda known: known[first]["release"])
        self.register_outputs({"id": self.id})

    def _object(self, name: str, key: str, *, after: Sequence[pulumi.Resource] = (), **body: object) -> s3.BucketObjectv2:
        opts = ResourceOptions(parent=self, depends_on=[*self._bucket.ready, *after])
        return s3.BucketObjectv2(name, bucket=self._bucket.name, key=key, tags=name_tag(key), opts=opts, **body)


def _known(secrets: Sequence[Secret]) -> pulumi.Output[list[SecretFile]]:
    """The secrets once their parameters' versions are known. A version is no secret, whatever its value is."""

    def of(secret: Secret) -> pulumi.Output[SecretFile]:
        parameter = pulumi.Output.all(secret.parameter.name, secret.parameter.version)
        return parameter.apply(
            lambda known: SecretFile(
                parameter=known[0], version=int(known[1]), path=secret.path, mode=secret.mode, owner=secret.owner
            )
        )

    return pulumi.Output.all(*map(of, secrets))
