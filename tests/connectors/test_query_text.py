"""A query's text: one statement that reads, and parameters only where they are parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources.databases.query_text import parse_query
from transforms.vocabulary.errors import ConfigurationError

ALL = ("postgresql", "sqlite", "duckdb", "mysql", "oracle")


def names(text, kind="postgresql", known=("a", "b", "text", "x")):
    return list(parse_query(text, kind, [], known).names)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1 where x >= :a and y in (:b,:a)", ["a", "b"]),
        ("select ':a', 'it''s :b' from t where z = :x", ["x"]),
        ('select ":a" from t', []),
        ("select 1 -- :a\n , :b", ["b"]),
        ("select 1 /* :a ; ' */ , :b", ["b"]),
        ("select '10:30:x', 7 % 2, '%s', '%(a)s'", []),
        ("select 1;", []),
        ("select 1 ; -- done\n /* really; */ \n", []),
        ("  ( select :a )", ["a"]),
        ("with q as (select 1) select * from q where r=:a", ["a"]),
        ("/* first */ -- then\n select :a", ["a"]),
    ],
)
def test_parameters_are_found_where_they_are_and_nowhere_else(kind, text, expected):
    assert names(text, kind) == expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("postgresql", "select x::text, :a::text, now() at time zone 'x'", ["a"]),
        ("postgresql", "select $$ :a ; $$, $q$ :b $$ $q$, :x", ["x"]),
        ("postgresql", r"select E'it\'s :a', :b", ["b"]),
        ("postgresql", r"select '\', :a", ["a"]),
        ("postgresql", "select 1 /* a /* b */ :a */ , :b", ["b"]),
        ("postgresql", "select (array[1,2])[1:2], $1", []),
        ("duckdb", "select {'k':a, 'l': :b} from t", ["b"]),
        ("mysql", r"select 'it\'s :a', :b", ["b"]),
        ("mysql", "select `:a`, 1 # :b\n, :x", ["x"]),
        ("mysql", "select 5--:a", ["a"]),
        ("sqlite", "select [:a], `:b`, :x", ["x"]),
    ],
)
def test_each_database_is_read_in_its_own_language(kind, text, expected):
    assert names(text, kind) == expected


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "text",
    [
        "",
        " -- nothing",
        "insert into t values (1)",
        "DELETE FROM t",
        "update t set a = 1 returning a",
        "create table t (a int)",
        "drop table t",
        "truncate t",
        "call p()",
        "set global x = 1",
        "attach 'x' as y",
        "copy t to 'x'",
        "pragma x = 1",
        "/* select */ delete from t",
        "explain analyze delete from t",
        "select 1 into outfile '/tmp/x'",
        "select 1 INTO /* */ DUMPFILE '/tmp/x'",
    ],
)
def test_what_does_not_read_is_refused(kind, text):
    with pytest.raises(ConfigurationError) as error:
        parse_query(text, kind, [], [])
    assert error.value.code == "SOURCE_QUERY"


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "text", ["select 1; select 2", "select 1; drop table t", "select 1;;x", "select ';'; delete from t"]
)
def test_several_statements_are_refused(kind, text):
    with pytest.raises(ConfigurationError, match="several statements"):
        parse_query(text, kind, [], [])


def test_a_comment_that_mysql_carries_out_is_refused():
    with pytest.raises(ConfigurationError, match="carries out"):
        parse_query("select 1 /*! into outfile '/tmp/x' */", "mysql", [], [])


def test_a_misspelt_parameter_is_named_with_the_nearest_one():
    with pytest.raises(ConfigurationError, match="parameter :sinc; did you mean :since") as error:
        parse_query("select :sinc", "postgresql", ["since"], ["run_date", "run_id"])
    assert error.value.code == "PARAMETER_UNKNOWN"


def test_a_parameter_that_no_query_uses_is_refused():
    with pytest.raises(ConfigurationError, match="no parameter :since") as error:
        parse_query("select ':since'", "postgresql", ["since"], ["run_date", "run_id"])
    assert error.value.code == "PARAMETER_UNUSED"


def test_a_place_in_the_text_with_placeholders_is_told_as_one_in_the_query():
    query = parse_query("select :a,\n  :b, nope", "postgresql", ["a", "b"], [])

    text, _ = query.render(lambda number, _: f"${number + 1}")

    assert text == "select $1,\n  $2, nope"
    assert query.tell_place(query.text.index("nope")) == "line 2, column 7"


@given(st.text(alphabet="ab:'\";-/*$\n\\ `[]", max_size=30), st.sampled_from(ALL))
def test_any_text_is_either_refused_or_given_back_unchanged_between_its_parameters(text, kind):
    try:
        query = parse_query(f"select {text}", kind, [], ["a", "b", "ab", "ba"])
    except ConfigurationError:
        return
    rendered, _ = query.render(lambda _, name: f":{name}")
    assert f"select {text}".startswith(rendered)
