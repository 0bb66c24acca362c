"""What a deployment of RingCX may do differently, as one frozen value, so that a test can try each way."""

from dataclasses import dataclass
from typing import Literal

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How this sandbox behaves; the defaults are the documented behaviour, or the likelier guess."""

    token_seconds: float = 300
    """Life of a RingCX access token."""
    platform_token_seconds: float = 3600
    """Life of a RingCentral access token, the one that is exchanged."""
    throttles: bool = True
    """Whether the documented request limits are kept."""
    page_base: Literal[0, 1] = 0
    """The number of a search's first page."""
    page_below_base: Literal["refuse", "first"] = "refuse"
    """What a page before the first one gets: 400, or the first page."""
    default_max_rows: int = 100
    """Rows of a search that names no `maxRows`."""
    max_rows_cap: int = 1000
    """A larger `maxRows` is cut down to this without a word, or as `too_many_rows` says."""
    too_many_rows: Literal["cut", "refuse", "default"] = "cut"
    """What a larger `maxRows` gets: as many as are allowed, 400, or `default_max_rows`."""
    phone_list_forms: Literal["both", "json", "file", "none"] = "both"
    """How a list of numbers may be sent: as the guide's JSON, as the OpenAPI document's file; or 404 for either."""
    share_lists: bool = False
    """True: loads with the same description in a campaign share one list."""
    search_lag_seconds: float = 0.0
    """How long a new lead stays invisible to search and count."""
    latency_seconds: float = 0.0
    """Added to every answer."""
    send_rejected_rows: bool = True
    """False: as older deployments, which count rejected leads without naming them."""
    max_leads_per_request: int = 10_000
    """A load with more leads is refused."""
    too_many_leads_status: Literal[413, 400] = 413
    """How such a load is refused."""
    invalid_leads: Literal["reject", "refuse"] = "reject"
    """A lead that is not valid is rejected and the others loaded, or the whole load is refused with 400."""
    max_body_bytes: int = 20 * _MEGABYTE
    """A longer body is refused with 413."""
    count_shape: Literal["number", "object"] = "number"
    """What `count=true` answers: a bare number or `{"count": n}`."""
    do_not_call: tuple[str, ...] = ()
    """Numbers on the internal do-not-call list from the start."""
    dnc_removes: bool = True
    """True: leads on that list are dropped. False: inserted with the state DO-NOT-CALL."""
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    """How a 429 says when to come back."""
    lead_state_separator: Literal["-", "_"] = "-"
    """`DO-NOT-CALL` as in the OpenAPI document, or `DO_NOT_CALL` as in the guide."""
    agent_ids: tuple[int, ...] = (1101, 1102)
    """Agents a lead can be reserved for."""
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 - made up, and public on purpose
    jwt: str = "sandbox-jwt"
    legacy_token: str = "sandbox-legacy-token"  # noqa: S105 - made up, and public on purpose
    account_id: str = "99990001"
    """The sub-account all admin paths name."""
    main_account_id: str = "99990000"
    """The account above it, which sign-in reports too; admin paths that name it get 404."""
