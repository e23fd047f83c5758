"""What the OpenAPI document says of replies, held against those that the tests get."""

import json
from collections import Counter
from functools import lru_cache
from typing import Any

from falcon import Request, Response, parse_header
from jsonschema import Draft202012Validator

from app.api import openapi
from app.api.openapi import FURTHER

SAMPLES = 3
"""How many replies of one kind a test compares with their schema: that takes its time."""

UNSAID = {
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "content-length",
    "content-type",
    "vary",
    "x-content-type-options",
}
"""Headers that stand elsewhere in the document, or that any server may add."""


@lru_cache
def document() -> dict[str, Any]:
    """Return the document as clients get it."""
    read: dict[str, Any] = json.loads(json.dumps(openapi.document("")))
    return read


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """Return all operations of the document by address and method."""
    found = {}
    for address, item in document()["paths"].items():
        for method, operation in item.items():
            if method == FURTHER:
                found |= {(address, each): told for each, told in operation.items()}
            elif method != "parameters":
                found[address, method.upper()] = operation
    return found


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """Return what ``value`` refers to, if it is a reference."""
    while "$ref" in value:
        found: Any = document()
        for name in value["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        value = found
    return value


@lru_cache
def validator(address: str, method: str, status: int) -> Draft202012Validator | None:
    """Return what checks the JSON of such replies; None if they have none."""
    told = resolved(operations()[address, method]["responses"][str(status)])
    media = told.get("content", {}).get("application/json")
    if media is None:
        return None
    return Draft202012Validator(
        {**media["schema"], "components": document()["components"]}
    )


@lru_cache
def _schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {
            "$ref": f"#/components/schemas/{name}",
            "components": document()["components"],
        },
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def fits(value: Any, name: str) -> bool:
    """Tell whether ``value`` fits the schema ``name`` of the document."""
    return _schema(name).is_valid(value)


class Documented:
    """Falcon middleware that gathers how replies differ from the document."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._compared: Counter[tuple[str, str, int]] = Counter()
        self.faults: list[str] = []

    def process_response(
        self, request: Request, response: Response, resource: object, succeeded: bool
    ) -> None:
        """Compare one reply."""
        if request.uri_template is None or request.method == "OPTIONS":
            return
        if request.env["PATH_INFO"].endswith("/") and request.uri_template != "/":
            # Tolerated, and told in words: such an address is not one of the document.
            return
        address = request.uri_template.removeprefix(self._prefix).replace("id_", "id")
        method = "GET" if request.method == "HEAD" else request.method
        status = int(str(response.status)[:3])
        operation = operations().get((address, method))
        place = f"{method} {address} {status}"
        if operation is None:
            if status not in (405, 503):
                self.faults.append(f"{place}: no such operation")
            return
        told = operation["responses"].get(str(status))
        if told is None:
            self.faults.append(f"{place}: no such status")
            return
        headers = {name.lower() for name in resolved(told).get("headers", {})}
        if unsaid := response.headers.keys() - headers - UNSAID:
            self.faults.append(f"{place}: no such headers: {unsaid}")
        media_type, _ = parse_header(response.content_type or "application/json")
        if response.data and media_type not in resolved(told).get("content", {}):
            self.faults.append(f"{place}: no such media type: {media_type}")
        self._compare(place, address, method, status, media_type, response.data)

    def _compare(
        self,
        place: str,
        address: str,
        method: str,
        status: int,
        media_type: str,
        data: bytes | None,
    ) -> None:
        self._compared[address, method, status] += 1
        is_json = media_type == "application/json"
        if not data or not is_json or self._compared[address, method, status] > SAMPLES:
            return
        check = validator(address, method, status)
        if check is not None:
            for error in check.iter_errors(json.loads(data)):
                self.faults.append(f"{place}: {error.json_path}: {error.message[:300]}")
