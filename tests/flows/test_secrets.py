"""Nothing secret is ever written: the real command runs through good days and bad, and every byte it left is read."""

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import orjson
import polars as pl
import pytest

from connectors.sandbox.settings import SandboxSettings
from tests.conftest import Ended, lead_rows
from tests.connectors.ringcx_doubles import LOADED, Heard, answer, read_request, scripted_servers

CLIENT_ID = "client-of-ours"
SECRETS = {
    "client secret": "S3ntinel/client+secret=with&odd?letters",
    "JWT": "eyJhbGciOiJSUzI1NiJ9.S3ntinelAssertion.S3ntinelSignature",
    "legacy token": "S3ntinel-legacy-token-0123456789",
    "platform token": "S3ntinel-platform-token-0123456789",
    "access token": "S3ntinel-access-token-0123456789",
    "refresh token": "S3ntinel-refresh-token-0123456789",
    "password": "S3ntinelPassword",
}
BASIC = base64.b64encode(f"{CLIENT_ID}:{SECRETS['client secret']}".encode()).decode()
FORMS = {
    form
    for secret in (*SECRETS.values(), BASIC)
    for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="))
}
HIDDEN = [form.encode() for form in FORMS] + [b"S3ntinel", BASIC[:16].encode()]

MAY_HOLD_NUMBERS = {".parquet", ".csv"}
ROWS = lead_rows(3)
NUMBERS = [
    form.encode()
    for row in ROWS
    for area, exchange, line in [(row["phone"][1:4], row["phone"][6:9], row["phone"][10:])]
    for form in (row["phone"], f"{area}{exchange}{line}", f"{area}-{exchange}-{line}", f"{area} {exchange} {line}")
]

SIGN_IN = {
    "/restapi/oauth/token": {"access_token": SECRETS["platform token"]},
    "/api/auth/login": {"accessToken": SECRETS["access token"], "refreshToken": SECRETS["refresh token"]},
    "/api/auth/token/refresh": {"accessToken": SECRETS["access token"], "refreshToken": SECRETS["refresh token"]},
}
CAMPAIGNS = [{"dialGroupId": 1, "campaigns": [{"campaignId": 12345, "campaignName": "My Predictive Campaign"}]}]
FAILED = {"processingResult": "Failed", "processingStatus": "GENERAL_FAILURE", "leadsInserted": 0}


@dataclass
class Parrot:
    """A RingCX that repeats all it hears, headers and body, to requests whose address holds `to`."""

    to: str = "nothing"
    status: str = "200 OK"
    wrap: Callable[[str], bytes] = lambda words: orjson.dumps({"message": words})
    heard: list[Heard] = field(default_factory=list)

    def talk(self, connection) -> None:
        with connection.makefile("rb") as stream:
            while (request := read_request(stream)) is not None:
                self.heard.append(request)
                connection.sendall(self._answer(request))

    def _answer(self, request: Heard) -> bytes:
        if self.to in request.target:
            authorization = request.headers.get("authorization", "") + request.headers.get("x-auth-token", "")
            body = request.body.decode()
            words = f"{authorization} {body[-140:]} {SECRETS['client secret']} {SECRETS['JWT']} {body}"
            return answer(self.status, self.wrap(words), Retry_After="0", Location=f"http://127.0.0.1:9/{words[:99]}")
        for path, body in SIGN_IN.items():
            if path in request.target:
                return answer("200 OK", orjson.dumps(body))
        if "withChildren" in request.target:
            return answer("200 OK", orjson.dumps(CAMPAIGNS))
        if "leadSearch" in request.target:
            return answer("200 OK", b"0" if "count" in request.target else b"[]")
        return answer("200 OK", LOADED)


@pytest.fixture
def begin() -> Iterator[Callable[[Parrot], str]]:
    """Start a parrot; return its address."""
    with scripted_servers() as start:
        yield lambda parrot: f"http://127.0.0.1:{start(parrot.talk)}"


@pytest.fixture
def ours(environment) -> dict[str, str]:
    """The environment with secrets that would be known anywhere."""
    changes = {"RC_CLIENT_ID": CLIENT_ID, "RC_CLIENT_SECRET": SECRETS["client secret"], "RC_JWT": SECRETS["JWT"]}
    environment.update(changes)
    return environment


@pytest.fixture
def job(make_job) -> Path:
    return make_job(ROWS, delivery={"timeout_seconds": 0.7, "settle_seconds": 0.2, "give_up_seconds": 0.5})


def check_nothing_shows(ended: Ended, folder: Path) -> None:
    """Read every byte that is left."""
    for name, content in {"stdout": ended.out.encode(), "stderr": ended.err.encode()}.items():
        assert not [form for form in HIDDEN + NUMBERS if form in content], (name, content)
    files = [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".toml" and file.parent != folder]
    assert files
    for file in files:
        content = file.read_bytes()
        if file.suffix == ".parquet":
            content += str(pl.read_parquet(file).to_dicts()).encode()
        assert not [form for form in HIDDEN if form in content], file
        if file.suffix not in MAY_HOLD_NUMBERS:
            assert not [form for form in NUMBERS if form in content], file


@pytest.fixture
def load(ours, leadferry, job, tmp_path) -> Callable[..., Ended]:
    """Run the command, `load --debug --json` if no other is given, and look for secrets in all it left."""

    def run(*arguments: str | Path, **changes: str | None) -> Ended:
        ended = leadferry(*(arguments or ("load", job, "--debug", "--json")), **ours | changes)
        check_nothing_shows(ended, tmp_path)
        return ended

    return run


@pytest.mark.parametrize(
    ("faults", "codes"),
    [
        ([], {0}),
        ([{"call": "direct", "nth": 1, "fault": "expire_token"}], {0}),
        ([{"call": "direct", "nth": 1, "fault": "status_after_commit", "status": 500}], {0}),
        ([{"call": "direct", "nth": 1, "fault": "slow", "seconds": 1.0, "when": "after"}], {0}),
        ([{"call": "direct", "fault": "truncated_answer"}], {0, 1}),
        ([{"call": "search", "fault": "not_json_answer"}], {1}),
        ([{"call": "any", "from": 2, "fault": "status_before_commit", "status": 500}], {1, 2}),
    ],
    ids=lambda given: str(given)[:60],
)
def test_what_befalls_a_load_leaves_nothing_secret(load, ringcx, monkeypatch, faults, codes):
    numbers = iter(range(10_000))
    monkeypatch.setattr(
        "connectors.sandbox.tokens.secrets.token_urlsafe", lambda _: f"S3ntinel-token-of-the-sandbox-{next(numbers)}"
    )
    ringcx.reset(
        SandboxSettings(
            throttles=False, client_id=CLIENT_ID, client_secret=SECRETS["client secret"], jwt=SECRETS["JWT"]
        )
    )
    ringcx.set_faults(faults)

    ended = load()

    assert ended.code in codes, ended.err


def packed(words: str) -> bytes:
    return orjson.dumps({"error_description": words.replace(" ", "")})


def failed_saying(name: str) -> Callable[[str], bytes]:
    return lambda words: orjson.dumps(FAILED | {name: words})


# With an exit code each; None where it is the job's to say what refusals are.
PARROTS = {
    "a refused sign-in": (Parrot("oauth/token", "400 Bad Request"), 2),
    "a refused client": (Parrot("oauth/token", "401 Unauthorized", packed), 2),
    "a sign-in that fails": (Parrot("oauth/token", "500 Internal Server Error"), 2),
    "a sign-in answered with a page": (Parrot("oauth/token", "200 OK", str.encode), 2),
    "a sign-in redirected": (Parrot("oauth/token", "302 Found"), 2),
    "a refused exchange": (Parrot("auth/login", "403 Forbidden", str.encode), 2),
    "refused campaigns": (Parrot("withChildren", "403 Forbidden"), 2),
    "campaigns that are none": (Parrot("withChildren", "200 OK"), 2),
    "a refused load": (Parrot("direct", "400 Bad Request"), None),
    "a forbidden load": (Parrot("direct", "403 Forbidden", str.encode), 1),
    "a load without rights": (Parrot("direct", "401 Unauthorized"), 1),
    "a load that fails": (Parrot("direct", "500 Internal Server Error"), 1),
    "a load answered with a page": (Parrot("direct", "200 OK", str.encode), 1),
    "a load redirected": (Parrot("direct", "307 Temporary Redirect"), 1),
    "a load that is not processed": (Parrot("direct", "200 OK", failed_saying("message")), None),
    "a load with a strange status": (Parrot("direct", "200 OK", failed_saying("processingStatus")), None),
    "a search that is refused": (Parrot("leadSearch", "400 Bad Request"), 1),
}  # fmt: skip


@pytest.mark.parametrize("case", PARROTS)
def test_a_server_that_repeats_all_it_hears_makes_us_write_nothing_secret(load, begin, case):
    parrot, code = PARROTS[case]
    url = begin(parrot)

    ended = load(RINGCX_BASE_URL=url, RINGCENTRAL_BASE_URL=url)

    assert code is None or ended.code == code, ended.err
    assert [request for request in parrot.heard if parrot.to in request.target]


def test_without_debug_and_json_no_more_is_told_and_looking_at_the_run_tells_no_more(load, begin, job):
    url = begin(Parrot("direct", "403 Forbidden"))
    addresses = {"RINGCX_BASE_URL": url, "RINGCENTRAL_BASE_URL": url}

    for command, code in {
        ("load", job, "--run-id", "r"): 1,
        ("resume", "r"): 1,
        ("runs", "r"): 0,
        ("runs",): 0,
    }.items():
        assert load(*command, **addresses).code == code


def test_a_permanent_token_is_not_told(load, begin):
    url = begin(Parrot("direct", "403 Forbidden", str.encode))

    ended = load(RINGCX_BASE_URL=url, RINGCX_LEGACY_TOKEN=SECRETS["legacy token"])

    assert ended.code == 1, ended.err


@pytest.mark.parametrize(
    "proxy", ["http://someone:{}@127.0.0.1:{}", "http://someone:{}@[::1", "socks5://someone:{}@h:{}"]
)
def test_the_password_of_a_proxy_is_not_told(load, begin, proxy):
    port = begin(Parrot("", "407 Proxy Authentication Required")).rpartition(":")[2]
    address = proxy.format(SECRETS["password"], port)

    ended = load(HTTPS_PROXY=address, RINGCX_BASE_URL=None, RINGCENTRAL_BASE_URL=None)

    assert ended.code == 2, ended.err
    assert "proxy" in ended.err.lower()


@pytest.mark.parametrize("name", ["RINGCX_BASE_URL", "RINGCENTRAL_BASE_URL"])
def test_a_password_in_an_address_is_not_told(load, name):
    ended = load(**{name: f"https://me:{SECRETS['password']}@ringcx.ringcentral.com"})

    assert ended.code == 2, ended.err


def test_the_traceback_of_an_unexpected_error_shows_no_value(ours, begin, tmp_path, job):
    url = begin(Parrot())
    broken = (
        "import sys, connectors.ringcx.client as client\n"
        "def fail(content, **_): raise RuntimeError('broken on purpose')\n"
        "client.read_load_answer = fail\n"
        f"sys.argv = ['leadferry', 'load', {str(job)!r}, '--debug', '--json']\n"
        "from flows.cli import main\n"
        "main()\n"
    )

    process = subprocess.run(
        [sys.executable, "-c", broken], env=ours | {"RINGCX_BASE_URL": url, "RINGCENTRAL_BASE_URL": url}, cwd=tmp_path,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert "Traceback" in process.stderr
    assert "broken on purpose" in process.stderr
    check_nothing_shows(Ended(process.returncode, process.stdout, process.stderr), tmp_path)
