"""The closed vocabularies of the API, as types a strict request body is checked against."""

from typing import Final, Literal, get_args

LeadState = Literal[
    "ACTIVE",
    "AGENT-CALLBACK",
    "CALLBACK-CANCELLED",
    "CALLBACK",
    "CANCELLED",
    "COMPLETE",
    "DISCONNECTED",
    "DO-NOT-CALL",
    "INTERCEPT",
    "MAX-DIAL-LIMIT",
    "PAUSED",
    "PENDING-CALLBACK",
    "PENDING-ERR",
    "PENDING-HCI",
    "PENDING",
    "READY",
    "TRANSITIONED",
    "WHITELIST",
]
SystemDisposition = Literal[
    "ANSWER",
    "NOANSWER",
    "BUSY",
    "MACHINE",
    "INTERCEPT",
    "DISCONNECT",
    "ABANDON",
    "CONGESTION",
    "MANUAL_PASS",
    "INBOUND_CALLBACK",
    "APP_DNC",
    "APP_REQUEUE",
    "APP_REQUEUE_COMPLETE",
    "APP_REQUEUE_ABANDON",
    "INBOUND_ABANDON",
    "API_BLOCKED",
    "API_ERROR",
]
ListState = Literal[
    "ACTIVE",
    "PAUSED",
    "PENDING_DNC",
    "LOADING",
    "DELETED",
    "READY",
    "CALLBACKS",
    "CALLBACKS_AGENT",
    "DUPLICATES_NOT_MERGED",
    "DUPLICATES_NOT_MOVED",
    "ARCHIVED",
]
DialPriority = Literal["IMMEDIATE", "NORMAL"]
DuplicateHandling = Literal["RETAIN_ALL", "REMOVE_ALL_EXISTING", "REMOVE_FROM_LIST"]
TimeZoneOption = Literal["NPA_NXX", "ZIPCODE", "EXPLICIT", "COUNTRY", "NOT_APPLICABLE"]
Suppressed = Literal["ONLY_SUPPRESSED", "ONLY_UNSUPPRESSED", "ALL"]
Comparison = Literal["GREATER_THAN", "LESS_THAN", "EQUALS"]
FileType = Literal["EXCEL", "PIPE", "COMMA", "TAB"]
DialMode = Literal["PREVIEW", "CLICK_TO_TALK", "PREDICTIVE", "POWER", "TCPA_SAFE_MODE"]
HciMode = Literal["DISABLED", "HCI_FETCH", "HCI_PACING"]
Permission = Literal["CREATE", "READ", "UPDATE", "DELETE", "REPORT"]
DncScrubOption = Literal[
    "DO_NOT_SCRUB", "INTERNAL_AND_NATIONAL", "INTERNAL_ONLY", "CELLULAR_AND_INTERNAL", "CELLULAR_ONLY"
]
RecordingMode = Literal["DISABLED", "ALL_AGENT_LEGS"]
RecordingSettings = Literal[
    "RECORD_FULL_CALL", "AGENT_FULL_CONTROL_DEFAULT_ON", "AGENT_FULL_CONTROL_DEFAULT_OFF", "AGENT_PAUSE"
]
RequeueType = Literal["ADVANCED", "RESTRICTED"]
CallingConfiguration = Literal["SIMPLE", "STRATEGIC"]
ProcessingStatus = Literal[
    "NO_LEADS_PASSED_VALIDATION",
    "DNC_ACCOUNT_SETTINGS",
    "DNC_UPLOAD_FAILED",
    "DEFAULT_NOT_A_FAILURE",
    "DNC_GREATER_ONE_DAY",
    "GENERAL_FAILURE",
]

LEAD_STATES: Final[tuple[LeadState, ...]] = get_args(LeadState)
SYSTEM_DISPOSITIONS: Final[tuple[SystemDisposition, ...]] = get_args(SystemDisposition)
PROCESSING_STATUSES: Final[tuple[ProcessingStatus, ...]] = get_args(ProcessingStatus)

# The answer's vocabularies are shorter than the request's, so these two are never echoed.
UNANSWERED_LIST_STATE: Final = "ARCHIVED"
UNANSWERED_TIME_ZONE_OPTION: Final = "COUNTRY"
