"""`leadferry preview`: the first rows as read, as mapped and as they would be sent, and nothing left behind."""

import tempfile
from pathlib import Path

from tests.conftest import lead_rows


def preview(leadferry, job, *arguments):
    ended = leadferry("preview", job, "--json", "--rows", "5", "--show-numbers", *arguments)
    assert ended.code == 0, ended
    return ended.json["rows"]


def test_a_row_is_shown_as_read_as_mapped_and_as_sent_with_what_was_repaired(leadferry_anew, make_job):
    rows = lead_rows(1)
    rows[0] |= {"name": "  Ada\u00a0 ", "zip": "6511", "extra": "42"}

    (row,) = preview(leadferry_anew, make_job(rows, columns={"extendedLeadData": {"note": "extra"}}))

    assert row["read"] == {"id": "X00000", "phone": "(203) 555-0000", "name": "  Ada\u00a0 ", "zip": "6511",
                           "state": "CT", "extra": "42"}  # fmt: skip
    assert row["mapped"]["leadPhone"] == ["(203) 555-0000"]
    assert row["mapped"]["extendedLeadData.note"] == "42"
    assert row["sent"]["leadPhone"] == "2035550000"
    assert (row["sent"]["zip"], row["sent"]["lastName"]) == ("06511", "Ada")
    assert row["sent"]["extendedLeadData"] == {"note": "42"}
    assert (row["outcome"], row["reason"]) == ("READY", None)
    assert any(note.startswith("ZIP: leading zero") for note in row["notes"])


def test_a_row_that_would_not_be_sent_says_why(leadferry, make_job):
    rows = lead_rows(3)
    rows[1]["phone"] = "555"
    rows[2]["phone"] = rows[0]["phone"]

    _, short, repeated = preview(leadferry, make_job(rows))

    assert (short["outcome"], short["reason"], short["sent"]) == ("REJECTED", "PHONE_TOO_SHORT", None)
    assert short["advice"]
    assert (repeated["outcome"], repeated["sent"]) == ("DUPLICATE", None)


def test_numbers_are_masked_unless_asked_for_and_text_cannot_steer_the_terminal(leadferry, make_job):
    rows = lead_rows(1)
    rows[0] |= {"name": "[bold]\x1b[31mEve", "other": "call 617 555 0199"}

    ended = leadferry("preview", make_job(rows))

    assert ended.code == 0, ended
    assert "555-0000" not in ended.out
    assert "2035550000" not in ended.out
    assert "0199" not in ended.out
    assert "\x1b" not in ended.out
    assert "[bold]" in ended.out
    assert "not mapped: other" in ended.out


def test_nothing_is_sent_or_kept(leadferry, make_job, ringcx, tmp_path):
    before = {*tmp_path.iterdir()}
    preview(leadferry, make_job(lead_rows(3)))

    assert ringcx.state.requests_of("direct") == ringcx.state.requests_of("token") == 0
    assert {path.name for path in {*tmp_path.iterdir()} - before} == {"leads.csv", "leads.toml"}
    assert not [*Path(tempfile.gettempdir()).glob("leadferry-preview*")]


def test_a_missing_source_is_told_with_exit_2(leadferry, make_job, tmp_path):
    job = make_job(lead_rows(1))
    (tmp_path / "leads.csv").unlink()

    ended = leadferry("preview", job)

    assert ended.code == 2
    assert "leads.csv" in ended.err
