"""One sandbox for all tests here, made fresh before each, and a caller that knows the API's paths."""

import ssl
from collections.abc import Iterator

import httpx
import pytest

from connectors.sandbox.server import SandboxServer
from connectors.sandbox.settings import SandboxSettings

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CAMPAIGN = 12345


class Caller:
    """A client that sends what a test says, as plainly as possible, and answers with the raw response."""

    def __init__(self, http: httpx.Client, sandbox: SandboxServer):
        self.http = http
        self.sandbox = sandbox
        self.account = "/voice/api/v1/admin/accounts/99990001"

    def get_platform_token(self, *, secret="sandbox-secret", assertion="sandbox-jwt", grant=JWT_GRANT):  # noqa: S107 - made up
        form = {"grant_type": grant, "assertion": assertion}
        return self.http.post("/restapi/oauth/token", auth=("sandbox-client", secret), data=form)

    def exchange(self, platform_token, *, refresh="true"):
        form = {"rcAccessToken": platform_token, "rcTokenType": "Bearer"}
        query = {"includeRefresh": refresh}
        return self.http.post("/api/auth/login/rc/accesstoken", params=query, data=form)

    def sign_in(self):
        answer = self.exchange(self.get_platform_token().json()["access_token"])
        self.http.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
        return answer.json()

    def load(self, leads, campaign=CAMPAIGN, **options):
        body = {
            "description": "a list",
            "dialPriority": "NORMAL",
            "duplicateHandling": "RETAIN_ALL",
            "timeZoneOption": "NOT_APPLICABLE",
            "uploadLeads": leads,
        }
        body = {name: value for name, value in (body | options).items() if value is not ...}
        return self.http.post(f"{self.account}/campaigns/{campaign}/leadLoader/direct", json=body)

    def search(self, criteria, **query):
        return self.http.post(f"{self.account}/campaignLeads/leadSearch", json=criteria, params=query)

    def found(self, criteria, **query):
        return [row["externId"] for row in self.search(criteria, **query).json()]

    def count(self, criteria):
        return self.search(criteria, count="true").json()

    def act(self, action, criteria, **parameters):
        body = {"campaignLeadSearchCriteria": criteria}
        if parameters:
            body["leadActionParams"] = {"paramMap": parameters}
        query = {"leadAction": action}
        return self.http.put(f"{self.account}/campaignLeads/actions", json=body, params=query)

    def get(self, path):
        return self.http.get(self.account + path)


@pytest.fixture(scope="session")
def running() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def sandbox(running):
    running.reset(SandboxSettings())
    return running


@pytest.fixture(scope="session")
def tls():
    """One TLS context for all clients: making one takes longer than most of these tests."""
    return ssl.create_default_context()


@pytest.fixture
def stranger(sandbox, tls) -> Iterator[Caller]:
    """A caller that has not signed in."""
    with httpx.Client(base_url=sandbox.url, verify=tls, trust_env=False, timeout=5) as http:
        yield Caller(http, sandbox)


@pytest.fixture
def caller(stranger):
    stranger.sign_in()
    return stranger


@pytest.fixture
def use(sandbox, caller):
    """Begin anew under other settings, or with faults, signed in again."""

    def begin(*faults, **settings):
        sandbox.reset(SandboxSettings(**settings))
        caller.sign_in()
        sandbox.set_faults(faults)

    return begin


@pytest.fixture
def lead():
    """Make one valid lead whose phone follows from its number."""

    def make(number, **fields):
        return {"externId": f"e{number}", "leadPhone": f"{4155550000 + number}"} | fields

    return make
