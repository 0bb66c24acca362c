"""The account: which addresses and credentials are taken, and that no secret shows."""

import pytest
from ringcx_doubles import account_of

from connectors.ringcx.settings import Account
from flows import settings
from transforms.vocabulary.errors import ConfigurationError

SAFE = "https://ringcx.ringcentral.com"


def check(url: str, *allowed: str, name: str = "ringcx_url") -> None:
    account_of(SAFE, **{name: url}, allowed_hosts=allowed).check()


@pytest.mark.parametrize(
    "url",
    [
        SAFE,
        "HTTPS://RingCX.RingCentral.com/",
        "https://platform.ringcentral.com",
        "https://platform.devtest.ringcentral.com:443",
        "https://portal.vacd.biz/api",
        "https://portal.virtualacd.biz/api/",
        "http://127.0.0.1:8000",
        "https://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:80",
    ],
)
def test_https_to_ringcx_and_anything_on_this_machine_is_taken(url):
    check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://ringcx.ringcentral.com",
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
        "https://ringcx.ringcentral.com:port",
        "https://ringcx.ringcentral.com:99999",
    ],
)
@pytest.mark.parametrize("name", ["ringcx_url", "ringcentral_url"])
def test_an_address_that_would_send_secrets_in_clear_or_is_none_is_refused(name, url):
    with pytest.raises(ConfigurationError, match="RING"):
        check(url, name=name)


STRANGERS = [
    "ringcx.ringcentral.com.evil.example",
    "ringcentral.com.evil",
    "evilringcentral.com",
    "ringcentral.com",
    "ringcx-ringcentral.com",
    "portal.vacd.biz.evil.example",
    "sub.portal.vacd.biz",
    "xn--rngcx-q2a.example",
    "2130706433",
    "10.0.0.1",
]


@pytest.mark.parametrize("name", ["ringcx_url", "ringcentral_url"])
@pytest.mark.parametrize("host", STRANGERS)
def test_a_host_that_is_none_of_ringcx_s_has_to_be_asked_for(name, host):
    with pytest.raises(ConfigurationError, match=f"LEADFERRY_ALLOW_HOSTS={host} ") as error:
        check(f"https://{host.upper()}/api", "other.example", f"x.{host}", name=name)

    assert error.value.code == "ADDRESS_NOT_KNOWN"
    check(f"https://{host}/api", "other.example", host.upper(), name=name)


@pytest.mark.parametrize(
    "url",
    [
        "https://ringcx.ringcentral.com@evil.example",
        "https://user:sesame@ringcx.ringcentral.com",
        "https://evil.example\\@ringcx.ringcentral.com",
        "https://evil.example\\.ringcentral.com",
        "https://evil.example#.ringcentral.com",
        "https://evil.example?.ringcentral.com",
        "https://evil.example/?a=sesame",
        "https://ringcx.ringcentral.com?to=sesame",
        "https://ringcx.ringcentral.com/#sesame",
        "https://ringcx\u3002ringcentral\uff0ecom",
        "https://ringcx.ringcentr\u0430l.com",
        "https://ringcx.ringcentral.com\u2024evil.example",
        "https://\uff52ingcx.ringcentral.com",
        "https://ringcx.ringcentral.com.",
        "https://.ringcentral.com",
        "https://a..ringcentral.com",
        f"https://{'a' * 64}.ringcentral.com",
        "https://ringcx.ringcentral.com/a b",
        "https://ringcx.ringcentral.com/%2e%2e",
        "https://ringcx.ringcentral.com\n",
        " https://ringcx.ringcentral.com",
        "https://ringcx.ring\tcentral.com",
        "https:/\\ringcx.ringcentral.com",
    ],
)
def test_an_address_that_could_be_read_in_two_ways_or_holds_more_than_an_address_is_refused(url):
    with pytest.raises(ConfigurationError) as error:
        check(url, "evil.example")

    assert error.value.code == "ADDRESS_NOT_VALID"
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize(
    "host", ["*", "*.example.com", "https://example.com", "example.com:443", "example.com.", "a b"]
)
def test_an_allowed_host_is_an_exact_name(host):
    with pytest.raises(ConfigurationError, match="LEADFERRY_ALLOW_HOSTS"):
        check("https://ringcx.example.com", host)


def test_the_environment_names_the_allowed_hosts_with_commas():
    taken = settings.account({"LEADFERRY_ALLOW_HOSTS": " One.example,, two.example ,"})

    assert taken.allowed_hosts == ("One.example", "two.example")
    assert settings.account({}).allowed_hosts == ()


@pytest.mark.parametrize("name", ["client_id", "client_secret", "jwt", "legacy_token"])
@pytest.mark.parametrize("damage", ["sesame\n", " sesame", "ses ame", "ses\u00e4me", "ses\0ame"])
def test_a_credential_that_was_damaged_on_its_way_is_named_and_not_told(name, damage):
    with pytest.raises(ConfigurationError, match=r"(RC|RINGCX)_\w+ has a blank") as error:
        account_of(SAFE, **{name: damage}).check()

    assert "ses" not in str(error.value)


@pytest.mark.parametrize("account_id", ["1/../2", "1?x", "1#", "1 2", "\uff11"])
def test_an_account_id_that_would_change_the_path_is_refused(account_id):
    with pytest.raises(ConfigurationError, match="RINGCX_ACCOUNT_ID"):
        account_of(SAFE, account_id=account_id).check()


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
