"""The account: which addresses and credentials are taken, and that no secret shows."""

import pytest
from ringcx_doubles import account_of

from connectors.ringcx.settings import Account
from transforms.vocabulary.errors import ConfigurationError

SAFE = "https://ringcx.example.com"


@pytest.mark.parametrize(
    "url",
    [SAFE, "HTTPS://ringcx.example.com/", "http://127.0.0.1:8000", "http://localhost", "http://[::1]:80"],
)
def test_https_anywhere_and_http_on_this_machine_are_taken(url):
    account_of(url).check()


@pytest.mark.parametrize(
    "url",
    [
        "http://ringcx.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://localhost.example.com:80",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "127.0.0.1:8000",
        "https://",
        "",
        "https://[::1",
        "https://ringcx.example.com:port",
        "https://ringcx.example.com:99999",
    ],
)
@pytest.mark.parametrize("name", ["ringcx_url", "ringcentral_url"])
def test_an_address_that_would_send_secrets_in_clear_or_is_none_is_refused(name, url):
    with pytest.raises(ConfigurationError, match="RING"):
        account_of(SAFE, **{name: url}).check()


@pytest.mark.parametrize(
    ("missing", "named"), [("client_id", "RC_CLIENT_ID"), ("client_secret", "RC_CLIENT_SECRET"), ("jwt", "RC_JWT")]
)
def test_each_missing_credential_is_named(missing, named):
    with pytest.raises(ConfigurationError, match=f"lacks {named}\\."):
        account_of(SAFE, **{missing: ""}).check()


def test_a_legacy_token_needs_no_other_credential():
    Account("1", legacy_token="permanent", ringcx_url="https://portal.vacd.biz/api").check()


def test_the_path_follows_the_kind_of_host():
    assert account_of(SAFE + "/").admin_url == SAFE + "/voice/api/v1/admin"
    legacy = Account("1", legacy_token="permanent", ringcx_url="https://portal.vacd.biz/api")
    assert legacy.admin_url == "https://portal.vacd.biz/api/v1/admin"


def test_no_secret_shows_in_the_account():
    shown = repr(Account("1", client_id="id-1", client_secret="secret-1", jwt="jwt-1", legacy_token="token-1"))

    assert not [secret for secret in ("id-1", "secret-1", "jwt-1", "token-1") if secret in shown]
