"""What a former primary saved of its data before it was filled anew: transactions that its successor never had.

`<cluster_id>/<server>/<name>/` in the bucket of the stack's output `salvage` holds `transactions.sql.gz` (mysqlbinlog -v: the
rows as comments) beside a manifest with the checksums, which is written last.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator

from drills.site import Site

MANIFEST, TRANSACTIONS = "manifest.json", "transactions.sql.gz"


def notes(site: Site, prefix: str) -> set[str]:
    """The texts that begin with `prefix`, in all that was ever salvaged; nothing of a stack without a salvage."""
    if not (bucket := site.outputs.get("salvage")):
        return set()
    return {text for content in transactions(site.instance.client("s3"), bucket) for text in texts(content, prefix)}


def transactions(s3, bucket: str) -> Iterator[str]:
    """Every whole one, as SQL. A file that is not what its manifest says counts for nothing."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    for key in [found["Key"] for page in pages for found in page.get("Contents", [])]:
        folder, _, name = key.rpartition("/")
        if name == MANIFEST:
            manifest = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            content = s3.get_object(Bucket=bucket, Key=f"{folder}/{TRANSACTIONS}")["Body"].read()
            sums = [file["sha256"] for file in manifest["files"] if file["key"].rpartition("/")[2] == TRANSACTIONS]
            if sums == [hashlib.sha256(content).hexdigest()]:
                yield gzip.decompress(content).decode(errors="replace")


def texts(sql: str, prefix: str) -> set[str]:
    """The values of columns that begin with `prefix`, in mysqlbinlog's comments: `###   @2='text'`."""
    return set(re.findall(rf"^###\s+@\d+='({re.escape(prefix)}[^']*)'", sql, re.MULTILINE))
