"""What a load's report says beyond its outcomes: delivery over time with its faults, and when leads may be called."""

import datetime as dt
import re
from pathlib import Path

from connectors.sandbox.settings import SandboxSettings
from tests.conftest import lead_rows

FAULTS = [
    {"call": "direct", "nth": 2, "fault": "status_before_commit", "status": 503},
    {"call": "direct", "nth": 3, "fault": "throttle", "retry_after": "seconds", "seconds": 1},
    {"call": "direct", "nth": 4, "fault": "drop_after_commit"},
]


def test_a_load_through_faults_tells_what_it_met_when(leadferry, make_job, ringcx):
    ringcx.set_faults(FAULTS)

    ended = leadferry("load", make_job(lead_rows(60)), "--json")

    assert ended.code == 0, ended.err
    facts = ended.json
    timeline = facts["timeline"]
    kinds = ("accepted", "refused", "turned_away", "unknown")
    sums = {kind: sum(bucket[kind] for bucket in timeline["buckets"]) for kind in kinds}
    assert sum(sums.values()) == sum(bucket["requests"] for bucket in timeline["buckets"]) == facts["requests"]
    assert (sums["turned_away"], sums["unknown"]) == (1, 2)
    assert {(fault["state"], fault["code"], fault["times"]) for fault in timeline["faults"]} == {
        ("unknown", "HTTP_503", 1),
        ("not_sent", "THROTTLED", 1),
        ("unknown", "NO_ANSWER", 1),
    }
    began, finished = (dt.datetime.fromisoformat(facts[key]) for key in ("started_at", "finished_at"))
    for fault in timeline["faults"]:
        assert began.replace(microsecond=0) <= dt.datetime.fromisoformat(fault["first"]) <= finished
    page = (Path(facts["folder"]) / "report.html").read_text(encoding="utf-8")
    assert "THROTTLED" in page
    assert "no clear answer: 2" in page


def test_no_whole_number_is_in_what_people_are_shown(leadferry, make_job, ringcx, tmp_path):
    rows = lead_rows(24)
    rows[3]["phone"], rows[4]["id"], rows[5]["phone"] = "203 555 01", "", rows[6]["phone"]
    numbers = {re.sub(r"\D", "", str(row["phone"])) for row in rows}
    ringcx.reset(SandboxSettings(throttles=False, do_not_call=("3035550000",)))
    ringcx.set_faults(FAULTS)
    assert "3035550000" in numbers

    ended = leadferry("load", make_job(rows, load={"duplicate_handling": "REMOVE_ALL_EXISTING"}), "--run-id", "shown")

    assert ended.code == 0, ended.err
    folder = tmp_path / "home" / "runs" / "shown"
    shown = [ended.out, ended.err, *((folder / name).read_text("utf-8") for name in ("report.html", "report.json"))]
    assert "API_DO_NOT_CALL" in shown[2]
    for text in shown:
        digits = re.findall(r"\d{10,}", re.sub(r"[ ().-]", "", text))
        assert not [number for number in numbers if any(number in run for run in digits)]


def test_leads_are_told_by_zone_with_the_jobs_own_calling_hours(leadferry, make_job):
    california = {"zip": "94103", "state": "CA"}
    rows = [row | {"phone": f"(203) 555-1{place:03d}"} for place, row in enumerate(lead_rows(20))]
    rows += [row | california | {"phone": f"(415) 555-2{place:03d}"} for place, row in enumerate(lead_rows(10, 20))]
    job = make_job(rows, time_zones={"calling_hours": ["09:00", "17:00"]})

    facts = leadferry("check", job, "--json").json

    told = facts["callable"]
    assert [(zone["zone"], zone["leads"], zone["first"], zone["last"]) for zone in told["zones"]] == [
        ("America/New_York", 20, "09:00", "17:00"),
        ("America/Los_Angeles", 10, "12:00", "20:00"),
    ]
    by_hour = {each["hour"]: each["leads"] for each in told["by_hour"]}
    assert [by_hour[hour] for hour in (8, 9, 11, 12, 16, 17, 19, 20)] == [0, 20, 20, 30, 30, 10, 10, 0]
