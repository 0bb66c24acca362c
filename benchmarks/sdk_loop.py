"""The peer: a loop over the vendor's Python SDK, which makes a new connection for each call and waits for its answer.

`ringcentral_engage_voice` is not installed for this (it was last changed in 2021 and brings a stack of its own): its
`post` is a fresh `requests.Session` with `raise_for_status`, and that is what stands here.
"""

import json
import sys
import time
from pathlib import Path

import polars as pl
import requests

from connectors.sandbox.settings import SandboxSettings
from connectors.staging import read_batch
from flows.request_body import wire_rows
from transforms.batching import Batch

BATCH = 1000


def leads_per_second(staged: Path, url: str) -> float:
    """Return how many of the staged leads the loop sends in a second."""
    settings = SandboxSettings()
    address = f"{url}/api/v1/admin/accounts/{settings.account_id}/campaigns/12345/leadLoader/direct"
    headers = {"Content-Type": "application/json", "X-Auth-Token": settings.legacy_token}
    sent = 0
    begun = time.perf_counter()
    total = pl.scan_parquet(staged).select(pl.len()).collect().item()
    for number, first in enumerate(range(0, total, BATCH), start=1):
        leads = wire_rows(read_batch(staged, Batch(number, "", first, min(BATCH, total - first))))
        body = {
            "description": "Bench",
            "dialPriority": "NORMAL",
            "duplicateHandling": "REMOVE_FROM_LIST",
            "timeZoneOption": "EXPLICIT",
            "uploadLeads": [{key: value for key, value in lead.items() if value is not None} for lead in leads],
        }
        request = requests.Request("POST", address, headers=headers, data=json.dumps(body)).prepare()
        with requests.Session() as session:
            session.send(request).raise_for_status()
        sent += len(leads)
    return sent / (time.perf_counter() - begun)


if __name__ == "__main__":
    print(leads_per_second(Path(sys.argv[1]), sys.argv[2]))
