"""Seeded schedules of misfortune: the real command against a sandbox that fails, judged by what the sandbox holds.

`python -m tests.chaos --seed 123` plays one schedule again; `make chaos` plays a thousand.
"""
