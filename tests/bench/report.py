"""What was measured, and the tables in Markdown that show it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from parts import Part


@dataclass
class Figure:
    """Requests a second, and the time that 99 of 100 took at most, in milliseconds.

    Each is a median of several rounds of one run, and so are the ratios to the bare app.
    """

    server: str
    part: str
    system: str
    size: int
    connections: int
    request: str
    rate: float
    p99_ms: float
    ratio: float
    p99_ratio: float


@dataclass
class Note:
    """What a system needs for its data; ``check_s`` is the time to check a foreign file.

    The memory is that of a worker that it does not share with others, in MB: just
    started, and after all requests.
    """

    server: str
    part: str
    system: str
    size: int
    first_answer_s: float
    memory_at_start_mb: float
    memory_mb: float
    check_s: float | None


def cell(figures: Sequence[Figure]) -> str:
    """Show what the runs gave: the rate and p99 in the middle, and the ratio of each."""
    rate = median(each.rate for each in figures)
    ratios = " ".join(f"{each.ratio:.2f}" for each in figures)
    p99_ratio = median(each.p99_ratio for each in figures)
    return f"{rate:,.0f}/s, {ratios} ({p99_ratio:.1f})"


def tables(
    server: str, part: Part, figures: Iterable[Figure], notes: Iterable[Note]
) -> str:
    """Return what was measured of ``part`` under ``server``."""
    found = defaultdict(list)
    for each in figures:
        if (each.server, each.part) == (server, part.name):
            found[each.system, each.connections].append(each)
    made = [
        _rates(server, part, f"{system}, {server}, {connections} connections", some)
        for (system, connections), some in found.items()
    ]
    noted = [each for each in notes if (each.server, each.part) == (server, part.name)]
    return "\n\n".join([*made, _needs(noted)])


def _rates(server: str, part: Part, title: str, figures: list[Figure]) -> str:
    """Return a row for each kind of request, and a column for each size.

    The last column is how the ratio for the largest data compares with the smallest.
    """
    sizes = sorted({each.size for each in figures})
    lines = _headings(
        title, "goal", *(f"{size:,} {part.name}" for size in sizes), "growth"
    )
    for kind in part.requests:
        found = {
            size: [e for e in figures if (e.request, e.size) == (kind.name, size)]
            for size in sizes
        }
        if not found[sizes[0]]:
            continue
        least, most = (
            median(each.ratio for each in found[size]) for size in (sizes[0], sizes[-1])
        )
        goal = str(kind.goals.get(server, ""))
        cells = [cell(found[size]) for size in sizes]
        lines.append(_row(kind.name, goal, *cells, f"{most / least:.2f}"))
    return "\n".join(lines)


def _needs(notes: list[Note]) -> str:
    found = defaultdict(list)
    for note in notes:
        found[note.system, f"{note.size:,} {note.part}"].append(note)
    lines = _headings(
        "system",
        "data",
        "first answer, s",
        "memory of a worker at start, MB",
        "and after all requests",
        "check of a foreign file, s",
    )
    for (system, data), some in found.items():
        columns = (
            [each.first_answer_s for each in some],
            [each.memory_at_start_mb for each in some],
            [each.memory_mb for each in some],
            [each.check_s for each in some if each.check_s is not None],
        )
        middles = (f"{median(each):.4g}" if each else "" for each in columns)
        lines.append(_row(system, data, *middles))
    return "\n".join(lines)


def _headings(*cells: str) -> list[str]:
    return [_row(*cells), "|---" * len(cells) + "|"]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
