"""The use cases of services: their life cycle, extension values, queries, imports.

Each operation is one atomic update of one document. What a body may hold depends on the
stored extension schemas: the body is read before the update, so that a bad one is refused
early, and again inside of it if a schema was created or deleted meanwhile. The update finds
out whether the service exists and is in a state that the sender knows. Only if the body is
refused, this is looked up before: NotFound and Stale win over Invalid.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from app import lifecycle
from app.business_attributes import BusinessAttributes
from app.datetimes import Clock, moment
from app.errors import Faults, Invalid, NotFound, Stale, checked
from app.extensions import Extensions
from app.pacing import Pace
from app.query import Query
from app.schemas import events, service, stored_service
from app.schemas.events import Rules
from app.schemas.extension import folded
from app.schemas.extension_values import Values
from app.schemas.service import LEVEL_OF, SERVICES, STATES, Level, with_typed
from app.storage import Document, NextId, Page, Record, Store

TABLE = service.NAME

T = TypeVar("T")

Edit = Callable[[Values, Any, Any], Any]
"""Returns the new value of an extension for its rules, the old value and what was sent."""


class Owner(NamedTuple):
    """The owner of an extension value: a service, or a state or task ``id_`` of it."""

    service_id: int
    level: Level = SERVICES
    id_: int = 0

    @property
    def ids(self) -> dict[str, int]:
        """The ids by the names that they have in bodies."""
        ids = {SERVICES.id: self.service_id}
        return ids if self.level is SERVICES else ids | {self.level.id: self.id_}


class Known(Container[int], Protocol):
    """In which states what is to be changed may be; of a service, in which revisions."""

    def admits(self, resource: Document) -> bool:
        """Return whether a state or task may be changed as it is now."""


class Services:
    """What can be done with services, and the states and tasks in them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        extensions: Extensions,
        attributes: BusinessAttributes,
    ) -> None:
        self._store = store
        self._clock = clock
        self.extensions = extensions
        self.attributes = attributes

    # The life cycle

    def start(self, body: Any) -> int:
        """Start a service and return its id; raises Invalid and Unavailable."""
        event = _Body(self, SERVICES, partial(events.start, SERVICES, body))

        def make(next_id: NextId) -> Document:
            return lifecycle.service(next_id(SERVICES.id), event.read(), self._now())

        id_: int = self._store.add(TABLE, make).document[SERVICES.id]
        return id_

    def associate(
        self, customer_id: str, service_id: int, body: Any, known: Known | None = None
    ) -> None:
        """Make a service that of a customer; raises NotFound, Stale and Invalid."""
        with self._expected_first(Owner(service_id), known):
            event = _Body(
                self, SERVICES, partial(events.association, body, customer_id)
            )

            def change(old: Document, _: NextId) -> Document:
                return lifecycle.associated(old, event.read())

            self._store.update(TABLE, service_id, change, known)

    def complete(self, owner: Owner, body: Any, known: Known | None = None) -> None:
        """Complete a service, a state or a task; raises NotFound, Stale and Invalid."""
        service_id, level, id_ = owner
        with self._expected_first(owner, known):
            event = _Body(self, level, partial(events.end, level, body, owner.ids))

            def change(old: Document, _: NextId) -> Document:
                _expect_part(old, owner, known)
                end = event.read()
                return lifecycle.with_completed(old, level, id_, end, self._now())

            self._store.update(TABLE, service_id, change, _revisions(owner, known))

    def start_in(
        self, service_id: int, level: Level, body: Any, known: Known | None = None
    ) -> int:
        """Start a state or task in a service and return its id.

        ``known`` is about the service. Raises NotFound, Stale and Invalid.
        """
        id_ = 0
        with self._expected_first(Owner(service_id), known):
            read = partial(events.start, level, body)
            event = _Body(self, level, read, inside=service_id)

            def change(old: Document, next_id: NextId) -> Document:
                nonlocal id_
                id_ = next_id(level.id)
                start = event.read()
                return lifecycle.with_started(old, level, id_, start, self._now())

            self._store.update(TABLE, service_id, change, known)
        return id_

    def transit(self, service_id: int, body: Any, known: Known | None = None) -> int:
        """End one state and start the next, and return its id.

        ``known`` is about the service. Raises NotFound, Stale and Invalid.
        """
        id_ = 0
        with self._expected_first(Owner(service_id), known):
            read = partial(events.transition, body, service_id)
            transition = _Body(self, STATES, read, inside=service_id)

            def change(old: Document, next_id: NextId) -> Document:
                nonlocal id_
                id_ = next_id(STATES.id)
                former, end, start = transition.read()
                return lifecycle.with_transition(
                    old, former, end, start, id_, self._now()
                )

            self._store.update(TABLE, service_id, change, known)
        return id_

    # Extension values

    def write(
        self,
        owner: Owner,
        name: str,
        edit: Edit,
        raw: Any,
        known: Known | None = None,
    ) -> None:
        """Change the value of an extension as ``edit`` does, given what was sent.

        Raises NotFound, Stale and Invalid.
        """
        service_id, level, id_ = owner

        def change(old: Document, _: object = None) -> Document:
            _expect_part(old, owner, known)
            values = self.extensions.values_of(level, name)
            resource = lifecycle.owner(old, level, id_)
            value = edit(values, lifecycle.value(resource, name), raw)
            new = level.arranged(lifecycle.with_value(resource, values.name, value))
            return lifecycle.with_resource(old, level, new)

        # A bad request is refused without making writers wait.
        with self._expected_first(owner, known):
            change(self.get(service_id))
            self._store.update(TABLE, service_id, change, _revisions(owner, known))

    # Queries

    def get(self, service_id: int) -> Document:
        """Return a service with all that is in it; raises NotFound."""
        return self.record(service_id).document

    def record(self, service_id: int) -> Record:
        """Return the record of a service; raises NotFound."""
        try:
            return self._store.get(TABLE, service_id)
        except NotFound:
            raise NotFound(f"there is no service {service_id}") from None

    def find(self, query: Query, pace: Pace) -> Page:
        """Return the services that ``query`` asks for; raises what ``pace`` does."""
        return self._store.find(TABLE, query, pace)

    # Imports

    def complete_document(self, raw: Any) -> Document:
        """Return the service that an import means; raises Invalid with all faults.

        Extension values are held to their schemas, where there are such.
        """
        if isinstance(raw, dict) and raw.get(SERVICES.id) is None:
            raise Invalid.of({SERVICES.id: ["is required"]})
        faults = Faults()
        try:
            document = stored_service.loaded(raw, 0, self._now())
        except Invalid as error:
            if not isinstance(raw, dict):
                raise
            faults = error.faults
            document = raw
        for name, level in LEVEL_OF.items():
            if isinstance(nested := document.get(name), list):
                document[name] = [
                    self._fitted(level, resource, faults, f"{name}.{index}.")
                    for index, resource in enumerate(nested)
                ]
        return checked(self._fitted(SERVICES, document, faults, ""), faults)

    def _fitted(self, level: Level, resource: Any, faults: Faults, place: str) -> Any:
        """Return ``resource`` with its extension values as their schemas want them.

        Values of business attributes are those that are stored for them. What is wrong
        with extension values is added to ``faults``, under names that begin with ``place``.
        """
        if not isinstance(resource, dict):
            return resource
        known = self.extensions.values(level)
        for name in [name for name in resource if name not in level.declared]:
            if values := known.get(folded(name)):
                try:
                    value = values.whole(resource[name])
                    resource = lifecycle.with_value(resource, values.name, value)
                except Invalid as error:
                    faults.include(error.faults, place)
        known_value = partial(self.attributes.known, level.name)
        return level.arranged(with_typed(resource, known_value))

    # What the operations share

    @contextmanager
    def _expected_first(self, owner: Owner, known: Known | None) -> Iterator[None]:
        """Raise NotFound and Stale where they hold, whatever is wrong with the body."""
        try:
            yield
        except (Invalid, NotFound):
            record = self.record(owner.service_id)
            lifecycle.owner(record.document, owner.level, owner.id_)
            revisions = _revisions(owner, known)
            if revisions is not None and record.revision not in revisions:
                raise Stale(UNEXPECTED.format("service")) from None
            _expect_part(record.document, owner, known)
            raise

    def _now(self) -> str:
        return moment(self._clock())


class _Body(Generic[T]):
    """A body that is read by the extension schemas as they are, again if they change.

    ``read`` takes Rules. A body with faults that is of a part of the service ``inside`` is
    read again with that, so that the message names all faults at once. Raises Invalid and
    NotFound.
    """

    def __init__(
        self,
        services: Services,
        level: Level,
        read: Callable[..., T],
        inside: int | None = None,
    ) -> None:
        self._level = level
        self._extensions = services.extensions
        mapped = partial(services.attributes.mapped, level.name)
        self._rules = Rules(self._values, mapped)
        self._read = read
        self._seen: Mapping[str, Values] | None = None
        try:
            self._event = read(self._rules)
        except Invalid:
            if inside is None:
                raise
            self._event = read(self._rules, inside=services.get(inside))

    def read(self) -> T:
        """Return what the body says by the schemas as they are now; raises Invalid."""
        # The values are the same object until a schema is created or deleted.
        seen = self._seen
        if seen is not None and self._extensions.values(self._level) is not seen:
            self._event = self._read(self._rules)
        return self._event

    def _values(self) -> Mapping[str, Values]:
        self._seen = self._extensions.values(self._level)
        return self._seen


UNEXPECTED = "the {} is not in the state that is expected; get it again"


def _revisions(owner: Owner, known: Known | None) -> Container[int] | None:
    """Return the revisions in which a service may be changed; None for any."""
    return known if owner.level is SERVICES else None


def _expect_part(document: Document, owner: Owner, known: Known | None) -> None:
    """Raise NotFound and Stale if a state or task is not in a state that is ``known``."""
    if known is not None and owner.level is not SERVICES:
        resource = lifecycle.owner(document, owner.level, owner.id_)
        if not known.admits(resource):
            raise Stale(UNEXPECTED.format(owner.level.noun))
