"""SQL that reads times: RFC 3339; epochs in s, ms or µs, told apart by size; typed columns."""

from zoneinfo import ZoneInfo

import pyarrow as pa

from recommender.data.events import EPOCH_UNITS
from recommender.data.eventscan import literal
from recommender.errors import MappingError

_EPOCH = r"\d+(\.\d+)?(E[+-]?\d+)?"
_DAY_AND_TIME = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?"
_ZONED = _DAY_AND_TIME + r" ?(Z|UTC|GMT|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
_NAIVE = rf"{_DAY_AND_TIME}|\d{{4}}-\d{{2}}-\d{{2}}"


def check_zone(tz: str | None) -> None:
    """Check a time zone.

    Raises:
        MappingError: If it is none that the IANA database knows.
    """
    if tz is None:
        return
    try:
        ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as err:
        raise MappingError(f"--tz {tz}: no IANA time zone; an example is Europe/Madrid") from err


def time_from_text(text: str, tz: str | None) -> tuple[str, str]:
    """SQL of the time in a text, and of what is wrong where that is null.

    Args:
        text: SQL of the text.
        tz: Time zone of times that name none; None refuses them.
    """
    time = f"upper(trim({text}))"
    number = f"TRY_CAST({time} AS DOUBLE)"
    is_naive = f"regexp_full_match({time}, '{_NAIVE}')"
    naive, naive_problem = "NULL", "naive_event_time"
    if tz is not None:
        naive = f"timezone({literal(tz)}, TRY_CAST(replace({time}, ',', '.') AS TIMESTAMP))"
        naive_problem = "bad_event_time"
    value = f"""
        CASE
            WHEN regexp_full_match({time}, '{_EPOCH}') THEN {_from_epoch(number)}
            WHEN regexp_full_match({time}, '{_ZONED}')
                THEN TRY_CAST(replace({time}, ',', '.') AS TIMESTAMPTZ)
            WHEN {is_naive} THEN {naive}
        END
    """
    problem = f"""
        CASE
            WHEN coalesce({time}, '') = '' THEN 'missing_event_time'
            WHEN {is_naive} THEN '{naive_problem}'
            ELSE 'bad_event_time'
        END
    """
    return value, problem


def time_from_type(column: str, kind: pa.DataType, tz: str | None) -> tuple[str, str]:
    """As `time_from_text`, of a typed column."""
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return time_from_text(f"{column}::VARCHAR", tz)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        value, problem = f"{column}::TIMESTAMPTZ", "bad_event_time"
    elif tz is not None:
        value, problem = f"timezone({literal(tz)}, {column}::TIMESTAMP)", "bad_event_time"
    else:
        value, problem = "NULL::TIMESTAMPTZ", "naive_event_time"
    return (
        f"CASE WHEN isfinite({value}) THEN {value} END",
        f"CASE WHEN {column} IS NULL THEN 'missing_event_time' ELSE '{problem}' END",
    )


def _from_epoch(number: str) -> str:
    cases = " ".join(
        f"WHEN {number} < {limit} THEN {number} * {1_000_000 // unit}"
        for limit, unit in EPOCH_UNITS.items()
    )
    # The connection's time zone is UTC.
    return f"make_timestamp(round(CASE {cases} END)::BIGINT)::TIMESTAMPTZ"
