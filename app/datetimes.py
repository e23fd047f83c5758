"""Date-times: how those of requests and files are parsed, and how ours are written.

All are RFC 3339 in UTC with a Z. What is parsed keeps its fraction. Section 1 of both
contracts.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

Clock = Callable[[], datetime]
"""A function that returns the time, aware of its zone."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:)([0-9]{2})(\.[0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))"
)
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)


def now() -> datetime:
    """Return the time of the system's clock."""
    return datetime.now(UTC)


def parse(value: Any) -> str:
    """Return the date-time that a JSON value means, in UTC.

    Beyond RFC 3339, an offset may lack its colon: ``+0000`` is what Java prints. A leap
    second, ``23:59:60`` of UTC, is the second after it. Raises ValueError, with a text
    that follows a field's name.
    """
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a date such as "2019-08-26T12:09:03Z"')
    day, minute, second, fraction, sign, hours, minutes = match.groups()
    is_leap = second == "60"
    moment = f"{day}T{minute}{'59' if is_leap else second}"
    try:
        # The pattern is right already: this checks the calendar and the clock.
        local = datetime.fromisoformat(moment)
        if sign or is_leap:
            utc = local - _offset(sign, hours, minutes)
            if is_leap and (utc.hour, utc.minute) != (23, 59):
                raise ValueError("a leap second is at 23:59:60 of UTC")
            moment = (utc + _SECOND if is_leap else utc).isoformat()
    except OverflowError:
        raise ValueError("must be a date in the years 1 to 9999 of UTC") from None
    except ValueError as error:
        raise ValueError(f"must be a date that exists: {error}") from None
    return f"{moment}{fraction or ''}Z"


def _offset(sign: str | None, hours: str, minutes: str) -> timedelta:
    if not sign:
        return timedelta()
    if hours > "23" or minutes > "59":
        raise ValueError("an offset is at most 23:59")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return -offset if sign == "-" else offset


def parse_day(value: Any) -> str:
    """Return the day that a JSON value is; raises ValueError as ``parse`` does."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError('must be a date such as "2019-08-26"')
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"must be a date that exists: {error}") from None
    return value


def comparison_key(moment: str) -> str:
    """Return what compares as the instants do, for a date-time that was parsed.

    Without its Z a whole second is a prefix of its fractions, and so comes first.
    """
    moment = moment.removesuffix("Z")
    return moment.rstrip("0").rstrip(".") if "." in moment else moment


def in_milliseconds(moment: str) -> str:
    """Return a parsed date-time with exactly three fraction digits, truncated."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    return f"{whole}.{fraction[:3]:0<3}Z"


def instant(moment: datetime) -> str:
    """Return an aware ``moment`` in UTC with two fraction digits, truncated.

    The form of ``ext.ct`` and ``ext.lwt``: svctasks contract, section 1.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:22] + "Z"


def file_time(nanoseconds: int) -> str:
    """Return the time of a file, in nanoseconds since 1970, as ``instant`` does."""
    return instant(datetime.fromtimestamp(nanoseconds / 1e9, UTC))


def moment(now: datetime) -> str:
    """Return an aware ``now`` in UTC with milliseconds, the form of services."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def of_seconds(time: float) -> str:
    """Return ``time`` in seconds since 1970 with milliseconds, truncated."""
    # In microseconds first: the float of .678 may be just below it.
    seconds, rest = divmod(round(time * 1_000_000), 1_000_000)
    return f"{_second(seconds)}.{rest // 1000:03d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def milliseconds(now: datetime) -> int:
    """Return the milliseconds from 1970 to an aware ``now``."""
    return (now - EPOCH) // _MILLISECOND


def milliseconds_of(moment: str) -> int:
    """Return the milliseconds from 1970 to a date-time that was parsed, truncated."""
    return milliseconds(datetime.fromisoformat(moment))


def of_milliseconds(time: int) -> str:
    """Return ``time`` in milliseconds since 1970 with three fraction digits."""
    return moment(EPOCH + timedelta(milliseconds=time))


def duration(started: str, completed: str) -> int:
    """Return the milliseconds between two date-times, 0 if the second is the earlier."""
    passed = datetime.fromisoformat(completed) - datetime.fromisoformat(started)
    return max(0, passed // _MILLISECOND)
