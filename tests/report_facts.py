"""Made-up facts of a run, as report.json has them, for tests of what is made of them."""

from transforms.lead_rules import REASONS
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import Reason

STATUSES = ["checked", "planned", "succeeded", "unresolved", "failed", "gate", "interrupted", "running"]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
MASKED = "(•••) •••-••43"


def make_reason(code, rows, *, extern_id="ACME-1", phone=MASKED):
    reason = REASONS[code]
    examples = [{"source_row": 41_000 + row, "externId": extern_id, "phone": phone} for row in range(min(rows, 2))]
    return {
        "code": code.value,
        "outcome": reason.outcome.value,
        "rows": rows,
        "advice": reason.advice,
        "examples": examples,
    }


def make_facts(status="succeeded", reasons=(), *, read=120_000, **changed):
    """Return the facts of a run of `read` rows: those without one of `reasons` are loaded, or ready where none is."""
    counts = dict.fromkeys(Outcome, 0)
    for reason in reasons:
        counts[Outcome(reason["outcome"])] += reason["rows"]
    sends = status not in {"checked", "planned", "gate"}
    counts[Outcome.LOADED if sends else Outcome.NOT_SENT] += read - sum(counts.values())
    staged = read - counts[Outcome.REJECTED] - counts[Outcome.DUPLICATE]
    loaded = counts[Outcome.LOADED]
    facts = {
        "run_id": "hospitals-20261121T021622-827e",
        "job": "hospitals",
        "started_at": "2026-11-21T02:16:22.376001+00:00",
        "finished_at": "2026-11-21T02:19:25.207010+00:00",
        "status": status,
        "headline": f"{loaded:,} of {read:,} rows are in RingCX.",
        "counts": {"rows_read": read, **{outcome.value: rows for outcome, rows in counts.items()}},
        "balanced": True,
        "batches": -(-staged // 1000),
        "requests": 118 if sends else 0,
        "leads_staged": staged,
        "source": "/data/hospitals.csv",
        "load": {
            "campaign": "My Predictive Campaign",
            "description": "Hospitals",
            "dial_priority": "NORMAL",
            "duplicate_handling": "REMOVE_FROM_LIST",
            "time_zone_option": "EXPLICIT",
            "list_state": "ACTIVE",
            "dnc_tags": [],
            "batch_size": 1000,
        },
        "max_reject_rate": 0.25,
        "reject_rate": counts[Outcome.REJECTED] / read if read else 0.0,
        "reasons": list(reasons),
        "damage": [],
        "time_zone_conflicts": 0,
        "repairs": [{"note": "ZIP code got its leading zero back", "rows": 14}],
        "time_zones": [{"value": "America/Chicago", "leads": staged, "loaded": loaded}] if staged else [],
        "states": [{"value": f"S{n}", "leads": 900 - n, "loaded": 7} for n in range(55)],
        "campaign": {"id": 12345, "name": "My Predictive Campaign"} if sends else None,
        "warnings": [],
        "leadferry_version": "0.1.0",
        "folder": "/home/me/.leadferry/runs/hospitals-20261121T021622-827e",
    }
    if sends:
        facts["delivery"] = [{"state": "accepted", "code": None, "times": 118, "message": "1000 leads inserted"}]
    return facts | changed


EVERY_REASON = [make_reason(reason, 1000 + place) for place, reason in enumerate(Reason)]


def make_full_facts(status="succeeded", reasons=(), **changed):
    """Return the facts of a run with everything that a report can have; `make_facts` are those of older ones."""
    facts = make_facts(status, reasons, **changed)
    staged, loaded, read = facts["leads_staged"], facts["counts"]["LOADED"], facts["counts"]["rows_read"]
    full = {
        "callable": make_callable(staged, loaded) if staged else None,
        "history": make_history(),
        "comparison": make_comparison(read),
        "time_zone_conflicts": 4,
        "warnings": ["The campaign ends tomorrow."],
    }
    if facts["requests"]:
        full |= {
            "timeline": make_timeline(),
            "ringcx": make_ringcx(loaded),
            "lead_states": [{"value": "READY", "rows": loaded}],
            "arrived_differently": [
                {"field": "zip", "rows": 9, "examples": [{"source_row": 7, "sent": "02116", "arrived": "2116"}]},
                {"field": "lastName", "rows": 1, "examples": [{"source_row": 8, "sent": "Núñez", "arrived": None}]},
            ],
        }
    return facts | full | changed


def make_callable(leads, loaded):
    """Return when leads may be called: half of them in Chicago, half of them in New York."""
    zones = [
        {
            "zone": zone,
            "leads": leads // 2,
            "loaded": loaded // 2,
            "first": first,
            "last": last,
            "disputed": disputed,
            "disputed_first": "08:00" if disputed else None,
            "disputed_last": "20:00" if disputed else None,
        }
        for zone, first, last, disputed in (
            ("America/Chicago", "08:00", "21:00", 0),
            ("America/New_York", "07:00", "20:00", 4),
        )
    ]
    shares = {7: 1, 20: 1} | dict.fromkeys(range(8, 20), 2)
    by_hour = [
        {"hour": hour, "leads": leads * shares.get(hour, 0) // 2, "loaded": loaded * shares.get(hour, 0) // 2}
        for hour in range(24)
    ]
    return {
        "date": "2026-11-21",
        "first": "08:00",
        "last": "21:00",
        "clock": "America/Chicago",
        "zones": zones,
        "by_hour": by_hour,
        "unknown": {"leads": 0, "loaded": 0},
        "do_not_call": 0,
    }


def make_timeline():
    """Return forty stretches of five seconds, in two sittings, with faults."""
    buckets = [
        {
            "at": f"2026-11-21T02:{16 + place // 12:02d}:{5 * (place % 12):02d}+00:00",
            "sitting": place // 30,
            "requests": 8,
            "accepted": 8 - (place % 5 == 0) - (place % 7 == 0),
            "refused": 0,
            "turned_away": int(place % 5 == 0),
            "unknown": int(place % 7 == 0),
        }
        for place in range(40)
    ]
    faults = [
        {
            "state": "unknown",
            "code": "NO_ANSWER",
            "message": "The answer did not arrive whole.",
            "first": buckets[0]["at"],
            "last": buckets[35]["at"],
            "times": 6,
        }
    ]
    return {
        "bucket_seconds": 5,
        "ceiling": 30,
        "limits": [{"requests": 30, "seconds": 10}, {"requests": 120, "seconds": 60}],
        "buckets": buckets,
        "faults": faults,
    }


def make_history(runs=6):
    """Return earlier runs, a day apart."""
    return [
        {
            "run_id": f"hospitals-202611{14 + place:02d}T023000-00{place}a",
            "started_at": f"2026-11-{14 + place:02d}T02:30:00+00:00",
            "status": "succeeded",
            "rows_read": 118_000 + 500 * place,
            "loaded": 117_000,
            "rejected": 700,
            "duplicates": 300,
            "time_zone_conflicts": 10,
            "reject_rate": 0.006,
            "duplicate_rate": 0.0026,
            "conflict_rate": 0.0001,
        }
        for place in range(runs)
    ]


def make_comparison(read):
    """Return this run beside the usual one: suddenly fewer rows."""
    return [
        {
            "what": "rows read",
            "now": read,
            "usual": 250_000.0,
            "sudden": True,
            "sentence": f"{read:,} rows were read; the usual number is 250,000.",
        },
        {"what": "rejected", "now": 0.01, "usual": 0.006, "sudden": False, "sentence": "Rejected: 1% of the rows."},
    ]


def make_ringcx(loaded):
    """Return RingCX's books of a load without a difference."""
    return {
        "sent": loaded,
        "unanswered": 0,
        "supplied": loaded,
        "accepted": loaded,
        "inserted": None,
        "removed": {"duplicates": 2, "do_not_call": 3, "quota": 0, "whitelist": 0},
        "rejected_rows": 0,
        "found": loaded,
        "differences": [],
    }


def make_hostile_facts(status, text):
    """Return facts in which every text that a row, a server or a job file can choose is `text`."""
    sound = make_facts(status)
    reasons = [
        make_reason(Reason.PHONE_NOT_VALID, 2, extern_id=text, phone=text) | {"detail": text},
        make_reason(Reason.PHONE_REPEATED, 1, extern_id=text),
    ]
    timeline = make_timeline()
    zones = make_callable(100, 100)
    zones["zones"][0]["zone"] = zones["clock"] = text
    return make_facts(
        status,
        reasons,
        headline=text,
        job=text,
        source=text,
        folder=text,
        run_id=text,
        warnings=[text],
        damage=[
            {"column": text, "kind": text, "sentence": text, "damaged": True, "rows": 1, "values": 2, "first_row": 0}
        ],
        repairs=[{"note": text, "rows": 1}],
        time_zones=[{"value": text, "leads": 1, "loaded": 0}],
        states=[{"value": text, "leads": 1, "loaded": 0}],
        callable=zones,
        campaign={"id": 1, "name": text},
        load=sound["load"] | {"description": text, "duplicate_handling": text},
        delivery=[{"state": text, "code": text, "times": 1, "message": text}],
        timeline=timeline | {"faults": [timeline["faults"][0] | {"code": text, "message": text}]},
        trouble={"code": text, "message": text, "next_step": text},
        history=[run | {"run_id": text, "status": text} for run in make_history(2)],
        comparison=[make_comparison(1)[0] | {"what": text, "sentence": text}],
        ringcx=make_ringcx(1) | {"differences": [{"what": text, "expected": 2, "found": 1, "size": 1}]},
        lead_states=[{"value": text, "rows": 1}],
        arrived_differently=[
            {"field": text, "rows": 1, "examples": [{"source_row": 1, "sent": text, "arrived": text}]}
        ],
    )
