"""The functions of the database that compare as Python does.

They are immutable, since columns and indexes are made by them, and written by ``migrate``.
"""

import sys
from collections.abc import Iterator

DATE_KEY = """
CREATE OR REPLACE FUNCTION date_key(moment text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF right(moment, 1) = 'Z' THEN
        moment := left(moment, -1);
    END IF;
    IF strpos(moment, '.') > 0 THEN
        moment := rtrim(rtrim(moment, '0'), '.');
    END IF;
    RETURN moment;
END $$"""
"""As ``app.datetimes.comparison_key`` does."""

LACKS = """
CREATE OR REPLACE FUNCTION lacks(document jsonb, path jsonpath, name text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT 1 FROM jsonb_path_query(document, path) AS reached
        WHERE CASE jsonb_typeof(reached)
            WHEN 'object' THEN NOT reached ? name
            WHEN 'array' THEN EXISTS (
                SELECT 1 FROM jsonb_array_elements(reached) AS element
                WHERE jsonb_typeof(element) = 'object' AND NOT element ? name)
            ELSE true END)
$$"""
"""Whether one of the values at ``path`` leads to an absent value by ``name``."""


def statements() -> Iterator[str]:
    """Return the statements that make the functions; they take a while to be made."""
    yield DATE_KEY
    yield LACKS
    yield _names()
    yield _casefolded()


def _names() -> str:
    spaces = "".join(
        f"\\u{code:04x}" for code in range(sys.maxunicode + 1) if chr(code).isspace()
    )
    return f"""
CREATE OR REPLACE FUNCTION names(value jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(name), '{{}}') FROM (
        SELECT btrim(part, E'{spaces}') AS name FROM (
            SELECT unnest(string_to_array(value #>> '{{}}', ',')) AS part
            WHERE jsonb_typeof(value) = 'string'
            UNION ALL
            SELECT element #>> '{{}}' FROM jsonb_path_query(value, '$[*]') AS element
            WHERE jsonb_typeof(value) = 'array' AND jsonb_typeof(element) = 'string'
        ) AS parts
    ) AS trimmed WHERE name <> ''
$$"""


def _casefolded() -> str:
    """Return what makes ``casefolded``: ``lower`` differs from Python's tables."""
    single: dict[str, str] = {}
    several: dict[str, str] = {}
    for code in range(sys.maxunicode + 1):
        folded = chr(code).casefold()
        if folded != chr(code):
            (single if len(folded) == 1 else several)[chr(code)] = folded
    result = f"translate(value, '{''.join(single)}', '{''.join(single.values())}')"
    for character, folded in several.items():
        result = f"replace({result}, '{character}', '{folded}')"
    return f"""
CREATE OR REPLACE FUNCTION casefolded(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF octet_length(value) = length(value) THEN
        RETURN lower(value COLLATE "C");
    END IF;
    RETURN {result};
END $$"""
