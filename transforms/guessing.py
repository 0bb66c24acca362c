"""Guesses which column fills which lead field, by the column's name and by what stands in it, and says how sure it is.

A name proposes, the content decides: a column `phone` that holds yes and no is not mapped, and a column `col7` full of
e-mail addresses is. What is a matter of taste (`extendedLeadData`, `auxData1`) is left to the user.
"""

import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from transforms.phones import judge_e164, judge_phones
from transforms.postal import REGION_NAMES, region_code, zip_table
from transforms.vocabulary.lead_fields import INTEGER_FIELDS, LEAD_FIELDS
from transforms.vocabulary.zone_names import RINGCX_OFFSETS
from transforms.zone_clocks import zone_info

_CERTAIN: Final = 0.9
_LIKELY: Final = 0.7
"""Confidence from which a guess is called so; below, it is unsure."""

_CELLS_LOOKED_AT: Final = 400
"""Cells of a column that tell what it holds; the telephone library reads some ten thousand a second."""

_MOST_PHONES: Final = 5
_LONGEST_ID: Final = 255
_AT_MOST: Final = 0.99
_BY_NAME_AT_MOST: Final = 0.95
"""What a guess is worth at most: where the content proves a name, and where it only does not speak against it."""

_PROPOSED: Final = 0.25
"""Confidence below which nothing is proposed."""


@dataclass(frozen=True)
class Guess:
    """A lead field and the columns to fill it, in order of preference; `why` names no value of the source."""

    field: str
    columns: tuple[str, ...]
    confidence: float
    why: str

    @property
    def how_sure(self) -> str:
        """The confidence in a word: certain, likely or unsure."""
        return "certain" if self.confidence >= _CERTAIN else "likely" if self.confidence >= _LIKELY else "unsure"


@dataclass(frozen=True)
class _Rule:
    """How a column for `field` is known.

    `names` are whole names and `words` single words in a name, both without case, accents and punctuation. Of a column
    with such a name the share `need` of cells must look like `shape`; `alone` is the confidence in a column that has
    another name and whose cells nearly all look so (0: the name is needed). `trust` is the most a name is worth;
    `ending` is a last word that makes a name of its kind.
    """

    field: str
    names: frozenset[str]
    words: frozenset[str] = frozenset()
    shape: str = "words"
    need: float = 0.5
    alone: float = 0.0
    trust: float = 1.0
    ending: str | None = None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PHONE_WORDS: Final = _names(
    "phone phones telephone tel mobile cell cellphone cellular landline handy mobil telefon telefonnummer telefono "
    "movil celular portable gsm msisdn telefone telefoon telefoonnummer cellulare"
)
_RULES: Final = (
    _Rule(
        "leadPhone",
        _names(
            "phone phonenumber phoneno phonenum telephone telephonenumber tel telno mobile mobilephone mobilenumber "
            "mobileno cell cellphone cellnumber homephone workphone dayphone dayphonenumber daytimephone eveningphone "
            "businessphone officephone primaryphone mainphone directphone contactnumber contactphone phone1 phone2 "
            "phone3 leadphone landline telefon telefonnummer handy handynummer mobil telefono movil celular telefone "
            "telephoneportable portable numerodetelephone numerodetelefono number dial dialnumber "
            "telefoon telefoonnummer cellulare"
        ),
        _PHONE_WORDS,
        shape="phone",
        need=0.3,
        alone=0.75,
    ),
    _Rule(
        "leadPhoneE164",
        _names("leadphonee164 phonee164 e164 e164phone phone164") | _PHONE_WORDS | _names("phonenumber mobilenumber"),
        _PHONE_WORDS,
        shape="e164 abroad",
        alone=0.75,
    ),
    _Rule(
        "email",
        _names("email emailaddress mail mailaddress emailid correo correoelectronico courriel email1 primaryemail"),
        _names("email mail correo courriel"),
        shape="email",
        alone=0.85,
    ),
    _Rule(
        "zip",
        _names(
            "zip zipcode zip5 zipplus4 postal postalcode postcode zippostal zippostalcode plz postleitzahl cp "
            "codigopostal codepostal cep"
        ),
        _names("zip zipcode postal postcode plz"),
        shape="zip",
        alone=0.75,
    ),
    _Rule(
        "state",
        _names("state statecode st stateprovince stateabbr province provincecode region bundesland estado provincia"),
        _names("state province"),
        shape="state",
        need=0.7,
        alone=0.75,
    ),
    _Rule(
        "leadTimezone",
        _names("timezone tz timezonename timezoneid leadtimezone zeitzone zonahoraria fuseauhoraire"),
        _names("timezone tz"),
        shape="zone",
        need=0.9,
        alone=0.8,
    ),
    _Rule("title", _names("title salutation honorific prefix nameprefix anrede civilite"), shape="honorific"),
    _Rule("suffix", _names("suffix namesuffix"), shape="suffix"),
    _Rule(
        "firstName", _names("firstname first fname givenname forename vorname nombre prenom primernombre nome voornaam")
    ),
    _Rule("midName", _names("midname middlename middle mname middleinitial mi secondname segundonombre")),
    _Rule(
        "lastName",
        _names(
            "lastname last lname surname familyname nachname familienname apellido apellidos nomdefamille "
            "sobrenome cognome achternaam"
        ),
    ),
    _Rule(
        "lastName",
        _names("name fullname contactname contact leadname customername clientname displayname nom nombrecompleto"),
        trust=0.65,
        ending="name",
    ),
    _Rule(
        "lastName",
        _names(
            "company companyname organization organizationname organisation organisationname business businessname "
            "accountname employer firm firma firmenname empresa societe entreprise practicename"
        ),
        trust=0.6,
    ),
    _Rule(
        "address1",
        _names(
            "address address1 addressline1 addr addr1 street street1 streetaddress streetaddress1 streetname "
            "mailingaddress addressline adresse strasse direccion calle rue domicilio "
            "endereco indirizzo adres straat"
        ),
        shape="filled",
    ),
    _Rule(
        "address2",
        _names("address2 addressline2 addr2 street2 streetaddress2 unit apt suite apartment"),
        shape="filled",
    ),
    _Rule(
        "city",
        _names(
            "city cityname town citytown municipality locality ort stadt wohnort ciudad ville localidad cidade citta "
            "plaats woonplaats"
        ),
    ),
    _Rule(
        "externId",
        _names(
            "id leadid externid externalid externid externallead externalleadid recordid customerid customernumber "
            "customerno custid clientid clientnumber contactid accountid accountnumber memberid membernumber personid "
            "prospectid patientid uid uuid guid rowid key uniqueid facilityid crmid salesforceid reference referenceid "
            "kundennummer kundennr kundenid idcliente clienteid codigocliente numeroclient identifiant idclient "
            "klantnummer codicecliente codigodocliente iddocliente acct acctid acctno acctnumber npi"
        ),
        _names("id ids uuid guid number no nr num key ref"),
        shape="key",
        alone=0.5,
    ),
)
"""What makes a column a candidate."""

_OWN_NAMES: Final = tuple(
    _Rule(field, frozenset({field.lower()}), shape="whole" if field in INTEGER_FIELDS else "filled")
    for field in LEAD_FIELDS
    if field not in {rule.field for rule in _RULES}
)
"""Fields that only RingCX's own name tells."""

_QUALIFIERS: Final = _names(
    "lead leads contact customer client person prospect patient member billing shipping mailing home work business "
    "company primary main current facility hospital office the your preferred best default account owner"
)
"""Words before a name that leave it what it is."""

_NOT_THE_LEADS: Final = _names(
    "fax pager agent rep ext extension emergency support referrer referral caller dnc type not optout old former "
    "previous invalid wrong blocked"
)
"""Words in a name that make a number, an address, a place or an id somebody else's, or none, or one not to be used:
`do not call phone`.
"""

_RELATIVES: Final = _names("spouse wife husband parent mother father guardian kin")
"""Words in a name that make such a thing somebody else's; but such a number is better than none: a school's lists."""

_SOMEBODYS: Final = _names("phone email key zip state zone") | {"e164 abroad"}
"""Shapes of what others beside the lead have too."""

_PLACES: Final = _names("row line seq sequence position")
"""Words in a name that make a number the row's place in one export: in the next it is another row's."""

_OTHER_NAMES: Final = _names("county country user file campaign product list source status event site school agent")
"""Words before `name` that make it another thing's name than the lead's."""

_ORDER_OF_PHONES: Final = (
    _names("other alternate alternative alt secondary second 2 3 4"),
    _names("mobile cell cellphone cellular handy mobil movil celular portable gsm"),
    _names("primary main preferred best direct"),
    _names("home landline"),
    _names("work office business day daytime"),
)
"""Words in a name that give a number its place: the second choices, then from the likeliest to reach the lead on."""

_EMAIL: Final = r"^[^\s@]+@[^\s@]+\.[^\s@.]+$"
_ZIP: Final = r"^(?:[0-9]{5}(?:[- ]?[0-9]{4})?|[0-9]{3,4}|[A-Za-z][0-9][A-Za-z][- ]?[0-9][A-Za-z][0-9])(?:\.0)?$"
_NO_KEY: Final = r"[\s@]|^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|^-?[0-9]+[.,][0-9]*[1-9]$|:[0-9]{2}"
"""What an id seldom has: blanks, an at sign, a date, a time, a fraction."""

_HONORIFICS: Final = _names("mr mrs ms miss mx dr prof rev sir madam herr frau sr sra srta m mme mlle hon")
_SUFFIXES: Final = _names("jr sr i ii iii iv v esq md phd dds cpa rn do")
_YES_OR_NO: Final = _names("yes no y n true false t f 0 1 x - si oui non ja nein on off")

_IS_TOLD: Final = {
    "phone": "are valid numbers",
    "e164 abroad": "are valid numbers with a country code",
    "email": "are e-mail addresses",
    "zip": "are ZIP or postal codes",
    "state": "are states or provinces",
    "zone": "are time zones",
    "honorific": "are forms of address",
    "suffix": "are suffixes of names",
    "words": "are words",
    "filled": "hold text",
    "whole": "are whole numbers",
}


class _Column:
    """One column of the sample: its name in pieces, and the share of its cells that has a shape."""

    def __init__(self, cells: pl.Series, place: int) -> None:
        self.name, self.place = cells.name, place
        self.words = _words_of(cells.name)
        # Under a name of our own: polars takes a name such as `^[$` for a pattern of names.
        stripped = cells.rename("cell").cast(pl.String).str.strip_chars()
        filled = stripped.filter(stripped.str.len_bytes() > 0)
        self.rows, self.filled = cells.len(), filled.len()
        self.distinct = filled.n_unique()
        self._all, self.cells = filled, filled.head(_CELLS_LOOKED_AT)
        self.is_yes_or_no = self.filled > 0 and set(self.cells.str.to_lowercase().unique()) <= _YES_OR_NO
        self._shares: dict[str, float] = {}

    @property
    def uniqueness(self) -> float:
        """The share of cells that no earlier cell has."""
        return self.distinct / self.filled if self.filled else 0.0

    def share(self, shape: str) -> float:
        """Return the share of the cells looked at that have `shape`; the column must not be empty."""
        if shape not in self._shares:
            self._shares[shape] = _share_of(_SHAPES[shape](self.cells))
        return self._shares[shape]

    def may_be_key(self) -> bool:
        """Return whether the cells look like ids, whatever the name says."""
        lengths = self._all.str.len_chars().max()
        short = isinstance(lengths, int) and lengths <= _LONGEST_ID
        odd = _share_of(self.cells.str.contains(_NO_KEY))
        return short and odd < 0.02  # noqa: PLR2004 - a slip or two


def _share_of(marks: pl.Series) -> float:
    return int(marks.sum()) / max(marks.len(), 1)


def _looks_like_phone(cells: pl.Series) -> pl.Series:
    possible = cells.str.count_matches("[0-9]").is_between(7, 30)
    if not possible.any():
        return possible
    asked = cells.to_frame().select(pl.when(possible).then(pl.first())).to_series()
    return judge_phones(asked)["phone"].is_not_null()


def _looks_like_number_abroad(cells: pl.Series) -> pl.Series:
    possible = cells.str.contains(r"^(?:\+|00)[2-9]")
    if not possible.any():
        return possible
    asked = cells.to_frame().select(pl.when(possible).then(pl.first())).to_series()
    return judge_e164(asked)["e164"].is_not_null()


def _looks_like_state(cells: pl.Series) -> pl.Series:
    return cells.to_frame().select(region_code(pl.first()).is_in(list(set(REGION_NAMES.values())))).to_series()


def _looks_like_zone(cells: pl.Series) -> pl.Series:
    return pl.Series([text in RINGCX_OFFSETS or _is_iana(text) for text in cells], dtype=pl.Boolean)


def _is_iana(text: str) -> bool:
    try:
        zone_info(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_one_of(words: frozenset[str], cells: pl.Series) -> pl.Series:
    return cells.str.to_lowercase().str.strip_chars(".").is_in(list(words))


_SHAPES: Final[dict[str, Callable[[pl.Series], pl.Series]]] = {
    "phone": _looks_like_phone,
    "e164 abroad": _looks_like_number_abroad,
    "email": lambda cells: cells.str.contains(_EMAIL),
    "zip": lambda cells: cells.str.contains(_ZIP),
    "real zip": lambda cells: cells.str.head(5).is_in(zip_table()["zip"].implode()) & cells.str.contains(_ZIP),
    "state": _looks_like_state,
    "zone": _looks_like_zone,
    "honorific": lambda cells: _is_one_of(_HONORIFICS, cells),
    "suffix": lambda cells: _is_one_of(_SUFFIXES, cells),
    "words": lambda cells: cells.str.contains(r"\p{L}") & ~cells.str.contains("@", literal=True),
    "filled": lambda cells: ~cells.str.contains("@", literal=True),
    "whole": lambda cells: cells.str.contains(r"^[0-9]{1,9}$"),
    "digits": lambda cells: cells.str.count_matches("[0-9]") >= 7,  # noqa: PLR2004 - a local number
}


@dataclass(frozen=True)
class _Candidate:
    field: str
    column: _Column
    confidence: float
    why: str
    named: bool


def guess_mapping(sample: pl.DataFrame) -> list[Guess]:
    """Return what fills which lead field, for as many fields as there are guesses, in the order of LEAD_FIELDS.

    `sample` holds the source's columns as text, and nothing else. No column is given twice, but that an id or a number
    which nothing else gives may be a column that has another use. `externId` or a number is missing where no column
    could be one.
    """
    columns = [_Column(sample[name], place) for place, name in enumerate(sample.columns)]
    candidates = [
        candidate for column in columns for rule in (*_RULES, *_OWN_NAMES) for candidate in _propose(column, rule)
    ]
    chosen = _choose(candidates)
    _do_without(chosen, candidates, columns)
    return [_as_guess(field, chosen[field]) for field in LEAD_FIELDS if field in chosen]


def _propose(column: _Column, rule: _Rule) -> Iterator[_Candidate]:
    named = _name_score(column, rule)
    judge = _judge_key if rule.shape == "key" else _judge_shape
    confidence, why = judge(column, rule, named)
    if confidence >= _PROPOSED:
        yield _Candidate(rule.field, column, round(confidence, 2), why, named > 0)


def _name_score(column: _Column, rule: _Rule) -> float:
    """Return how much the name says for the field: all of it, all but qualifiers, a word of it, or nothing."""
    words = column.words
    if rule.shape in _SOMEBODYS and (_NOT_THE_LEADS | _RELATIVES) & set(words):
        return 0.0
    if "".join(words) in rule.names:
        return rule.trust
    rest = list(words)
    while len(rest) > 1 and rest[0] in _QUALIFIERS:
        rest.pop(0)
    if "".join(rest) in rule.names:
        return 0.92 * rule.trust
    if words and words[-1] == rule.ending and not _OTHER_NAMES & set(words):
        return 0.8 * rule.trust
    if rule.shape == "key":
        return 0.75 if words and (words[-1] in rule.words or words[0] == "id") and not _PLACES & set(words) else 0.0
    return 0.8 if rule.words & set(words) else 0.0


def _judge_shape(column: _Column, rule: _Rule, named: float) -> tuple[float, str]:  # noqa: PLR0911 - one for each case
    if not column.filled:
        return (0.5 * named, "by its name alone: it is empty in the rows looked at") if named else (0.0, "")
    if column.is_yes_or_no:
        return 0.0, ""
    share = column.share(rule.shape)
    told = f"{share:.0%} of {column.cells.len()} cells {_IS_TOLD[rule.shape]}"
    if named and share >= rule.need:
        kind = "it seems to be a whole name, which has no field of its own" if rule.trust < 1 else "its name says so"
        most = _BY_NAME_AT_MOST if rule.shape in {"words", "filled"} else _AT_MOST
        return min(named * (0.5 + 0.5 * share), most), f"{kind}, and {told}"
    if named:
        return _judge_misfit(column, rule, named, told)
    if rule.alone and share >= _CERTAIN and _is_telling(column, rule):
        if _RELATIVES & set(column.words):
            return 0.5 * rule.alone * share, f"for want of another, though its name says it is not the lead's: {told}"
        return rule.alone * share, f"by its content alone: {told}"
    return 0.0, ""


def _judge_misfit(column: _Column, rule: _Rule, named: float, told: str) -> tuple[float, str]:
    """Return what is left of a name that the content does not bear out: something where it may be another country's."""
    if rule.shape == "phone" and column.share("digits") >= rule.need:
        return 0.3 * named, f"by its name alone: {told}; other countries need phones.phone_region"
    if rule.shape == "zip" and not column.share("zip") and _share_of(column.cells.str.contains("[0-9]")) == 1:
        return 0.5 * named, "by its name alone: the codes have no form that is known here"
    return 0.0, ""


def _is_telling(column: _Column, rule: _Rule) -> bool:
    """Return whether the content can speak without a name: few cells, or few values, look like many things."""
    if _NOT_THE_LEADS & set(column.words):
        return False
    if _RELATIVES & set(column.words) and rule.shape not in {"phone", "e164 abroad"}:
        return False  # a lead can do without the rest
    if rule.shape == "zip":
        return column.distinct >= 3 and column.share("real zip") >= _CERTAIN  # noqa: PLR2004
    if rule.shape in {"state", "zone"}:
        return column.distinct >= 3  # noqa: PLR2004 - "OK" is a state, and an answer
    return True


def _judge_key(column: _Column, rule: _Rule, named: float) -> tuple[float, str]:
    if not column.filled or not column.may_be_key() or column.is_yes_or_no:
        return 0.0, ""
    complete = column.filled / column.rows
    told = f"{column.distinct} different values in {column.filled} cells"
    if column.uniqueness >= 0.98 and complete >= 0.9:  # noqa: PLR2004 - a repeat and a gap may happen
        if named:
            return 0.98 * named, f"its name says so, and it has {told}"
        few = column.rows < 20  # noqa: PLR2004 - in a few rows, much is unique
        return rule.alone * (0.6 if few else 1.0), f"by its content alone: {told}"
    if named and column.uniqueness >= 0.5:  # noqa: PLR2004 - the rest would be left out as repeats
        doubt = "rows of one id are loaded once" if column.uniqueness < 0.98 else "rows without an id are rejected"  # noqa: PLR2004
        return 0.6 * named * column.uniqueness * complete, f"its name says so, but it has {told}; {doubt}"
    return 0.0, ""


def _choose(candidates: list[_Candidate]) -> dict[str, list[_Candidate]]:
    """Give each column to the field it fits best, and each field its best column; numbers may have several."""
    chosen: dict[str, list[_Candidate]] = {}
    taken: set[str] = set()
    for candidate in sorted(candidates, key=lambda one: (-one.confidence, one.column.place)):
        there = chosen.get(candidate.field, [])
        room = not there or (candidate.field == "leadPhone" and candidate.named and len(there) < _MOST_PHONES)
        if room and candidate.column.name not in taken:
            chosen[candidate.field] = [*there, candidate]
            taken.add(candidate.column.name)
    if "leadPhone" in chosen:
        chosen["leadPhone"].sort(key=lambda one: (not one.column.filled, _preference(one.column), one.column.place))
    return chosen


def _preference(column: _Column) -> float:
    """Return the number's place in the order of preference, the lower the better."""
    ranks = (rank for rank, words in enumerate(_ORDER_OF_PHONES) if words & set(column.words))
    rank = next(ranks, None)
    plain, last = 2.5, float(len(_ORDER_OF_PHONES))  # a plain `phone` comes between the main number and the home's
    return plain if rank is None else rank or last


def _do_without(chosen: dict[str, list[_Candidate]], candidates: list[_Candidate], columns: list[_Column]) -> None:
    """Find an id and a number that the first choice left out, in columns with another use too."""
    if "leadPhone" not in chosen and "leadPhoneE164" not in chosen:
        spare = [one for one in candidates if one.field in {"leadPhone", "leadPhoneE164"}]
        if spare:
            best = max(spare, key=lambda one: one.confidence)
            chosen[best.field] = [best]
    if "externId" not in chosen:
        unique = [column for column in columns if column.filled and _may_serve_as_id(column)]
        if unique:
            best_column = max(unique, key=lambda column: (column.uniqueness * column.filled, -column.place))
            why = (
                f"for want of an id: {best_column.distinct} different values in {best_column.filled} of "
                f"{best_column.rows} rows; rows of one id are loaded once"
            )
            chosen["externId"] = [_Candidate("externId", best_column, 0.3, why, named=False)]


def _may_serve_as_id(column: _Column) -> bool:
    half = 0.5
    return column.uniqueness >= half and column.filled >= half * column.rows and not column.is_yes_or_no


def _as_guess(field: str, found: list[_Candidate]) -> Guess:
    why = found[0].why
    if len(found) > 1:
        why = "; ".join(f"{place}. {one.why}" for place, one in enumerate(found, 1))
    return Guess(field, tuple(one.column.name for one in found), found[0].confidence, why)


def _words_of(name: str) -> list[str]:
    """Return a column name's words in small letters, without accents; `leadID` and `LEAD_ID` are both two words."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).replace("ß", "ss")
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])", " ", plain)
    joined = re.sub(r"\be[\s_-]+(?=mail)", "e", parted.lower())
    return re.findall(r"[a-z0-9]+", joined)
