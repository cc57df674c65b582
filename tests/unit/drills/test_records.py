"""Records survive their file."""

from drills.records import Request, Sample, line, load

from .example import request


def test_records_come_back_from_their_file_and_half_a_line_is_left_out(tmp_path):
    sent = [request(1.25), request(2.5, "write", ok=False)]
    (tmp_path / "requests").write_text("".join(map(line, sent)) + line(sent[0])[:20])
    assert load(tmp_path / "requests", Request) == sent
    sample = Sample(at=1.5, server="web-b", about="lease", answer="web-a", epoch=7)
    (tmp_path / "samples").write_text(line(sample))
    assert load(tmp_path / "samples", Sample) == [sample]
