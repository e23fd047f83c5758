"""What holds for the text of the program and of its tests."""

import ast

import pytest
from readme import ROOT

LITERALS = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Constant, ast.JoinedStr)


def unpacked_literals(source):
    """Return the lines of ``source`` in which a literal is unpacked with a star."""
    unpacked = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Starred):
            unpacked.append(node.value)
        elif isinstance(node, ast.Call):
            unpacked += [each.value for each in node.keywords if each.arg is None]
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            unpacked += [value for key, value in pairs if key is None]
    return sorted(value.lineno for value in unpacked if is_literal(value))


def is_literal(value):
    if isinstance(value, ast.IfExp):
        return is_literal(value.body) or is_literal(value.orelse)
    return isinstance(value, LITERALS)


@pytest.mark.parametrize("folder", ["app", "tests"])
def test_no_literal_is_unpacked_with_a_star(folder):
    """Its elements can be written where it is."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in unpacked_literals(path.read_text())
    ]
    assert found == []


def test_a_literal_that_is_unpacked_is_found():
    lines = [
        'f(*("a", b))',
        "f(**{x: 1})",
        "[*[a]]",
        "{*{a}}",
        "{**{x: 1}}",
        '[*"ab"]',
        "[*([a] if b else c)]",
        "{**({} if a else b)}",
    ]
    others = [
        "f(*a, **b)",
        "[*a, *(x for x in a)]",
        "{**a, **dict(b)}",
        "first, *_ = a",
    ]
    assert unpacked_literals("\n".join(lines)) == list(range(1, len(lines) + 1))
    assert unpacked_literals("\n".join(others)) == []
