"""Signing in, staying signed in, and being turned away."""

import httpx
import pytest


def test_a_token_opens_the_admin_paths(stranger):
    user = stranger.sign_in()
    assert user["tokenType"] == "Bearer"
    assert user["agentDetails"][0]["accountId"] == "99990001"
    assert user["mainAccountId"] == "99990000"
    assert [account["accountId"] for account in stranger.http.get("/voice/api/v1/admin/accounts").json()] == [
        "99990001"
    ]


def test_a_wrong_secret_is_an_invalid_client(stranger):
    answer = stranger.get_platform_token(secret="guess")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_wrong_assertion_is_an_invalid_grant(stranger):
    answer = stranger.get_platform_token(assertion="guess")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_another_grant_type_is_not_supported(stranger):
    answer = stranger.get_platform_token(grant="password")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_an_unknown_platform_token_cannot_be_exchanged(stranger):
    assert stranger.exchange("guess").status_code == 401


def test_the_exchange_also_reads_query_parameters(stranger):
    token = stranger.get_platform_token().json()["access_token"]
    query = {"rcAccessToken": token, "rcTokenType": "Bearer"}
    answer = stranger.http.post("/api/auth/login/rc/accesstoken", params=query)
    assert answer.status_code == 200
    assert "refreshToken" not in answer.json()


def test_no_token_is_401(stranger):
    answer = stranger.get("/dialGroups")
    assert (answer.status_code, answer.text) == (401, "Jwt is missing")


def test_a_made_up_token_is_401(stranger):
    stranger.http.headers["Authorization"] = "Bearer guess"
    answer = stranger.get("/dialGroups")
    assert (answer.status_code, answer.text) == (401, "Jwt verification fails")


def test_a_token_lives_five_minutes(sandbox, caller):
    sandbox.state.clock.advance(299)
    assert caller.get("/dialGroups").status_code == 200
    sandbox.state.clock.advance(1)
    answer = caller.get("/dialGroups")
    assert (answer.status_code, answer.text) == (401, "Jwt is expired")


def test_a_refresh_token_works_once(sandbox, stranger):
    old = stranger.sign_in()
    sandbox.state.clock.advance(301)
    answer = stranger.http.post("/api/auth/token/refresh", data={"refresh_token": old["refreshToken"]})
    stranger.http.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
    assert stranger.get("/dialGroups").status_code == 200
    spent = stranger.http.post("/api/auth/token/refresh", params={"refresh_token": old["refreshToken"]})
    assert spent.status_code == 401


def test_another_account_is_404(caller):
    assert caller.http.get("/voice/api/v1/admin/accounts/99990000/dialGroups").status_code == 404


def test_an_unknown_path_is_404_and_written_down(sandbox, caller):
    assert caller.get("/nowhere").status_code == 404
    assert sandbox.state.answers_of("unknown", 404) == 1


def test_legacy_hosts_take_the_permanent_token_and_no_other(sandbox):
    path = "/api/v1/admin/accounts/99990001/dialGroups"
    right = httpx.get(sandbox.url + path, headers={"X-Auth-Token": "sandbox-legacy-token"})
    wrong = httpx.get(sandbox.url + path, headers={"X-Auth-Token": "guess"})
    assert (right.status_code, wrong.status_code) == (200, 401)


def test_a_ringcx_token_does_not_open_a_legacy_host(caller):
    assert caller.http.get("/api/v1/admin/accounts").status_code == 401


@pytest.mark.parametrize("secret", ["sandbox-secret", "sandbox-jwt", "sandbox-legacy-token"])
def test_what_is_written_down_holds_no_secret(stranger, secret):
    user = stranger.sign_in()
    stranger.http.post("/api/auth/token/refresh", params={"refresh_token": user["refreshToken"]})
    seen = stranger.http.get("/sandbox/requests").text
    assert "accesstoken" in seen
    assert secret not in seen
    assert user["refreshToken"] not in seen
    assert user["accessToken"] not in seen
