"""marshmallow with the rules of this service: its schemas, fields and faults.

marshmallow's own fields guess (a string "yes" is a boolean, 1.0 an integer); the rules here
are those of ``app.query.values``, so that bodies and filters agree. Its ``load`` takes
three times as long where few of many members are there, makes objects of names with a dot,
and collects nested faults in nested objects; ``Schema.load`` goes through the fields once
and raises Invalid with all faults by dotted path, such as ``periods.0.dow``.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar

import marshmallow
from marshmallow import INCLUDE, RAISE, ValidationError, fields, missing, validate
from marshmallow.decorators import VALIDATES_SCHEMA

from app.errors import Faults, Invalid, checked
from app.query import suggestion
from app.query.values import ARRAY, OBJECT, TEXT, ValueType, type_name

MAX_SUGGESTIONS = 16
"""How many unknown members of one body are compared with the known ones."""

MAX_COMPARED = 100
"""How many known names each of them is compared with: a client may have defined more."""

WHITE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What ``str.strip`` takes away. Regular expressions differ in what white space is."""

NOT_BLANK = f"[^{WHITE}]"
"""The pattern of texts that are not of white space only."""

Hints = Iterator[int]
"""One item for each suggestion that may still be given for the body that is read."""


def hints() -> Hints:
    """Return the suggestions that one body may get."""
    return iter(range(MAX_SUGGESTIONS))


def copied(value: Any) -> Any:
    """Return a JSON value that shares no array or object with ``value``."""
    if isinstance(value, dict):
        return {name: copied(member) for name, member in value.items()}
    if isinstance(value, list):
        return [copied(member) for member in value]
    return value


def unknown(
    body: Iterable[str], known: Iterable[str], fault: str, left: Hints | None = None
) -> Faults:
    """Return the faults of the members of ``body`` that are not ``known``.

    ``fault`` is such as ``is not a field of a task``; the nearest known name follows it,
    as long as there are hints ``left``.
    """
    left = left or hints()
    names = dict.fromkeys(known)
    faults = Faults()
    for name in body:
        if name not in names:
            nearest = ""
            if next(left, None) is not None:
                nearest = suggestion(name, islice(names, MAX_COMPARED))
            faults[name] = [f"{fault}{nearest}"]
    return faults


class Wrong(ValidationError):
    """What is wrong inside an array or an object, by place; ``given`` is what is right."""

    def __init__(self, faults: Faults, given: Any) -> None:
        super().__init__(dict(faults), valid_data=given)
        self.faults = faults


def refuse(faults: Mapping[str, list[str]]) -> None:
    """Raise Wrong if there are faults: how a rule across fields ends."""
    if faults:
        raise Wrong(Faults(faults), None)


def include(faults: Faults, place: str, error: ValidationError) -> None:
    """Add to ``faults`` what is wrong at ``place``, or in what is there."""
    if isinstance(error, Wrong):
        faults.include(error.faults, f"{place}.")
    else:
        assert isinstance(error.messages, list)
        faults[place] = error.messages


class _Field(fields.Field[Any]):
    """A field that may be null unless it is required."""

    default_error_messages = {"required": "is required", "null": "must not be null"}

    def __init__(self, *what: Any, **settings: Any) -> None:
        settings.setdefault("allow_none", not settings.get("required"))
        super().__init__(*what, **settings)

    def deserialize(
        self, value: Any, attr: str | None = None, data: Any = None, **settings: Any
    ) -> Any:
        """Return the stored form of ``value``; raises ValidationError.

        marshmallow's own makes an object for the validators of each value.
        """
        if value is None:
            if self.allow_none:
                return None
            raise self.make_error("null")
        parsed = self._deserialize(value, attr, data, **settings)
        for check in self.validators:
            check(parsed)
        return parsed


class Value(_Field):
    """A value of a type, in its stored form."""

    def __init__(self, value_type: ValueType, **settings: Any) -> None:
        super().__init__(**settings)
        self.value_type = value_type

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        try:
            return self.value_type.parse(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class Enumeration(Value):
    """One of a few words."""

    def __init__(self, *words: str, **settings: Any) -> None:
        allowed = ", ".join(f'"{word}"' for word in words)
        known = validate.OneOf(words, error=f"must be one of {allowed}")
        super().__init__(TEXT, validate=known, **settings)


class Nested(_Field, fields.Nested):
    """An object with a schema of its own, which is a class."""

    value_type = OBJECT
    default_error_messages = {"null": "must be an object, not null"}

    @cached_property
    def members(self) -> "Schema":
        """The schema of the object."""
        schema = self.schema
        assert isinstance(schema, Schema)
        return schema

    def _deserialize(self, value: Any, *_: Any, **settings: Any) -> Any:
        if not isinstance(value, dict):
            fault = f"must be an object, not {type_name(value)}"
            raise ValidationError(fault, valid_data={})
        given, faults = self.members.parsed(value, **settings)
        if faults:
            raise Wrong(faults, given)
        return given


class List(_Field, fields.List[Any]):
    """An array; each of its items is parsed by one field."""

    value_type = ARRAY

    def __init__(self, items: Value | Nested, **settings: Any) -> None:
        super().__init__(items, **settings)
        self.inner.allow_none = False

    def _deserialize(
        self, value: Any, *_: Any, left: Hints | None = None, **__: Any
    ) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError(f"must be an array, not {type_name(value)}")
        # The length first: an array that is too long is not looked into.
        for check in self.validators:
            check(value)
        faults = Faults()
        items = []
        nothing: Any = {} if isinstance(self.inner, Nested) else None
        for index, raw in enumerate(value):
            try:
                items.append(self.inner.deserialize(raw, left=left))
            except ValidationError as error:
                include(faults, str(index), error)
                items.append(error.valid_data or nothing)
        if faults:
            raise Wrong(faults, items)
        return items


class Schema(marshmallow.Schema):
    """The members of an object, and what each of them may be.

    A null counts as absent; in a partial body it is handed on, for there it resets.
    ``error_messages`` say what is wrong with what is no object, and with an unknown
    member; where there is a ``noun``, with its article, they are made of it. ``component``
    is its name in the OpenAPI document where others refer to it.
    """

    component: ClassVar[str] = ""
    noun: ClassVar[str] = ""
    error_messages = {"type": "the body must be a JSON object"}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        if self.noun:
            self.error_messages["type"] = f"{self.noun} must be a JSON object"
            self.error_messages["unknown"] = f"is not a member of {self.noun}"
        self.names = {
            field.data_key or name: field for name, field in self.load_fields.items()
        }
        self._places = {name: place for place, name in enumerate(self.names)}
        self._required = {n for n, field in self.names.items() if field.required}
        defaults = {name: field.load_default for name, field in self.names.items()}
        self._makers = [(n, make) for n, make in defaults.items() if callable(make)]
        # A copy of it has its members in the order of the schema.
        self._unmade = defaults | dict.fromkeys(name for name, _ in self._makers)
        self._without_default = [n for n in defaults if defaults[n] is missing]
        self._known = {field.data_key or name for name, field in self.fields.items()}
        self._defaulted = [n for n in defaults if defaults[n] is not missing]
        self._rules = [
            (getattr(self, name), bool(settings["skip_on_field_errors"]))
            for name, _, settings in type(self).resolve_hooks()[VALIDATES_SCHEMA]
        ]

    def load(
        self,
        data: Any,
        *,
        many: bool | None = None,
        partial: Any = None,
        unknown: Any = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the members of ``data`` in their stored form; raises Invalid."""
        return checked(*self.parsed(data, bool(partial)))

    def loaded(self, raw: Any, number: int, moment: str) -> dict[str, Any]:
        """Return the document that a data file means; raises Invalid with all faults.

        Nothing in it depends on the ``number`` and ``moment`` of the file.
        """
        return self.load(raw)

    def parsed(
        self, data: Any, partial: bool = False, left: Hints | None = None
    ) -> tuple[dict[str, Any], Faults]:
        """Return the valid members of ``data``, and the faults of the others.

        Raises Invalid if it is no object.
        """
        if not isinstance(data, dict):
            raise Invalid(self.error_messages["type"])
        left = left or hints()
        faults = Faults()
        given: dict[str, Any] = {}
        names: Set[str] = self.names.keys() & data.keys()
        if not partial:
            given = self._unmade.copy()
            for name, make in self._makers:
                given[name] = make()
            names |= self._required
        # In the order of the schema, which is that of the faults.
        for name in sorted(names, key=self._places.__getitem__):
            field = self.names[name]
            value = data.get(name, missing)
            if value is missing:
                faults[name] = ["is required"]
                continue
            if value is None and not partial and not field.required:
                continue
            try:
                given[name] = field.deserialize(
                    value, name, data, partial=partial, left=left
                )
            except ValidationError as error:
                include(faults, name, error)
                given[name] = missing if error.valid_data is None else error.valid_data
        for name in list(given) if faults else self._without_default:
            if given.get(name) is missing:
                del given[name]
        if self.unknown == INCLUDE:
            given = self._with_others(given, data)
        elif self.unknown == RAISE and not data.keys() <= self._known:
            fault = self.error_messages["unknown"]
            faults.include(unknown(data, self.suggested(), fault, left))
        for rule, is_skipped in self._rules:
            if not (faults and is_skipped):
                try:
                    rule(given, partial=partial, many=False, unknown=self.unknown)
                except Wrong as error:
                    faults.include(error.faults)
                except ValidationError as error:
                    include(faults, error.field_name, error)
        return given, faults

    def _with_others(
        self, given: dict[str, Any], data: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return ``given`` and the client's own members, in the order of ``data``."""
        defaults = {name: given[name] for name in self._defaulted if name in given}
        return defaults | {
            name: given[name] if name in given else copied(value)
            for name, value in data.items()
            if name in given or name not in self._known
        }

    def suggested(self) -> Iterator[str]:
        """Return the names to suggest, those in open objects with a dot between."""
        for name, field in self.fields.items():
            yield field.data_key or name
            if isinstance(field, Nested) and field.members.unknown == INCLUDE:
                yield from (f"{name}.{member}" for member in field.members.fields)

    def default_of(self, name: str) -> Any:
        """Return a new default of the member ``name``."""
        default = self.names[name].load_default
        return default() if callable(default) else default
