"""How the fields of a table are compared in SQL, and which columns have their values.

A *term* is what a field is compared or sorted by, as a column's type has it: the first 200
characters of a text, a number, whether there is a value, and the rank of a value's type.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from app.query import Field, Order
from app.query.predicate import SORTED
from app.query.values import DATE, NAMES, NUMBERS, PRESENCE, STRINGS, ValueType
from app.storage import Collection, no_ids

TEXT: Final = "text"
NUMBER: Final = "number"
PRESENT: Final = "present"
RANK: Final = "rank"

TYPES = {
    TEXT: 'text COLLATE "C"',
    NUMBER: "numeric",
    PRESENT: "boolean",
    RANK: "smallint",
}
"""The type of a column by the term that it has."""


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text of our own as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def is_date(kind: ValueType) -> bool:
    """Return whether values are compared as instants."""
    return kind.comparison_key is DATE.comparison_key


def is_names(kind: ValueType) -> bool:
    """Return whether values are compared as sets of names."""
    return kind.comparison_key is NAMES.comparison_key


def is_spelled(kind: ValueType) -> bool:
    """Return whether values are compared as they are spelled, 1 as "1"."""
    return kind.comparison_key is str


def terms(field: Field) -> Sequence[str]:
    """Return the terms by which a field is sorted, as ``app.query.predicate`` does."""
    if field.type in STRINGS:
        return (TEXT,)
    if field.type in NUMBERS:
        return (NUMBER,)
    return (RANK, NUMBER, TEXT)


def looked_up(field: Field) -> Sequence[str]:
    """Return the terms by which equal values of a field are found."""
    return (PRESENT,) if field.type is PRESENCE else terms(field)


def expression(field: Field, term: str) -> str:
    """Return the SQL of a term; the field's names are our own."""
    names = ", ".join(map(literal, field.path))
    value, text = f"search #> ARRAY[{names}]", f"(search #>> ARRAY[{names}])"
    kind = f"jsonb_typeof({value})"
    if term == PRESENT:
        return f"({value} IS NOT NULL)"
    if term == RANK:
        return (
            f"(CASE {kind} WHEN 'boolean' THEN 1 WHEN 'number' THEN 2 "
            "WHEN 'string' THEN 3 WHEN 'array' THEN 4 WHEN 'object' THEN 4 "
            "ELSE 0 END)::smallint"
        )
    if term == NUMBER and field.type in NUMBERS:
        return (
            f"CASE {kind} WHEN 'number' THEN {text}::numeric "
            "ELSE '-Infinity'::numeric END"
        )
    if term == NUMBER:
        return (
            f"CASE {kind} WHEN 'number' THEN {text}::numeric "
            f"WHEN 'boolean' THEN {text}::boolean::integer::numeric ELSE 0::numeric END"
        )
    shown = f"date_key({text})" if is_date(field.type) else text
    return f"CASE {kind} WHEN 'string' THEN left({shown}, {SORTED}) ELSE '' END"


class Columns:
    """The columns and indexes of the table of a collection."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.table = quoted(collection.name)
        self._made: dict[str, tuple[str, str]] = {}
        for by in collection.order:
            self._add(by.field, terms(by.field))
        for field in collection.indexed:
            self._add(field, looked_up(field))

    def _add(self, field: Field, wanted: Sequence[str]) -> None:
        for term in wanted:
            name = quoted(f"{field.name} {term}")
            if any(name == taken for taken, _ in self._made.values()):
                name = quoted(f"{field.name} {field.type.name} {term}")
            self._made.setdefault(expression(field, term), (name, TYPES[term]))

    @property
    def gives_ids(self) -> bool:
        """Whether the table gives ids in its documents."""
        return self.collection.ids is not no_ids

    def of(self, field: Field, term: str) -> str | None:
        """Return the column that has a term of a field, if there is one."""
        found = self._made.get(expression(field, term))
        return None if found is None else found[0]

    def sorting(self, by: Order) -> Iterator[str]:
        """Return the columns to sort by, or expressions in place of those."""
        for term in terms(by.field):
            made = expression(by.field, term)
            if made in self._made:
                yield self._made[made][0]
            else:
                collated = ' COLLATE "C"' if term == TEXT else ""
                yield f"({made}){collated}".replace("%", "%%")

    def generated(self) -> Iterator[tuple[str, str, str]]:
        """Return name, type and expression of each column that the database makes."""
        for made, (name, kind) in self._made.items():
            yield name, kind, made

    def indexes(self) -> Iterator[tuple[str, Iterable[str]]]:
        """Return name and columns of each index.

        One is in the table's order, and there is one for each field that is looked up.
        """
        table = self.collection.name
        order = [each for by in self.collection.order for each in self.sorting(by)]
        yield f"{table} in order", dict.fromkeys([*order, "position"])
        for field in self.collection.indexed:
            first = [str(self.of(field, term)) for term in looked_up(field)]
            columns = dict.fromkeys([*first, *order, "position"])
            yield f"{table} {field.name} {looked_up(field)[0]}", columns
