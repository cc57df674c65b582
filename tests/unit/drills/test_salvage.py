"""Acknowledged writes in what a former primary saved of its data."""

import gzip
import hashlib
import io
import json
from types import SimpleNamespace

from drills import salvage

SQL = """
BINLOG '
aGVsbG8=
'/*!*/;
### INSERT INTO `app`.`notes`
### SET
###   @1=17
###   @2='drill cut 1 170 5'
###   @3='2026-01-01 00:00:00.123'
### INSERT INTO `app`.`notes`
### SET
###   @1=18
###   @2='another note, drill cut 1 170 6'
"""


class Bucket:
    """Of S3 as much as is asked for."""

    def __init__(self, files):
        self.files = files

    def get_paginator(self, _):
        return SimpleNamespace(paginate=lambda Bucket: [{"Contents": [{"Key": key} for key in sorted(self.files)]}])

    def get_object(self, Bucket, Key):
        return {"Body": io.BytesIO(self.files[Key])}


def folder(name, sql, checksum=None):
    content = gzip.compress(sql.encode())
    file = {"key": f"{name}/transactions.sql.gz", "sha256": checksum or hashlib.sha256(content).hexdigest()}
    return {f"{name}/manifest.json": json.dumps({"gtids": "", "files": [file]}).encode(), file["key"]: content}


def texts(files):
    site = SimpleNamespace(outputs={"salvage": "bucket"}, instance=SimpleNamespace(client=lambda _: Bucket(files)))
    return salvage.notes(site, "drill cut 1 170 ")


def test_a_note_is_found_in_the_rows_of_the_transactions_by_its_prefix():
    assert texts(folder("c/web-a/1", SQL)) == {"drill cut 1 170 5"}


def test_every_salvage_is_looked_into():
    assert texts(folder("c/web-a/1", SQL) | folder("c/web-b/2", SQL.replace("170 5", "170 9"))) == {
        "drill cut 1 170 5",
        "drill cut 1 170 9",
    }


def test_what_has_another_checksum_or_no_manifest_is_not_salvaged():
    assert texts(folder("c/web-a/1", SQL, checksum="0" * 64)) == set()
    files = folder("c/web-a/1", SQL)
    del files["c/web-a/1/manifest.json"]
    assert texts(files) == set()


def test_a_stack_without_a_salvage_has_salvaged_nothing():
    assert salvage.notes(SimpleNamespace(outputs={}), "drill") == set()
