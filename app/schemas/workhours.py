"""Working hours: the periods of a week and of particular days, in a zone.

They come with a data file and are read only. ``days`` have the words of the platform's
``workday``: ``isannual`` 1 counts in every year, ``asdow`` is 0 for a day off, or 1 to 7
for the hours of that weekday; ``periods`` are hours of the day's own. Runner contract,
section 3.
"""

from typing import Any

from marshmallow import ValidationError, validate, validates_schema

from app import hours
from app.errors import Faults, cut
from app.query.values import INTBOOL, INTEGER, TEXT
from app.schemas.base import List, Nested, Schema, Value, refuse
from app.schemas.svctask import TimesSchema, bounded
from app.schemas.value_types import TYPES

NAME = "workhours"


def _check_zone(name: str) -> None:
    try:
        hours.zone(name)
    except ValueError as error:
        raise ValidationError(f'{error}, not "{cut(name)}"') from None


class WeekSchema(TimesSchema):
    """Times of a weekday; 1 is Monday."""

    dow = bounded(1, 7)


class DaySchema(Schema):
    """A day whose hours are not those of its weekday."""

    noun = "a day"
    date = Value(TYPES["date"], required=True)
    isannual = Value(INTBOOL, load_default=0)
    asdow = Value(
        INTEGER,
        validate=validate.Range(
            0, 7, error="must be 0 for a day off, or from 1 to 7 for a weekday's hours"
        ),
    )
    periods = List(Nested(TimesSchema))

    @validates_schema
    def check_hours(self, day: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError unless the day says its hours, once."""
        if ("asdow" in day) == ("periods" in day):
            raise ValidationError("must be there, or else periods", "asdow")


class WorkhoursSchema(Schema):
    """Working hours as a data file has them."""

    noun = "working hours"
    name = Value(
        TEXT, required=True, validate=validate.Length(1, error="must not be empty")
    )
    timezone = Value(TEXT, validate=_check_zone)
    week = List(Nested(WeekSchema), required=True)
    days = List(Nested(DaySchema), load_default=list)

    @validates_schema(skip_on_field_errors=False)
    def check_days(self, workhours: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError if a day is there twice."""
        faults = Faults()
        places: dict[Any, int] = {}
        for index, day in enumerate(workhours.get("days", ())):
            if "date" in day:
                is_annual = day.get("isannual", 0)
                known = is_annual, day["date"][5:] if is_annual else day["date"]
                place = places.setdefault(known, index)
                if place != index:
                    faults[f"days.{index}.date"] = [f"is that of day {place}"]
        refuse(faults)


loaded = WorkhoursSchema().loaded
