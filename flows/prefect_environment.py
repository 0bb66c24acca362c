"""What Prefect must find in the environment when it is first imported; so this is imported before it.

A throw-away server needs longer than its default to start on a small machine, and nobody asked for telemetry.
Whatever the environment already says wins.
"""

import os

os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
