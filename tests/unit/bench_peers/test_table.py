"""The table that the comparison ends in."""

import json

from bench.peers import table

from .example import record

PEER = [
    record("switchover", 1.0, settings="defaults", new_primary_s=0.5),
    record("switchover", 3.0, settings="defaults", new_primary_s=0.7, client_late_s=0.9),
    record("switchover", 2.0, settings="fast", new_primary_s=None),
]


def test_a_line_for_each_drill_and_contender_tells_medians_sums_and_disturbed_runs():
    assert list(table.rows(PEER, [record("switchover", 0.25)])) == [
        ("switchover", "this project", "1", "0", "0.25 / 0.25", "1.0", "", "3", "900", "0", "0"),
        ("switchover", "Group Replication, defaults", "2", "1", "1.00 / 3.00", "4.0", "0.50 / 0.70", "6", "1800", "0", "0"),
        ("switchover", "Group Replication, fast", "1", "0", "2.00 / 2.00", "8.0", "", "3", "900", "0", "0"),
    ]


def test_a_contender_that_did_not_run_the_drill_has_an_empty_line():
    assert next(table.rows(PEER, [])) == ("switchover", "this project", "0", "0", "", "", "", "", "", "", "")


def test_reads_that_waited_before_the_fault_disturb_a_run():
    assert not table.disturbed(record("switchover", 1))
    assert table.disturbed(record("switchover", 1, calm_read_p99_s=0.6))


def test_the_page_gets_a_row_of_titles_a_rule_and_the_lines():
    titles, rule, line = table.markdown([("switchover", *["1"] * 10)])
    assert titles.startswith("| drill |  | runs | disturbed | write outage s | times this project's |")
    assert rule == "|" + " --- |" * 11
    assert line == "| switchover |" + " 1 |" * 10


def test_this_projects_lines_are_of_the_newest_results_that_have_the_drill(tmp_path):
    results = {
        "2026-11-01": [record("switchover", 1.0), record("primary-power-cut", 7.0)],
        "2026-11-02": [record("switchover", 2.0), record("switchover", 3.0)],
        "2026-11-03": [record("nginx-kill", 0.1)],
    }
    for day, runs in results.items():
        (tmp_path / day).mkdir()
        (tmp_path / day / "results.json").write_text(json.dumps({"runs": runs}))
    found = table.ours(tmp_path, ["switchover", "primary-power-cut", "primary-mysqld-kill"])
    assert [(one["drill"], one["write_outage_s"]) for one in found] == [
        ("switchover", 2.0),
        ("switchover", 3.0),
        ("primary-power-cut", 7.0),
    ]


def test_without_any_results_of_this_project_there_are_none(tmp_path):
    assert table.ours(tmp_path / "drills", ["switchover"]) == []
