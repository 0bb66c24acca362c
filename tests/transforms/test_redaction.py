"""What is taken out of a report, and that its numbers stay."""

import copy

from transforms.redaction import without_lead_data, without_rows

FACTS = {
    "counts": {"rows_read": 4, "REJECTED": 2},
    "reasons": [
        {"code": "PHONE_MISSING", "rows": 2, "detail": "line 3", "examples": [{"source_row": 0, "externId": "A"}]},
        {"code": "ZIP_MISSING", "rows": 1, "detail": "line 9", "examples": [{"source_row": 3, "externId": "D"}]},
    ],
    "arrived_differently": [{"field": "zip", "rows": 1, "examples": [{"source_row": 3, "sent": "1", "arrived": "2"}]}],
    "delivery": [{"state": "refused", "code": "HTTP_400", "times": 1, "message": "Ann is no lead"}],
    "trouble": {"code": "HTTP_400", "message": "RingCX answered 400: Ann", "next_step": "Resume."},
    "timeline": {"faults": [{"state": "refused", "times": 1, "message": "Ann is no lead"}]},
    "warnings": ["careful"],
}


def test_all_examples_and_all_words_of_others_go_and_numbers_stay():
    before = copy.deepcopy(FACTS)

    left = without_lead_data(FACTS)

    assert before == FACTS
    assert not [word for word in ("Ann", "line 3", "line 9", "'A'", "'D'", "sent") if word in str(left)]
    assert [(each["code"], each["rows"], each["examples"]) for each in left["reasons"]] == [
        ("PHONE_MISSING", 2, []), ("ZIP_MISSING", 1, []),
    ]  # fmt: skip
    assert left["trouble"] == {"code": "HTTP_400", "message": "HTTP_400", "next_step": "Resume."}
    assert (left["counts"], left["warnings"]) == (FACTS["counts"], FACTS["warnings"])


def test_of_some_rows_their_own_examples_go_wherever_they_stand():
    left = without_rows(FACTS, {3}, {"ZIP_MISSING"})

    assert left["reasons"][0] == FACTS["reasons"][0]
    assert left["reasons"][1] | {"examples": 0, "detail": 0} == FACTS["reasons"][1] | {"examples": 0, "detail": 0}
    assert (left["reasons"][1]["examples"], left["reasons"][1]["detail"]) == ([], None)
    assert left["arrived_differently"] == [{"field": "zip", "rows": 1, "examples": []}]
    assert "Ann" not in str([left["delivery"], left["timeline"], left["trouble"]])
    assert left["timeline"]["faults"][0]["times"] == 1


def test_a_report_without_these_parts_is_left_as_it_is():
    assert without_rows({"counts": {}}, {1}, set()) == {"counts": {}}
