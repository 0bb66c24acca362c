"""Every state, territory and province, by code and by name, against a list that is written here once more."""

import polars as pl

from transforms.postal import clean_regions

STATES = dict(
    line.split(" ", 1)
    for line in """\
AL Alabama;AK Alaska;AZ Arizona;AR Arkansas;CA California;CO Colorado;CT Connecticut;DE Delaware
DC District of Columbia;FL Florida;GA Georgia;HI Hawaii;ID Idaho;IL Illinois;IN Indiana;IA Iowa;KS Kansas;KY Kentucky
LA Louisiana;ME Maine;MD Maryland;MA Massachusetts;MI Michigan;MN Minnesota;MS Mississippi;MO Missouri;MT Montana
NE Nebraska;NV Nevada;NH New Hampshire;NJ New Jersey;NM New Mexico;NY New York;NC North Carolina;ND North Dakota
OH Ohio;OK Oklahoma;OR Oregon;PA Pennsylvania;RI Rhode Island;SC South Carolina;SD South Dakota;TN Tennessee;TX Texas
UT Utah;VT Vermont;VA Virginia;WA Washington;WV West Virginia;WI Wisconsin;WY Wyoming;PR Puerto Rico;GU Guam
AS American Samoa;MP Northern Mariana Islands;VI U.S. Virgin Islands;AB Alberta;BC British Columbia;MB Manitoba
NB New Brunswick;NL Newfoundland and Labrador;NS Nova Scotia;NT Northwest Territories;NU Nunavut;ON Ontario
PE Prince Edward Island;QC Quebec;SK Saskatchewan;YT Yukon""".replace("\n", ";").split(";")
)


def cleaned(*cells):
    return clean_regions(pl.Series(cells)).to_list()


def test_every_state_territory_and_province_is_known_by_code_and_by_name():
    names = {name: code for code, name in STATES.items()}
    names |= {"Newfoundland": "NL", "Virgin Islands": "VI", "Québec": "QC"}
    assert len(STATES) == 50 + 1 + 5 + 13
    assert cleaned(*names) == list(names.values())
    assert cleaned(*map(str.lower, STATES)) == list(STATES)
