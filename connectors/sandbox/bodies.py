"""The request bodies, typed as strictly as the OpenAPI document types them.

Bodies are validated straight from their bytes into dictionaries: a load of a thousand leads passes through
here, and building an object per lead would cost more than everything else the request needs. `null` equals
an absent field, as it does for the Java beans behind the real API.
"""

from typing import Annotated, Any, Required, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from connectors.sandbox.dates import read_date
from connectors.sandbox.refusals import bad_request
from connectors.sandbox.vocabulary import (
    CallingConfiguration,
    Comparison,
    DialMode,
    DialPriority,
    DncScrubOption,
    DuplicateHandling,
    FileType,
    HciMode,
    LeadState,
    ListState,
    Permission,
    RecordingMode,
    RecordingSettings,
    RequeueType,
    Suppressed,
    SystemDisposition,
    TimeZoneOption,
)

_STRICT = ConfigDict(extra="forbid", strict=True)
_INT32 = 2**31
_Body = TypeVar("_Body")


def _check_date(text: str) -> str:
    read_date(text)
    return text


def _read_lead_state(value: object) -> object:
    """Read the guide's AGENT_CALLBACK as the OpenAPI document's AGENT-CALLBACK."""
    return value.replace("_", "-") if isinstance(value, str) else value


Int32 = Annotated[int, Field(ge=-_INT32, lt=_INT32)]
Date = Annotated[str, AfterValidator(_check_date)]
AnyLeadState = Annotated[LeadState, BeforeValidator(_read_lead_state)]
# `format: byte` in the OpenAPI document, a plain number in the guide's examples: both are taken.
Byte = str | int


@with_config(_STRICT)
class LeadBody(TypedDict, total=False):
    """One lead as it is sent; fields the server keeps itself are taken and ignored."""

    externId: Required[str | None]
    leadPhone: str | None
    leadPhoneE164: str | None
    title: str | None
    firstName: str | None
    midName: str | None
    lastName: str | None
    suffix: str | None
    name: str | None
    address1: str | None
    address2: str | None
    city: str | None
    state: str | None
    zip: str | None
    email: str | None
    gateKeeper: str | None
    auxData1: str | None
    auxData2: str | None
    auxData3: str | None
    auxData4: str | None
    auxData5: str | None
    auxPhone: str | None
    auxExternalUrl: str | None
    auxGreeting: str | None
    callerId: str | None
    leadTimezone: str | None
    leadPriority: Int32 | None
    maxPasses: Int32 | None
    reserveAgent: str | None
    liveAnswerMessage: str | None
    machAnswerMessage: str | None
    sortCol: str | None
    suppressed: bool | None
    extendedLeadData: dict[str, str] | None
    personaPhoneConfig: dict[str, str] | None
    personaMapping: str | None
    campaign: dict[str, Any] | None
    campaignRedials: list[Any] | None
    dupeKeyOverride: int | None
    id: Int32 | None
    leadId: Int32 | None
    leadPasses: Int32 | None
    leadState: AnyLeadState | None
    lastPassDisposition: SystemDisposition | None
    lastPassDts: Date | None
    loadedDts: Date | None
    nextDialTime: Date | None
    stateDts: Date | None
    quotaTargetIds: list[Int32] | None
    quotaTargets: list[Any] | None


@with_config(_STRICT)
class PartialLeadBody(LeadBody, total=False):
    """What PATCH sends: a lead of which any field may be missing."""

    # A TypedDict may not loosen a required field in the eyes of mypy; pydantic reads the last word.
    externId: str | None  # type: ignore[misc]


@with_config(_STRICT)
class LoadBody(TypedDict, total=False):
    """The body of leadLoader/direct; the fields of a file upload are typed and ignored."""

    dialPriority: Required[DialPriority]
    duplicateHandling: Required[DuplicateHandling]
    timeZoneOption: Required[TimeZoneOption]
    uploadLeads: Required[list[LeadBody]]
    description: str | None
    listState: ListState | None
    phoneNumbersI18nEnabled: bool | None
    internationalNumberFormat: bool | None
    numberOriginCountry: str | None
    dncTags: list[str] | None
    # `format: date-time`, unlike every other date of the document.
    scheduleArchiveDts: str | None
    additionalPhoneMappings: dict[str, Int32] | None
    extendedLeadDataMappings: dict[str, Int32] | None
    pageColumnMappings: dict[str, Int32] | None
    fileContainsHeaders: bool | None
    fileType: FileType | None
    pageNumber: Int32 | None
    quoteChar: str | None
    transactionId: str | None


@with_config(_STRICT)
class TimezoneBody(TypedDict, total=False):
    """A time zone as a search names it."""

    name: str | None
    description: str | None


@with_config(_STRICT)
class ComparisonBody(TypedDict):
    """A number to compare with."""

    operator: Comparison
    value: Int32


@with_config(_STRICT)
class DateComparisonBody(TypedDict):
    """A date to compare with."""

    operator: Comparison
    value: Date


@with_config(_STRICT)
class CriteriaBody(TypedDict, total=False):
    """What a search or an action selects by; no criteria, or only empty ones, select every lead."""

    campaignId: Int32 | None
    campaignIds: list[Int32] | None
    listIds: list[Int32] | None
    externIds: list[str] | None
    leadIds: list[Int32] | None
    leadPhoneNum: str | None
    leadPhoneNumbers: list[str] | None
    leadStates: list[AnyLeadState] | None
    agentDispositions: list[str] | None
    systemDispositions: list[SystemDisposition] | None
    physicalStates: list[str] | None
    leadTimezones: list[TimezoneBody] | None
    suppressed: Suppressed | None
    orphanedLeadsOnly: bool | None
    firstName: str | None
    lastName: str | None
    address1: str | None
    address2: str | None
    city: str | None
    zip: str | None
    emailAddress: str | None
    auxData1: str | None
    auxData2: str | None
    auxData3: str | None
    auxData4: str | None
    auxData5: str | None
    callerId: str | None
    agentId: Int32 | None
    pendingAgentId: Int32 | None
    leadPassesCriteria: ComparisonBody | None
    lastPassTimeCriteria: DateComparisonBody | None
    nextDialTimeCriteria: DateComparisonBody | None
    loadedDtsStart: Date | None
    loadedDtsEnd: Date | None


@with_config(_STRICT)
class PhoneListBody(TypedDict, total=False):
    """The guide's way of searching by many numbers."""

    phoneList: Required[list[str]]
    campaignIds: list[Int32] | None


@with_config(_STRICT)
class ActionParamsBody(TypedDict):
    """The parameters of an action; the guide writes numbers both bare and quoted."""

    paramMap: dict[str, str | int | bool]


@with_config(_STRICT)
class ActionBody(TypedDict, total=False):
    """The body of campaignLeads/actions."""

    campaignLeadSearchCriteria: Required[CriteriaBody]
    leadActionParams: ActionParamsBody | None


@with_config(_STRICT)
class DialGroupBody(TypedDict, total=False):
    """A dial group as it is created."""

    dialGroupName: Required[Annotated[str, Field(min_length=1)]]
    dialGroupDesc: str | None
    dialMode: DialMode | None
    isActive: bool | None
    agentDialGroupMembers: list[Any] | None
    agentsReady: Int32 | None
    allowLeadSearch: str | None
    allowPreviewLeadFilters: bool | None
    billingKey: str | None
    campaigns: list[Any] | None
    dialGroupId: Int32 | None
    enableAbsolutePriority: bool | None
    enableAgentFilter: bool | None
    enableCallbacksAfterMaxDailyPass: bool | None
    enableCallbacksAfterMaxpass: bool | None
    enableListPriority: bool | None
    groupId: Int32 | None
    hciEnabled: HciMode | None
    maxLeadsReturned: Int32 | None
    maxPorts: Int32 | None
    minPredictiveAgents: Int32 | None
    outdialServerGroupId: Int32 | None
    permissions: list[Permission] | None
    progressiveCallDelay: Int32 | None
    progressiveEnabled: bool | None
    realTimeAgentData: bool | None
    requireFetchedLeadsCalled: bool | None


_Schedule = Annotated[str, Field(pattern=r"^([01]\d|2[0-4])[0-5]\d([01]\d|2[0-4])[0-5]\d$")]


@with_config(_STRICT)
class CampaignBody(TypedDict, total=False):
    """A campaign as it is created or updated, with the bounds the guide gives."""

    campaignName: Required[Annotated[str, Field(min_length=1)]]
    startDate: Required[Date]
    endDate: Required[Date]
    callerId: Required[Annotated[str, Field(min_length=1)]]
    isActive: Annotated[int, Field(ge=0, le=2)] | None
    campaignPriority: Annotated[int, Field(ge=1, le=5)] | None
    dialLoadedOrder: Annotated[int, Field(ge=0, le=4)] | None
    maxRingTime: Annotated[int, Field(ge=0, le=60)] | None
    maxRingTimeTransfer: Annotated[int, Field(ge=0, le=120)] | None
    sunSched: _Schedule | None
    monSched: _Schedule | None
    tueSched: _Schedule | None
    wedSched: _Schedule | None
    thuSched: _Schedule | None
    friSched: _Schedule | None
    satSched: _Schedule | None
    callingConfiguration: CallingConfiguration | None
    dncScrubOption: DncScrubOption | None
    perspectiveRecordingMode: RecordingMode | None
    permissions: list[Permission] | None
    personaCallSchedules: list[Any] | None
    recordingSettings: RecordingSettings | None
    requeueType: RequeueType | None
    allowLeadInserts: Byte | None
    allowLeadUpdates: Byte | None
    filterEnabled: Byte | None
    scrubDisconnectNoanswer: Byte | None
    trackSpeedToLead: Byte | None
    abandonMsg: str | None
    afterCallBaseState: str | None
    agentPopMessage: str | None
    appUrl: str | None
    aux1Label: str | None
    aux2Label: str | None
    aux3Label: str | None
    aux4Label: str | None
    aux5Label: str | None
    billingCode: str | None
    campaignDesc: str | None
    countryId: str | None
    endCallMsg: str | None
    filterType: str | None
    genericKeyValuePairs: str | None
    liveAnswerMsg: str | None
    machAnswerMsg: str | None
    maxDailyPassesInclude: str | None
    maxPassesExclude: str | None
    onHoldMsg: str | None
    realtimeDncUrl: str | None
    surveyPopType: str | None
    transferCallerId: str | None
    whisperMsg: str | None
    campaignId: Int32 | None
    dispositionTimeout: Int32 | None
    groupId: Int32 | None
    hangupOnDisposition: Int32 | None
    maxDailyPasses: Int32 | None
    maxDialLimit: Int32 | None
    maxPasses: Int32 | None
    minPredictiveCallsHistory: Int32 | None
    passDelayMin: Int32 | None
    pauseRecordingSec: Int32 | None
    recordCall: Int32 | None
    rescrubInterval: Int32 | None
    showLeadInfo: Int32 | None
    seedAbandonRate: float | None
    seedSuccessRate: float | None
    targetAbandonRate: float | None
    enableGlobalPhoneBook: bool | None
    exportFlag: bool | None
    machineDetect: bool | None
    recordingInConference: bool | None
    showLeadPasses: bool | None
    showListName: bool | None
    singleChannelEnabled: bool | None
    stopRecordingOnTransfer: bool | None
    useGlobalWhitelist: bool | None
    # Objects whose schemas the documentation at hand does not have: taken as they come.
    afterCallState: Any
    agentConnectSoapService: Any
    agentTermSoapService: Any
    amdProfileId: Any
    callerIdBucket: Any
    campaignDispositions: Any
    campaignFilterStates: Any
    campaignFilterTimezones: Any
    campaignRequeueShortcuts: Any
    campaignResultDest: Any
    campaignUnlimitedFieldGroup: Any
    campaignWhitelistTagMembers: Any
    customDialZoneGroup: Any
    dialGroup: Any
    lastPassDts: Any
    postCallSoapService: Any
    postDispSoapService: Any
    quotaGroup: Any
    script: Any
    survey: Any
    transferTermSoapService: Any


@with_config(_STRICT)
class DncBody(TypedDict, total=False):
    """One number for the internal do-not-call list."""

    phone: Required[Annotated[str, Field(min_length=1)]]
    country: str | None
    dncTagId: Int32 | None


@with_config(_STRICT)
class DncSearchBody(TypedDict, total=False):
    """What the do-not-call list is searched by."""

    phone: str | None
    country: str | None
    dncTagId: Int32 | None


LEAD: TypeAdapter[LeadBody] = TypeAdapter(LeadBody)
PARTIAL_LEAD: TypeAdapter[PartialLeadBody] = TypeAdapter(PartialLeadBody)
LOAD: TypeAdapter[LoadBody] = TypeAdapter(LoadBody)
CRITERIA: TypeAdapter[CriteriaBody] = TypeAdapter(CriteriaBody)
PHONE_LIST: TypeAdapter[PhoneListBody] = TypeAdapter(PhoneListBody)
ACTION: TypeAdapter[ActionBody] = TypeAdapter(ActionBody)
DIAL_GROUP: TypeAdapter[DialGroupBody] = TypeAdapter(DialGroupBody)
CAMPAIGN: TypeAdapter[CampaignBody] = TypeAdapter(CampaignBody)
DNC: TypeAdapter[DncBody] = TypeAdapter(DncBody)
DNC_SEARCH: TypeAdapter[DncSearchBody] = TypeAdapter(DncSearchBody)


def read_body(adapter: TypeAdapter[_Body], content: bytes) -> _Body:
    """Validate a body; the first thing wrong with it becomes a 400 that names the field."""
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = _write_path(first["loc"])
        raise bad_request(f"{where}: {first['msg']}" if where else first["msg"]) from None


def _write_path(steps: tuple[int | str, ...]) -> str:
    """Write where an error is: `uploadLeads[3].auxData1`."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")
