"""`make demo`: starts the sandbox, runs the sample job against it through the real command, shows what came of it."""

import os
import subprocess
import sys
from pathlib import Path

from connectors.sandbox.server import SandboxServer
from connectors.sandbox.settings import SandboxSettings
from flows.prefect_processes import clean_environment

SAMPLE_JOB = Path(__file__).parents[1] / "data-samples" / "leads.toml"
_ON_THE_DO_NOT_CALL_LIST = ("2065550103", "7135550104")


def sandbox_environment(url: str, settings: SandboxSettings) -> dict[str, str]:
    """Return the environment that points Leadferry at a sandbox; its credentials are made up and public."""
    return {
        "RINGCX_BASE_URL": url,
        "RINGCENTRAL_BASE_URL": url,
        "RC_CLIENT_ID": settings.client_id,
        "RC_CLIENT_SECRET": settings.client_secret,
        "RC_JWT": settings.jwt,
        "RINGCX_ACCOUNT_ID": settings.account_id,
    }


def main() -> int:
    """Run the demo and return the load's exit code."""
    settings = SandboxSettings(do_not_call=_ON_THE_DO_NOT_CALL_LIST)
    with SandboxServer(settings) as sandbox:
        print(f"sandbox RingCX on {sandbox.url}\n$ leadferry load data-samples/leads.toml", flush=True)
        command = [sys.executable, "-m", "flows", "load", str(SAMPLE_JOB)]
        environment = clean_environment(os.environ) | sandbox_environment(sandbox.url, settings)
        if "LEADFERRY_HOME" in os.environ:
            environment["LEADFERRY_HOME"] = os.environ["LEADFERRY_HOME"]
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own command


if __name__ == "__main__":
    sys.exit(main())
