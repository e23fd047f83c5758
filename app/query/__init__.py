"""The query: which documents, in which order, and which part of the list.

A query is a value that the API builds and a store executes. It is parsed once
(``app.query.grammar``) and compiled by each back end from the same tree
(``app.query.predicate`` for Python), so that all of them return the same documents.

The tree has few forms: ``$ne`` and ``$nin`` are negations, and objects are conditions on
their members. The remaining operators are ``$eq $in $gt $gte $lt $lte
$exists $contains $startswith $endswith``. The operand of a comparison is a *key* of the
field's kind (``app.query.values``), of ``$in`` a frozenset of keys, or of frozensets of
names, of ``$exists`` a bool, of the text operators a string as it was given. So trees are
equal and hash alike only if they mean the same.

The one rule for absent, null and mixed values, for every back end:

* Values are equal as JSON values are: an absent value equals null and nothing else, a
  boolean is never a number, and 1 is 1.0.
* ``$gt $gte $lt $lte`` hold only between two numbers or two strings. The empty date is
  a string, and less than all others.
* An array equals a wanted array if each of the wanted elements is equal to one in it; an
  object equals a wanted one if the wanted members do. This holds at any depth.
* The name of a member of ``opts`` or ``ext`` that is not declared leads through objects,
  and through the objects that are elements of an array, to any number of values. An
  object that lacks the next name, and a value that is neither an object nor an array,
  lead to one absent value; an array without objects leads to none. Positions in arrays
  are no names.
* A condition on such a name holds if it holds for one of these values. One on a single
  value (equality with a scalar, an order, the beginning or end of a text) holds for an
  array if it holds for one of its elements, which is not searched for further ones.
  Equality with an array and ``$contains`` ask for what is in the array itself.
* Members of an object beside a name are dotted names: each may hold in another element
  of an array. An object inside of a wanted array, beside ``$contains`` or in ``$all`` has
  to be equal to one element.
* ``$all`` holds if each of its values does as an equality, but an object or an array in
  it has to be an element; without values it never holds.
* A negation holds wherever its part does not, so for absent values too.
* A presence is true or false, and equals nothing else; a member with null is present.
* In an order, what is not of the field's type comes first, as if it were the least. Texts
  are compared by their first 200 characters: longer ones that begin alike are equal in it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from json import dumps
from typing import Any, NamedTuple

from app.errors import Invalid, cut
from app.jsontext import MAX_DEPTH
from app.query.values import ABSENT, ANY, ValueType

Document = Mapping[str, Any]

MAX_NAME = 1024
"""How many characters the dotted name of a field may have."""


class Field(NamedTuple):
    """A place in a document: the names that lead to it, and the kind of its values."""

    path: tuple[str, ...]
    type: ValueType

    @property
    def name(self) -> str:
        """The dotted name."""
        return ".".join(self.path)

    def find(self, document: Document) -> Any:
        """Return the value at this place of ``document``, or ABSENT."""
        value = document.get(self.path[0], ABSENT)
        for name in self.path[1:]:
            if not isinstance(value, dict):
                return ABSENT
            value = value.get(name, ABSENT)
        return value


@dataclass(frozen=True, slots=True)
class Comparison:
    """The value of ``field`` has the relation ``operator`` to ``operand``."""

    field: Field
    operator: str
    operand: Any


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold; without parts, always."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds; without parts, never."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: "Condition"


Condition = Comparison | Every | Some | Negation


class Order(NamedTuple):
    """Sort by ``field``."""

    field: Field
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Documents that fulfil ``where``, in ``order``, ``limit`` of them from ``offset``.

    Without ``order`` it is that of the collection; without ``limit`` there is none. So
    many matches have to be ``counted``, and all up to the end of the page; None is all.
    """

    where: Condition | None = None
    order: tuple[Order, ...] = ()
    offset: int = 0
    limit: int | None = None
    counted: int | None = None


def quoted(name: str) -> str:
    """Return ``name`` in quotes for a message, the beginning only of a long one."""
    return dumps(cut(name), ensure_ascii=False)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return, in brackets, the known name that is nearest to ``name``, or nothing."""
    # Only the start of a long name is compared: the search is not linear.
    nearest = get_close_matches(name[:64].lower(), known, n=1)
    return f' (did you mean "{nearest[0]}"?)' if nearest else ""


class Fields:
    """The fields of one collection, by name.

    ``types`` has every declared name, dotted for sub-fields, in the order of replies;
    ``listed`` the names that exist in the items of a list; ``open_objects`` the objects
    that have members of the client's own too. ``declared`` are all declared fields in the
    order of replies. All methods raise Invalid for a name that does not exist. svctasks
    contract, section 4.
    """

    def __init__(
        self,
        types: Mapping[str, ValueType],
        listed: Collection[str],
        open_objects: Collection[str],
    ) -> None:
        self._declared = {
            name: Field(tuple(name.split(".")), value_type)
            for name, value_type in types.items()
        }
        self._listed = {name: self._declared[name] for name in listed}
        self._open = open_objects
        self.declared = tuple(self._declared.values())
        self.listed = tuple(self._listed.values())

    def one(self, name: str) -> Field:
        """Return the field ``name`` of a complete document, for a filter or a mask."""
        if name in self._declared:
            return self._declared[name]
        if len(name) > MAX_NAME:
            raise Invalid(f"a field name has more than {MAX_NAME} characters")
        path = tuple(name.split("."))
        if path[0] not in self._open or not all(path):
            parts = " and ".join(self._open)
            also = f", and any sub-field of {parts}" if parts else ""
            raise _unknown(name, self._declared, also)
        if len(path) > MAX_DEPTH:
            raise Invalid(f"a field name has more than {MAX_DEPTH} parts")
        return Field(path, ANY)

    def order(self, name: str) -> Field:
        """Return the field ``name`` of a list item, to sort by."""
        if name in self._listed:
            return self._listed[name]
        if self._is_of_one(name):
            raise _refused(f"lists cannot be sorted by {quoted(name)}", self._listed)
        raise _unknown(name, self._listed)

    def masked(self, name: str, on_list: bool) -> tuple[Field, ...]:
        """Return what ``name`` means in a mask: in a list, an object is its members."""
        if not on_list:
            return (self.one(name),)
        fields = tuple(f for f in self.listed if name in (f.name, f.path[0]))
        if not fields and self._is_of_one(name):
            fault = f"{quoted(name)} is a field of one entity only, not of lists"
            raise _refused(fault, self._listed)
        if not fields:
            raise _unknown(name, self._listed)
        return fields

    def _is_of_one(self, name: str) -> bool:
        try:
            self.one(name)
        except Invalid:
            return False
        return True


def _refused(fault: str, available: Iterable[str]) -> Invalid:
    return Invalid(f"{fault}; available: {', '.join(available)}")


def _unknown(name: str, available: Iterable[str], also: str = "") -> Invalid:
    fault = f"there is no field {quoted(name)}{suggestion(name, available)}"
    return Invalid(f"{_refused(fault, available).message}{also}")
