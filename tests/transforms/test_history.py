"""What is usual for a job, and what stands out against it."""

from dataclasses import replace

import pytest

from transforms.history import LEAST_RUNS, PastRun, compare_runs, is_unusual, judged_runs, usual_rows

RUN = PastRun("r", "2026-01-01T00:00:00+00:00", "succeeded", 1000, 900, 50, 30, 20)


def history(*rows, status="succeeded"):
    return [replace(RUN, run_id=f"r{number}", rows_read=each, status=status) for number, each in enumerate(rows)]


def test_nothing_is_usual_before_three_runs_ended_well():
    assert usual_rows(history(*[100] * (LEAST_RUNS - 1))) is None
    assert usual_rows(history(*[100] * LEAST_RUNS)) == 100


def test_runs_that_did_not_end_well_say_nothing():
    failed = history(5, 5, 5, status="failed") + history(7, status="gate")

    assert usual_rows(failed) is None
    assert usual_rows(history(100, 120, 140) + failed) == 120


def test_one_odd_night_does_not_move_the_usual_number():
    assert usual_rows(history(100, 102, 9_000, 98, 101)) == 101


def test_only_the_last_ten_good_runs_count():
    runs = history(*[10] * 30, *[1000] * 10)

    assert len(judged_runs(runs)) == 10
    assert usual_rows(runs) == 1000


@pytest.mark.parametrize(
    ("rows", "usual", "change", "unusual"),
    [(50, 100, 0.5, False), (49, 100, 0.5, True), (150, 100, 0.5, False), (151, 100, 0.5, True), (2, 6, 0.5, False),
     (300, 100, 2.0, False), (301, 100, 2.0, True), (0, 100, 1.0, False)],
)  # fmt: skip
def test_a_number_is_unusual_beyond_the_share_and_beyond_chance(rows, usual, change, unusual):
    assert is_unusual(rows, usual, change) is unusual


def test_shares_are_compared_by_points_and_rows():
    now = replace(RUN, run_id="now", rows_read=1000, rejected=150, duplicates=31, time_zone_conflicts=20, loaded=800)

    told = {each["what"]: each for each in compare_runs(now, history(1000, 1000, 1000), change=None, sent=True)}

    assert {what: each["sudden"] for what, each in told.items()} == {
        "rows read": False, "rejected": True, "duplicates": False, "time zone conflicts": False, "loaded": True,
    }  # fmt: skip
    assert (told["rejected"]["now"], told["rejected"]["usual"]) == (0.15, 0.05)
    assert told["rejected"]["sentence"] == "Rejected: 15.0% of the rows; usually it is 5.0%."
    assert told["rows read"]["sentence"].startswith("1,000 rows were read; the usual number is 1,000 (median of the")


def test_few_rows_make_no_sudden_share():
    now = replace(RUN, rows_read=10, rejected=5, duplicates=0, time_zone_conflicts=0, loaded=5)
    few = [replace(RUN, rows_read=10, rejected=0, duplicates=1, time_zone_conflicts=0, loaded=9)] * 3

    assert not [each for each in compare_runs(now, few, change=None, sent=True) if each["sudden"]]


def test_what_was_not_sent_is_not_compared():
    told = compare_runs(RUN, history(1, 2, 3), change=0.1, sent=False)

    assert "loaded" not in [each["what"] for each in told]
    assert compare_runs(RUN, [], change=0.1, sent=True) == []


def test_shares_of_no_rows_are_nothing():
    assert replace(RUN, rows_read=0).tell()["reject_rate"] == 0.0
