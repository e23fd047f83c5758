"""The tables of the runners: runs that have ended, clocks, and the runners themselves.

Only machines write them; what a file has is checked so far that nothing that reads them
fails. Runner contract, section 8.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE

from app.jsonschema import NUMBERS
from app.query import Field, Fields
from app.query.values import (
    ARRAY,
    DATE,
    ID,
    INTBOOL,
    INTEGER,
    TEXT,
    ValueType,
    plain_key,
    type_name,
)
from app.schemas.base import Enumeration, List, Nested, Schema, Value
from app.schemas.svctask import StoredSchema
from app.schemas.value_types import INSTANT

NAME = "svcruns"
CLOCKS = "clocks"
RUNNERS = "runners"
COUNTS = "runcounts"

MOST_PARAMETER = 4096
"""How many characters a parameter of a start may have."""

CAUSES = ("schedule", "late", "retry", "manual", "onfail")

WANTED = "wanted"
"""The state of a run that somebody wants, until a runner takes it up."""

STATES = (
    "running",
    "succeeded",
    "failed",
    "timedout",
    "stopped",
    "lost",
    "missed",
    "skipped",
)


class SvcrunSchema(Schema):
    """A run, or slots that were missed or skipped."""

    noun = "a run"
    id = Value(ID, required=True)
    svctask = Value(ID, required=True)
    name = Value(TEXT, load_default="")
    code = Value(TEXT, load_default="")
    site = Value(TEXT, load_default="")
    node = Value(TEXT)
    cause = Enumeration(*CAUSES, required=True)
    slot = Value(INSTANT, required=True)
    started = Value(INSTANT)
    ended = Value(INSTANT)
    duration = Value(INTEGER)
    attempt = Value(INTEGER)
    attempts = Value(INTEGER)
    state = Enumeration(*STATES, required=True)
    count = Value(INTEGER)
    until = Value(INSTANT)
    exitcode = Value(INTEGER)
    signal = Value(INTEGER)
    status = Value(INTEGER)
    reason = Value(TEXT)
    outputbytes = Value(INTEGER)
    lastline = Value(TEXT)


class RunRequestSchema(Schema):
    """What a client may say of a run that it wants."""

    error_messages = {
        "type": "the body must be empty, or an object with the id of the run",
        "unknown": "is nothing that can be said of a run",
    }
    id = Value(ID)


def _parse_parameter(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ValueError(
            f"must be a text, a number or a boolean, not {type_name(value)}"
        )
    if isinstance(value, str) and len(value) > MOST_PARAMETER:
        raise ValueError(f"must have {MOST_PARAMETER} characters at most")
    return value


_PARAMETER = ValueType(
    "text, number or boolean",
    _parse_parameter,
    plain_key,
    {
        "anyOf": [
            {"type": "string", "maxLength": MOST_PARAMETER},
            {"type": "boolean"},
            *NUMBERS,
        ]
    },
)


class RuntimeRequestSchema(Schema):
    """A script to start, and what it is to get."""

    class Meta:
        include = {f"startparam{n}": Value(_PARAMETER) for n in range(1, 10)}

    error_messages = {
        "type": "the body must be an object with the code of a script",
        "unknown": "is nothing that a script can be started with",
    }
    code = Value(TEXT, required=True)


class RuntimeSchema(Schema):
    """A run that has not ended, in the words of the platform."""

    id = Value(ID)
    site = Value(TEXT)
    node = Value(TEXT)
    domain = Value(TEXT)
    type = Value(TEXT)
    code = Value(TEXT)


class ActiveSchema(Schema):
    """A run that is active."""

    class Meta:
        unknown = INCLUDE

    id = Value(ID, required=True)
    svctask = Value(ID, required=True)
    code = Value(TEXT, required=True)
    runner = Value(TEXT, required=True)
    cause = Enumeration(*CAUSES, required=True)
    slot = Value(INSTANT, required=True)
    attempt = Value(INTEGER, required=True)


class WantedSchema(Schema):
    """A run that is wanted."""

    class Meta:
        unknown = INCLUDE

    id = Value(ID, required=True)
    cause = Enumeration("manual", "onfail", required=True)
    asked = Value(INTEGER, required=True)


class RetrySchema(Schema):
    """A further attempt that is to come; ``failed`` is the record of the one before."""

    slot = Value(INTEGER, required=True)
    attempt = Value(INTEGER, required=True)
    at = Value(INTEGER, required=True)
    failed = Nested(SvcrunSchema, required=True)


class ClockSchema(Schema):
    """What the runners keep of one task, at one site or at all."""

    noun = "a clock"
    id = Value(TEXT, required=True)
    svctask = Value(ID, required=True)
    site = Value(TEXT, required=True)
    timing = Value(TEXT, required=True)
    armed = Value(INTEGER, required=True)
    slot = Value(INTEGER, required=True)
    behind = Value(INTEGER, required=True)
    isbusy = Value(INTBOOL, load_default=0)
    active = List(Nested(ActiveSchema), required=True)
    wanted = List(Nested(WantedSchema), required=True)
    retry = Nested(RetrySchema, load_default=None)
    stretch = Nested(SvcrunSchema, load_default=None)
    unrecorded = List(Nested(SvcrunSchema), required=True)
    # That of a script that is started without one that is stored.
    task = Nested(StoredSchema)


class RunnerSchema(Schema):
    """A runner, and the last that is known of it."""

    noun = "a runner"
    id = Value(TEXT, required=True)
    host = Value(TEXT, required=True)
    process = Value(TEXT, required=True)
    site = Value(TEXT, required=True)
    beat = Value(INTEGER, required=True)
    looked = Value(INTEGER, load_default=None)
    active = Value(INTEGER, load_default=0)
    open = Value(INTEGER, load_default=0)
    is_command = Value(INTBOOL)
    is_stopped = Value(INTBOOL, load_default=0)


class CountsSchema(Schema):
    """What runners have counted: names, labels and a number in each row."""

    noun = "the counts"
    id = Value(TEXT, required=True)
    rows = Value(ARRAY, required=True)


_RUN = SvcrunSchema()
_REQUEST = RunRequestSchema()
_RUNTIME = RuntimeRequestSchema()
_CLOCK = ClockSchema()


def _fields(schema: Schema) -> Fields:
    types: dict[str, ValueType] = {}
    for name, field in schema.fields.items():
        assert isinstance(field, Value)
        # Filters have an order of dates.
        types[name] = DATE if field.value_type is INSTANT else field.value_type
    return Fields(types, tuple(types), ())


FIELDS = _fields(_RUN)
"""The fields of a run, and of the items of a list of them."""

RUNTIME_FIELDS = _fields(RuntimeSchema())
"""Those of a run that has not ended, in the words of the platform."""

IS_BUSY = Field(("isbusy",), INTBOOL)
"""The field of a clock that says if it has runs that are not in the history yet."""


def isbusy(clock: Mapping[str, Any]) -> int:
    """Return what the field of a clock is to be, by which few are found among many.

    Slots that were missed do not count: there may be some of each task.
    """
    asked = (run["cause"] == "manual" for run in clock["unrecorded"])
    return int(bool(clock["active"] or clock["wanted"] or any(asked)))


def wanted(body: Any) -> dict[str, Any]:
    """Return what a client says of a run that it wants; raises Invalid."""
    return _REQUEST.load(body)


def runtime(body: Any) -> tuple[str, dict[str, Any]]:
    """Return the code of a script to start, and its parameters; raises Invalid."""
    given = _RUNTIME.load(body)
    return given.pop("code"), given


def loaded_clock(raw: Any, number: int, moment: str) -> dict[str, Any]:
    """Return the clock that a data file means; raises Invalid with all faults."""
    clock = _CLOCK.load(raw)
    return {**clock, "isbusy": isbusy(clock)}


loaded = _RUN.loaded
loaded_runner = RunnerSchema().loaded
loaded_counts = CountsSchema().loaded
