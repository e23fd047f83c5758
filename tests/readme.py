"""The pages of documentation: what a reader types, and what is printed then."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from running import Server, free_port
from shared import PATIENCE

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

PAGES = {
    path: (ROOT / path).read_text()
    for path in (
        "README.md",
        "app/README.md",
        "app/api/README.md",
        "app/api/console/README.md",
        "app/deploy/README.md",
        "app/storage/files/README.md",
        "app/storage/postgresql/README.md",
        "tests/README.md",
        "tests/bench/README.md",
    )
}
"""The text of each page of documentation, by its path."""

_GENERATED = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+]00:00)"
)

_DURATION = re.compile('(?<="duration": )[0-9]+')


def block(language: str, part: str) -> str:
    """Return the block of code in ``language`` that has ``part`` in it, of any page."""
    blocks = (block for page in PAGES.values() for block in _blocks(page, language))
    [found] = [block for block in blocks if part in block]
    return found


def examples(*parameters: str) -> list[str]:
    """Return the texts like `mask=id` that show what ``parameters`` of lists take."""
    section = README.split("\n## The API of service tasks\n")[1].split("\n## ")[0]
    return re.findall(f"`((?:{'|'.join(parameters)})=[^`]+)`", section)


def first_commands(executable: Path, folder: Path) -> list[Any]:
    """Paste the commands of the executable whole; return the JSON that is printed."""
    (folder / "dist").mkdir()
    shutil.copy(executable, folder / "dist")
    port = str(free_port())
    process = subprocess.Popen(
        [
            "bash",
            "-c",
            block("sh", "dist/svctasks serve --demo &").replace("8000", port),
        ],
        cwd=folder,
        env={**os.environ, "PORT": port},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        process.wait(timeout=PATIENCE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        printed, logged = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, logged
    assert "listens on" in printed.partition("\n")[0]
    _, _, rest = printed.split("\n", 3)[1:]
    return list(_values(rest))


def session(server: Server, has_runner: bool = True) -> Iterator[tuple[str, str, str]]:
    """Type all sessions; yield each command, its output and that of the page.

    ``server`` serves the samples; without a runner, what waits for runs is left out. What
    is generated is a sign in both.
    """
    pages = (README, PAGES["app/api/README.md"])
    blocks = [block for page in pages for block in _blocks(page, "console")]
    typed = "".join(each for each in blocks if has_runner or "until " not in each)
    steps = re.split(r"^\$ ", typed, flags=re.MULTILINE)[1:]
    commands, expected = zip(*(step.split("\n", 1) for step in steps), strict=True)
    script = "\necho; echo ----\n".join(commands).replace("8000", str(server.port))
    result = subprocess.run(
        ["bash", "-c", script.replace("curl ", "curl -sS ")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.stderr == "", result.stderr
    known = "".join(each.read_text() for each in (ROOT / "app/samples").glob("*.json"))
    printed = [_plain(each, known) for each in result.stdout.split("----\n")]
    return zip(commands, printed, [_plain(e, known) for e in expected], strict=True)


def _blocks(page: str, language: str) -> list[str]:
    return [part.split("```")[0] for part in page.split(f"```{language}\n")[1:]]


def _values(text: str) -> Iterator[Any]:
    """Return the JSON values that stand one behind the other in ``text``."""
    while text := text.lstrip():
        value, end = json.JSONDecoder().raw_decode(text)
        yield value
        text = text[end:]


def _plain(output: str, known: str) -> str:
    """Return ``output`` with a sign for each generated value that is not ``known``."""
    output = _DURATION.sub("…", output.strip())
    return _GENERATED.sub(lambda m: m[0] if m[0] in known else "…", output)
