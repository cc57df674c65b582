"""The page and the picture in it: everything inside, every run told."""

import dataclasses
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from drills import catalogue, figures, report, suite, timeline, words
from drills.records import READ, Event, Sample, line
from drills.run import Run, disturbed

from .example import FAULT, SPAN, leases, request, samples, steady

NODES = [
    *samples("web-a", "role", [(90, "primary"), (100, ""), (104, "primary"), (120, "primary")]),
    *samples("web-a", "mysql", [(90, "writable"), (100.2, ""), (104, "writable"), (120, "writable")]),
    *leases("web-a", [(90, "web-a", 7), (104, "web-a", 8), (120, "web-a", 8)]),
    *samples("lb", "target", [(90, "healthy"), (110, "unhealthy"), (120, "healthy")]),
]
EVENTS = (Event(at=FAULT, kind="fault", text="Nginx <is> killed."), Event(at=104, kind="recovered", text="all is well"))


@pytest.fixture
def run(tmp_path):
    def make(number: int = 1, failed: int = 0) -> Run:
        folder: Path = tmp_path / str(number)
        folder.mkdir()
        requests = [*steady(), *(request(100.5 + n / 10, ok=False, took=2) for n in range(failed))]
        (folder / "requests").write_text("".join(map(line, requests)))
        (folder / "samples").write_text("".join(map(line, NODES)))
        drill = catalogue.DRILLS["nginx-kill"]
        result = figures.compute(requests, NODES, SPAN, faulty="web-a", found=())
        return Run(
            drill=drill,
            number=number,
            server="web-a",
            span=SPAN,
            figures=result,
            events=EVENTS,
            troubles=(),
            recovered=True,
            folder=folder,
        )

    return make


def test_the_page_needs_nothing_from_outside(run):
    page = report.page([run()], computer="2 cores", written="2026-01-01")
    assert not re.search(r'(src|href)=(?!"#)|url\(|@import|<script', page)


def test_the_page_says_what_local_faults_cannot_show(run):
    assert "page cache" in report.page([run()], computer="2 cores", written="2026-01-01")


def test_the_page_shows_the_worst_run_of_a_drill_and_what_it_broke(run):
    page = report.page([run(1), run(2, failed=3)], computer="2 cores", written="2026-01-01")
    assert "Run 2 of 2, the worst." in page
    assert "<td>reads that failed</td><td>0</td><td class=broken>3 ✗</td>" in page
    assert "1 of 2" in page


def test_every_expectation_of_every_drill_has_words():
    assert {name for drill in catalogue.DRILLS.values() for name in (*drill.at_most, *drill.exactly, *drill.at_least)} <= set(
        words.WORDS
    )


def test_the_bars_of_a_long_drill_stand_for_more_seconds():
    assert [timeline.Axis(first=-4, last=last).bin_s for last in (30, 96, 600, 3600)] == [0.25, 0.25, 2, 10]
    assert [timeline.Axis(first=-4, last=last).step_s for last in (20, 96, 600, 3600)] == [2, 5, 60, 300]


def test_a_replica_that_lags_shows_by_how_much():
    late = [Sample(at=at, server="web-b", about="role", answer="replica", lag=lag) for at, lag in ((90, 0), (100, 5), (120, 0))]
    drawn = timeline.picture(steady(), late, EVENTS, FAULT)
    assert "replica, 5 s behind" in drawn
    assert "lag, 0 to 5 s" in drawn and "5.0 s, +0.00 s" in drawn  # a scale, and how far behind when
    assert drawn.count(f'height="{timeline.LAGS}.0" fill="{timeline.LATE}"') == 1


def test_the_picture_is_xml_with_a_row_for_each_question_and_a_line_for_each_event():
    drawn = timeline.picture(steady(), NODES, EVENTS, FAULT)
    texts = [element.text for element in ElementTree.fromstring(drawn).iter("text")]
    for expected in ("reads", "writes", "lb is healthy?", "web-a role", "web-a accepts writes?", "0.0 s: Nginx <is> killed."):
        assert expected in texts


def test_the_picture_shows_failed_requests_at_the_time_they_were_due():
    failed = [request(100.3, ok=False, took=9), request(100.4, READ, took=3)]
    drawn = timeline.picture([*steady(without=(100, 101)), *failed], NODES, EVENTS, FAULT)
    assert "1 reads failed, +0.25 s" in drawn
    assert "1 reads slow, +0.25 s" in drawn


def test_results_hold_every_figure_that_the_issue_names(run):
    record = suite.record(run(failed=1))
    assert record["drill"] == "nginx-kill" and record["failed_reads"] == 1
    names = "write_outage_s read_outage_s failed_reads failed_writes acknowledged lost salvaged two_writable_samples recovered_s"
    assert {*names.split(), "takeovers", "epoch_before", "epoch_after", "recovered"} <= set(record)
    assert record["broken"] == list(run(2, failed=1).broken)


def test_a_run_on_a_busy_computer_says_that_it_says_nothing(run):
    calm = dataclasses.replace(run().figures, unasked_s=3)
    assert disturbed(calm) == []
    assert disturbed(dataclasses.replace(calm, calm_read_p99_s=1.5, unasked_s=3.1)) == [
        "before the fault reads took 1.5 s already: this computer was busy, the run says nothing",
        "nobody asked a database for 3.1 s whether it accepts writes: two may have done so",
    ]
