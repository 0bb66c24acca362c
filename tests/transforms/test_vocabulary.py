"""The shared words: what files, dashboards and filters hang on."""

import copy
import pickle

import pytest

from transforms.lead_rules import REASONS
from transforms.reconciling import OUTCOME_SCHEMA
from transforms.vocabulary import errors
from transforms.vocabulary.lead_fields import INTEGER_FIELDS, LEAD_FIELDS, OBJECT_FIELDS, TEXT_FIELDS
from transforms.vocabulary.options import DialPriority, DuplicateHandling, ListState, TimeZoneOption
from transforms.vocabulary.outcomes import Outcome
from transforms.vocabulary.reasons import Reason

ERRORS = [
    (errors.ConfigurationError, 2),
    (errors.SourceError, 2),
    (errors.QualityGateError, 3),
    (errors.DeliveryError, 1),
    (errors.ServiceError, 1),
    (errors.RunInterruptedError, 130),
]


def test_the_outcomes_are_those_of_the_contract():
    assert [outcome.value for outcome in Outcome] == [
        "LOADED",
        "REJECTED",
        "DUPLICATE",
        "UNCHANGED",
        "REJECTED_BY_API",
        "REMOVED_BY_API",
        "UNRESOLVED",
        "NOT_SENT",
    ]


def test_every_code_is_unique_and_names_its_reason():
    assert len(Reason.__members__) == len(list(Reason)) == len(REASONS)
    assert all(REASONS[name].reason is reason and reason == name for name, reason in Reason.__members__.items())


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_an_outcome_and_advice(reason):
    rule = REASONS[reason]
    assert isinstance(rule.outcome, Outcome)
    assert rule.outcome not in {Outcome.LOADED, Outcome.UNCHANGED}
    assert rule.advice[0].isupper()
    assert rule.advice.endswith(".")
    assert reason.name.isupper()


def test_no_two_reasons_give_the_same_advice():
    assert len({rule.advice for rule in REASONS.values()}) == len(Reason)


def test_every_outcome_that_is_not_loading_has_a_reason():
    assert {rule.outcome for rule in REASONS.values()} == set(Outcome) - {Outcome.LOADED, Outcome.UNCHANGED}


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_its_code_after_any_journey(reason):
    for same in (Reason(reason.value), pickle.loads(pickle.dumps(reason)), copy.deepcopy(reason)):  # noqa: S301 - ours
        assert same is reason


def test_codes_that_were_published_stay():
    """A code dropped or renamed here breaks somebody's filter."""
    assert set(REASONS) >= {
        "ROW_TOO_MANY_FIELDS",
        "ROW_TOO_FEW_FIELDS",
        "ROW_NOT_UTF8",
        "ROW_QUOTE_NOT_CLOSED",
        "ROW_TEXT_AFTER_QUOTE",
        "ROW_IS_HEADER",
        "EXTERN_ID_MISSING",
        "EXTERN_ID_TOO_LONG",
        "EXTERN_ID_CONTROL_CHARACTERS",
        "PHONE_MISSING",
        "PHONE_ROUNDED",
        "PHONE_NO_AREA_CODE",
        "PHONE_TOO_SHORT",
        "PHONE_TOO_LONG",
        "PHONE_NOT_NANP",
        "PHONE_NOT_US",
        "PHONE_TOLL_FREE",
        "PHONE_PREMIUM_RATE",
        "PHONE_PERSONAL_NUMBER",
        "PHONE_NOT_VALID",
        "PHONE_E164_NOT_VALID",
        "LEAD_PRIORITY_NOT_INTEGER",
        "MAX_PASSES_NOT_INTEGER",
        "TIME_ZONE_CONFLICT",
        "TIME_ZONE_UNKNOWN",
        "TIME_ZONE_NOT_NAMED",
        "TIME_ZONE_NOT_VALID",
        "EXTERN_ID_REPEATED",
        "PHONE_REPEATED",
        "API_REJECTED_ROW",
        "API_REFUSED_REQUEST",
        "API_DUPLICATE",
        "API_DO_NOT_CALL",
        "API_QUOTA",
        "API_WHITELIST",
        "API_REMOVED",
        "ANSWER_UNKNOWN",
        "NOT_SEEN",
        "RUN_STOPPED",
    }


def test_every_lead_field_is_of_one_kind():
    names = [*TEXT_FIELDS, *INTEGER_FIELDS, *OBJECT_FIELDS]
    assert len(set(names)) == len(names) == len(LEAD_FIELDS) + len(OBJECT_FIELDS)
    assert len(names) == 33
    assert not set(OUTCOME_SCHEMA) & set(names)


@pytest.mark.parametrize("options", [DialPriority, DuplicateHandling, TimeZoneOption, ListState])
def test_an_option_is_spelt_as_ringcx_spells_it(options):
    assert all(option.value == option.name == str(option) for option in options)


@pytest.mark.parametrize(("error", "exit_code"), ERRORS)
def test_an_error_says_what_is_wrong_then_what_to_do_and_crosses_processes_whole(error, exit_code):
    raised = error("SOME_CODE", "The file is missing.", "Put it back.")
    assert str(raised) == "The file is missing. Put it back."
    assert isinstance(raised, errors.LeadferryError)
    travelled = pickle.loads(pickle.dumps(raised))  # noqa: S301 - ours
    assert type(travelled) is error
    assert (travelled.code, travelled.message, travelled.next_step) == (
        "SOME_CODE",
        "The file is missing.",
        "Put it back.",
    )
    assert travelled.exit_code == exit_code
