"""Finding the one campaign a job means, or saying what there is."""

import datetime as dt

import orjson
import pytest
from ringcx_doubles import answer

from connectors.ringcx.answers import Campaign
from connectors.ringcx.campaigns import choose_campaign, outside_its_dates
from transforms.vocabulary.errors import ConfigurationError, ServiceError

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
HERE = [
    Campaign(1, "Spring", "East"),
    Campaign(2, "Spring", "West"),
    Campaign(3, "Summer", "East"),
]


def choose(campaigns=HERE, *, name=None, campaign_id=None, dial_group=None):
    return choose_campaign(campaigns, name=name, campaign_id=campaign_id, dial_group=dial_group)


def test_the_sandbox_campaigns_are_read_with_their_dial_groups_and_dates(client):
    campaigns = client.campaigns()

    assert [(each.name, each.dial_group) for each in campaigns if each.name == "Twin Campaign"] == [
        ("Twin Campaign", "My Dial Group - Predictive"),
        ("Twin Campaign", "My Dial Group - Preview"),
    ]
    assert choose(campaigns, name="My Predictive Campaign").campaign_id == 12345
    assert outside_its_dates(choose(campaigns, name="My Predictive Campaign"), NOW) is None
    assert "ended on 2021-05-26" in outside_its_dates(choose(campaigns, name="Archived Campaign"), NOW)


def test_a_campaign_is_chosen_by_name_by_id_or_within_its_dial_group():
    assert choose(name="Summer").campaign_id == 3
    assert choose(campaign_id=2).campaign_id == 2
    assert choose(name="Spring", dial_group="West").campaign_id == 2


def test_a_name_that_two_campaigns_have_is_refused_with_both():
    with pytest.raises(
        ConfigurationError, match=r"2 campaigns are named 'Spring': 'Spring' \(1, East\), 'Spring' \(2, W"
    ):
        choose(name="Spring")


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigurationError, match=r"Did you mean 'Summer'\?.*'Spring' \(2, West\)"):
        choose(name="summer")


@pytest.mark.parametrize("wanted", [{"campaign_id": 9}, {"campaign_id": 2, "dial_group": "East"}, {"name": "zzz"}])
def test_a_campaign_that_is_not_there_is_refused_with_what_there_is(wanted):
    with pytest.raises(ConfigurationError, match="The account has 'Spring'") as error:
        choose(**wanted)
    assert error.value.code == "CAMPAIGN_UNKNOWN"
    assert "Did you mean" not in str(error.value)


def test_an_account_without_campaigns_says_none():
    with pytest.raises(ConfigurationError, match="The account has none"):
        choose([], name="Spring")


@pytest.mark.parametrize(
    ("start", "end", "warning"),
    [
        ("2024-06-01T13:00:00.000+0100", None, None),
        ("2024-06-01T12:00:01.000+0000", None, "starts on 2024-06-01"),
        (None, "2024-06-01T11:59:59.000+0000", "ended on 2024-06-01"),
        (None, "2024-06-01T12:00:00.000+0000", None),
        ("tomorrow", "yesterday", None),
        (None, None, None),
    ],
)
def test_a_warning_is_given_only_outside_the_dates(start, end, warning):
    told = outside_its_dates(Campaign(1, "Spring", "East", start, end), NOW)

    assert (told is None) if warning is None else (warning in told)


def test_a_dial_group_without_its_campaigns_is_asked_for_them(legacy, raw):
    raw.answers += [
        answer("200 OK", orjson.dumps([{"dialGroupId": 5, "dialGroupName": "East"}])),
        answer("200 OK", orjson.dumps([{"campaignId": 7, "campaignName": "Spring"}])),
    ]

    assert legacy.campaigns() == [Campaign(7, "Spring", "East")]
    assert raw.heard[1].target.endswith("/dialGroups/5/campaigns")


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"null", b"[1]", b"[{}]", b'[{"dialGroupId": "x"}]'])
def test_an_answer_that_is_no_list_of_dial_groups_is_an_error_that_names_the_address(legacy, raw, body):
    raw.answers += [answer("200 OK", body)]

    with pytest.raises(ServiceError, match="RINGCX_BASE_URL"):
        legacy.campaigns()
