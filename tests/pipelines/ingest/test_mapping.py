"""What `--map` says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.mapping import MAPPED_FIELDS, FieldMap, needed_columns, parse_map
from recommender.errors import MappingError

names = st.text(
    st.characters(exclude_characters=",=", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]),
    min_size=1,
)
TABLE = ["event_name", "event_time", "visitor_id", "item_id"]


def test_columns_constants_and_names_of_events():
    parsed = parse_map(
        ["visitor_id=customer, item_id=product", "event_name==view_item,event_name.KAUF=purchase,"]
    )

    assert parsed == FieldMap(
        columns={"visitor_id": "customer", "item_id": "product"},
        constants={"event_name": "view_item"},
        event_names={"kauf": "purchase"},
    )


@given(st.dictionaries(st.sampled_from(MAPPED_FIELDS), names, max_size=8), st.booleans())
def test_columns_come_back_as_written(columns, in_one_text):
    entries = [f"{ours}={theirs}" for ours, theirs in columns.items()]

    parsed = parse_map([",".join(entries)] if in_one_text else entries)

    assert parsed.columns == columns


@given(names, st.sampled_from(MAPPED_FIELDS))
def test_constants_come_back_as_written(value, field):
    assert parse_map([f"{field}=={value}"]).constants == {field: value}


@given(st.lists(st.text()))
def test_any_text_is_parsed_or_refused_with_its_exit_code(texts):
    try:
        refusal = None if parse_map(texts) else "parsed to nothing"
    except MappingError as err:
        refusal = str(err)
    assert refusal is None or refusal.startswith("--map")


def test_a_name_of_an_event_may_hold_an_equals_sign():
    assert parse_map(["event_name.a=b=purchase"]).event_names == {"a=b": "purchase"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("customer", "OURS=COLUMN"),
        ("=x", "OURS=COLUMN"),
        ("visitor_id=", "OURS=COLUMN"),
        ("visitor_id==", "OURS=COLUMN"),
        ("event_name.=purchase", "event_name.THEIRS=OURS"),
        ("visitor=customer", "nearest is visitor_id"),
        ("visitor_id=a,visitor_id=b", "mapped twice"),
        ("event_name=kind,event_name==view_item", "mapped twice"),
        ("event_name.A=purchase,event_name.a=refund", "mapped twice"),
    ],
)
def test_what_cannot_be_read_says_so(text, says):
    with pytest.raises(MappingError, match=says):
        parse_map([text])


def test_needed_columns_of_a_table():
    found = ["ts", "customer", "product", "price", "colour"]
    field_map = parse_map(["visitor_id=customer,item_id=product,event_time=ts,event_name==view"])

    assert needed_columns(found, "a.csv", field_map) == {
        "visitor_id": "customer",
        "item_id": "product",
        "event_time": "ts",
        "price": "price",
    }


@pytest.mark.parametrize("missing", ["event_name", "event_time", "item_id", "visitor_id"])
def test_a_required_column_that_is_missing_is_named(missing):
    found = [name for name in TABLE if name != missing]

    with pytest.raises(MappingError, match=rf"a\.csv has no column {missing}.*--map {missing}="):
        needed_columns(found, "a.csv", FieldMap())


def test_a_mapped_column_that_is_missing_is_named_with_the_nearest():
    with pytest.raises(MappingError, match=r"no column 'custmer'.*did you mean .*=customer"):
        needed_columns([*TABLE, "customer"], "a.csv", parse_map(["user_id=custmer"]))


def test_two_columns_of_one_name_are_ambiguous():
    with pytest.raises(MappingError, match="two columns 'item_id'"):
        needed_columns([*TABLE, "item_id"], "a.csv", FieldMap())


def test_either_id_will_do():
    found = ["event_name", "event_time", "session_id", "items"]

    assert set(needed_columns(found, "a.parquet", FieldMap())) == set(found)
