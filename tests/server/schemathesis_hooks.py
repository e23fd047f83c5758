"""What schemathesis is told of this service, beyond its OpenAPI document."""

import re

import schemathesis
from schemathesis.openapi.checks import AllowHeaderMismatch, RejectedPositiveData
from schemathesis.specs.openapi import checks

BEYOND_SCHEMAS = (
    # What is stored already.
    r": (service|state|task) [0-9]+ is completed",
    r"(from\.|previous_)?state_id: there is no state [0-9]+ in service [0-9]+",
    r"name: there is an extension schema \w+ for \w+ already",
    r"code: .* is not in svcscripts\.json",
    # What is told in words: the names depend on the level, which is in the address.
    r"name: must not be \"\w+\": that is a member of the resource or its events",
    r".*: is not a member here nor a known extension",
    # What the address says too.
    r"(\w+_)?id: must be .*(the id of the (path|address), |that of the address)",
    # What one part of a body demands of another.
    r"periods\.[0-9]+\.timestop: must be greater than timestart",
    r"attributes\.[0-9]+\.name: is the name of attribute [0-9]+ too",
    r"attributes\.[0-9]+\.default: (must|may) ",
    r"unique\.[0-9]+: is not the name of an attribute",
    r"unique: must be absent or name what is flagged unique",
    r"order: [a-z.]+ is named twice",
    r"until: must not be before from",
    # What the address demands.
    r"(service|state|task)_id: must be [0-9]+, that of the address, or absent",
    # Schemathesis takes If-None-Match: 0 for what its pattern admits.
    r": If-None-Match must be \*, or entity tags",
    # What the offset of a date makes of its year.
    r".*must be a date in the years 1 to 9999 of UTC",
)
"""Why a request that fits the document can be refused with 400: place and reason."""


@schemathesis.check
def accepts_what_fits(context, response, case):
    """Check positive_data_acceptance, but for what no schema can say."""
    try:
        return checks.positive_data_acceptance(context, response, case)
    except RejectedPositiveData:
        if response.status_code in (412, 414, 431):
            return None
        if response.status_code == 400 and is_beyond_schemas(case, response.json()):
            return None
        raise


def is_beyond_schemas(case, error):
    """Tell whether an error has no reasons but those that are beyond schemas."""
    reasons = "|".join(BEYOND_SCHEMAS)
    if "/extensions/" in case.operation.path:
        # Values are held to the schema that a client has made.
        name = re.escape(case.path_parameters["name"])
        reasons += f"|(?i:{name})[.:]|: (?i:{name}) has no unique attributes"
    summary = error.get("description") or error.get("error_message")
    faults = error.get("errors") or {"": [summary]}
    told = [f"{place}: {each}" for place in faults for each in faults[place]]
    return all(re.match(reasons, each, re.DOTALL) for each in told)


@schemathesis.check
def allow_is_documented(context, response, case):
    """Check allow_header_conformance; LOOKUP is documented in an extension."""
    try:
        return checks.allow_header_conformance(context, response, case)
    except AllowHeaderMismatch as mismatch:
        if not mismatch.missing_methods and mismatch.undocumented_methods == ["LOOKUP"]:
            return None
        raise


@schemathesis.hook
def filter_case(context, case):
    """Send no parameter without a value: it counts as absent, whatever it should be."""
    return "" not in (case.query or {}).values()
