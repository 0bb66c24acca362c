"""Finds the one campaign a job means, or says what there is."""

import datetime as dt
import difflib
from collections.abc import Sequence

from connectors.ringcx.answers import Campaign
from transforms.vocabulary.errors import ConfigurationError


def choose_campaign(
    campaigns: Sequence[Campaign], *, name: str | None, campaign_id: int | None, dial_group: str | None
) -> Campaign:
    """Return the campaign with this name or id, within `dial_group` if given.

    Raises ConfigurationError where there is none, or more than one of that name.
    """
    within = [campaign for campaign in campaigns if dial_group in {None, campaign.dial_group}]
    if campaign_id is not None:
        chosen = [campaign for campaign in within if campaign.campaign_id == campaign_id]
    else:
        chosen = [campaign for campaign in within if campaign.name == name]
    if len(chosen) == 1:
        return chosen[0]
    wanted = f"id {campaign_id}" if campaign_id is not None else repr(name)
    if chosen:
        raise ConfigurationError(
            "CAMPAIGN_AMBIGUOUS",
            f"{len(chosen)} campaigns are named {wanted}: {_list(chosen)}.",
            "Set load.campaign_id, or load.dial_group beside the name.",
        )
    near = difflib.get_close_matches(name or "", [campaign.name for campaign in within], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(
        "CAMPAIGN_UNKNOWN",
        f"There is no campaign {wanted}{f' in dial group {dial_group!r}' if dial_group else ''}.{hint}",
        f"The account has {_list(campaigns) or 'none'}.",
    )


def _list(campaigns: Sequence[Campaign]) -> str:
    return ", ".join(f"{each.name!r} ({each.campaign_id}, {each.dial_group})" for each in campaigns)


def outside_its_dates(campaign: Campaign, now: dt.datetime) -> str | None:
    """Return a warning where `now` (aware) is outside the campaign's dates: then it dials nothing, even if active."""
    start, end = _moment(campaign.start), _moment(campaign.end)
    if start is not None and now < start:
        return f"campaign {campaign.name!r} starts on {start:%Y-%m-%d}: until then it dials none of these leads"
    if end is not None and now > end:
        return f"campaign {campaign.name!r} ended on {end:%Y-%m-%d}: it will dial none of these leads"
    return None


def _moment(text: str | None) -> dt.datetime | None:
    """Read RingCX's `2020-05-26T07:00:00.000+0000`; None where it is written otherwise."""
    try:
        return dt.datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        return None
