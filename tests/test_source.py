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
    if isinstance(value, ast.BoolOp):
        return any(map(is_literal, value.values))
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
        "[*(a or [b])]",
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


def classes(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def test_no_class_of_the_storage_inherits_from_another_of_ours():
    """But the adapter, which inherits from the Table of TinyDB."""
    trees = {
        path: ast.parse(path.read_text())
        for path in (ROOT / "app" / "storage").rglob("*.py")
    }
    ours = {found.name for tree in trees.values() for found in classes(tree)}
    assert [
        (path.name, found.name)
        for path, tree in trees.items()
        for found in classes(tree)
        if found.name != "TinyTable"
        and ours & {ast.unparse(base) for base in found.bases}
    ] == []


def private_names_of_others(source):
    """Return the attributes with a private name that are not those of the class itself."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and ast.unparse(node.value) not in ("self", "cls", "super()")
    ]


def test_no_module_of_the_storage_uses_a_private_name_of_another():
    found = {
        (path.name, name)
        for path in (ROOT / "app" / "storage").rglob("*.py")
        for name in private_names_of_others(path.read_text())
        # A function that NamedTuple documents, and a class of the module itself.
        if not name.endswith("._asdict") and not name.startswith("FileStore.")
    }
    assert found == set()
