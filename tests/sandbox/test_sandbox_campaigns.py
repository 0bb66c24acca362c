"""Dial groups, campaigns, their lists, and the do-not-call list."""

import pytest

GROUP = "/dialGroups/115801"
CAMPAIGN = {
    "campaignName": "Spring",
    "startDate": "2026-01-01T07:00:00.000+0000",
    "endDate": "2027-01-01T07:00:00.000+0000",
    "callerId": "4155550123",
}


def post(caller, path, body, **query):
    return caller.http.post(caller.account + path, json=body, params=query)


def test_the_seed_has_a_twin_and_an_ended_campaign(caller):
    groups = caller.get("/dialGroups/withChildren").json()
    campaigns = [(each["campaignName"], each["groupId"]) for group in groups for each in group["campaigns"]]
    assert campaigns == [
        ("My Predictive Campaign", 115801),
        ("My New Predictive Campaign", 115801),
        ("Archived Campaign", 115801),
        ("Twin Campaign", 115801),
        ("Twin Campaign", 115802),
    ]
    assert groups[0]["campaigns"][0]["campaignId"] == 12345
    assert groups[0]["campaigns"][0]["startDate"] == "2020-05-26T07:00:00.000+0000"
    assert groups[0]["campaigns"][2]["endDate"] < "2022"


def test_dial_groups_come_without_campaigns_and_in_pages(caller):
    groups = caller.get("/dialGroups").json()
    assert [group["dialGroupName"] for group in groups] == ["My Dial Group - Predictive", "My Dial Group - Preview"]
    assert "campaigns" not in groups[0]
    assert caller.get("/dialGroups?page=1&maxRows=1").json() == groups[1:]
    assert caller.get("/dialGroups?maxRows=0").status_code == 400


def test_a_created_campaign_can_be_loaded_updated_and_deleted(caller, lead):
    made = post(caller, f"{GROUP}/campaigns", CAMPAIGN)
    assert made.status_code == 201
    campaign_id = made.json()["campaignId"]
    path = f"{GROUP}/campaigns/{campaign_id}"
    assert caller.load([lead(1)], campaign=campaign_id).status_code == 200
    updated = caller.http.put(caller.account + path, json=CAMPAIGN | {"campaignName": "Summer"})
    assert updated.json()["campaignName"] == "Summer"
    assert caller.get(path).json()["campaignName"] == "Summer"
    assert caller.http.delete(caller.account + path).json() is True
    assert caller.get(path).status_code == 404
    assert caller.found({"orphanedLeadsOnly": True}) == ["e1"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"campaignName": None}, "campaignName"),
        ({"startDate": "2026-01-01"}, "startDate"),
        ({"endDate": "2027-01-01T07:00:00.000+00:00"}, "endDate"),
        ({"callerId": 4155550123}, "callerId"),
        ({"isActive": True}, "isActive"),
        ({"isActive": 3}, "isActive"),
        ({"campaignPriority": 6}, "campaignPriority"),
        ({"dialLoadedOrder": 5}, "dialLoadedOrder"),
        ({"maxRingTime": 61}, "maxRingTime"),
        ({"maxRingTimeTransfer": 121}, "maxRingTimeTransfer"),
        ({"monSched": "8-21"}, "monSched"),
        ({"name": "x"}, "name"),
    ],
)
def test_a_wrong_campaign_is_400_and_named(caller, change, field):
    answer = post(caller, f"{GROUP}/campaigns", CAMPAIGN | change)
    assert answer.status_code == 400
    assert field in answer.json()["details"]


@pytest.mark.parametrize("field", CAMPAIGN)
def test_a_campaign_needs_four_fields(caller, field):
    body = {name: value for name, value in CAMPAIGN.items() if name != field}
    answer = post(caller, f"{GROUP}/campaigns", body)
    assert answer.status_code == 400
    assert field in answer.json()["details"]


def test_a_clone_has_a_new_name_and_no_leads(caller, lead):
    caller.load([lead(1)])
    path = caller.account + f"{GROUP}/campaigns/12345/clone"
    clone = caller.http.post(path, params={"newCampaignName": "Copy", "newCountryCode": "CAN"})
    assert (clone.status_code, clone.json()["campaignName"], clone.json()["countryId"]) == (201, "Copy", "CAN")
    assert caller.count({"campaignId": clone.json()["campaignId"]}) == 0
    assert caller.get(f"{GROUP}/campaigns/12345").json()["campaignName"] == "My Predictive Campaign"
    assert caller.http.post(path).status_code == 400


def test_the_dialer_cache_can_be_cleared(caller):
    answer = caller.http.post(caller.account + f"{GROUP}/campaigns/12345/clearCache")
    assert (answer.status_code, answer.text) == (201, "true")


def test_a_dial_group_can_be_created(caller):
    made = post(caller, "/dialGroups", {"dialGroupName": "Third", "dialMode": "POWER"})
    assert made.status_code == 201
    assert caller.get(f"/dialGroups/{made.json()['dialGroupId']}/campaigns").json() == []
    assert post(caller, "/dialGroups", {"dialMode": "POWER"}).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/dialGroups/1/campaigns", "/dialGroups/115802/campaigns/12345", "/campaigns/1/lists", GROUP + "/campaigns/x"],
)
def test_a_path_to_nowhere_is_404(caller, path):
    assert caller.get(path).status_code == 404


def test_a_number_on_the_do_not_call_list_is_scrubbed_until_it_is_removed(caller, lead):
    entry = post(caller, "/dncLists", {"phone": "4155550001", "dncTagId": 3})
    assert (entry.status_code, entry.json()["country"]) == (201, "USA")
    assert caller.get("/dncLists").json() == [entry.json()]
    assert post(caller, "/dncLists/advancedSearch", {"phone": "4155550001"}).json() == [entry.json()]
    assert post(caller, "/dncLists/advancedSearch", {"dncTagId": 4}).json() == []
    assert caller.load([lead(1)]).json()["internalDncCount"] == 1
    path = caller.account + "/dncLists/tags/3/phones/4155550001/countries/USA"
    assert caller.http.delete(path).json() is True
    assert caller.http.delete(path).status_code == 404
    assert caller.load([lead(1)]).json()["leadsInserted"] == 1


def test_a_do_not_call_number_must_be_a_number(caller):
    assert post(caller, "/dncLists", {"phone": "12"}).status_code == 400
    assert post(caller, "/dncLists", {"phone": 4155550001}).status_code == 400
