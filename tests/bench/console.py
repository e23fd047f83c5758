"""Measure the console with 100,000 tasks: the time to the first rows.

The time is from the begin of the navigation, in a browser that has nothing of the console
in its cache, until the rows are painted.
"""

import argparse
import shutil
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import folders
from playwright.sync_api import Browser, sync_playwright
from serving import running
from tasks import task

ROWS = """
window.rows = new Promise((painted) => {
  new MutationObserver((_, observer) => {
    if (!document.querySelector("tbody tr")) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => painted(performance.now())));
  }).observe(document, { childList: true, subtree: true });
});
"""

PARTS = """async () => {
  const rows = await window.rows;
  const sent = performance.getEntriesByType("resource");
  const tasks = sent.find((each) => /svctasks\\?/.test(each.name));
  const page = performance.getEntriesByType("navigation")[0];
  const modules = sent.filter((each) => /\\.m?js$/.test(each.name));
  return {
    page: page.responseEnd,
    modules: Math.max(...modules.map((each) => each.responseEnd)),
    asked: tasks.startTime,
    answered: tasks.responseEnd,
    rows,
  };
}"""


def first_rows(browser: Browser, address: str) -> dict[str, float]:
    """Return after how many milliseconds the parts of a first visit are done."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(ROWS)
    page.goto(address)
    parts: dict[str, float] = page.evaluate(PARTS)
    context.close()
    return parts


def measure(count: int, times: int) -> None:
    """Print the parts of each of ``times`` visits, and the median of each part."""
    with TemporaryDirectory() as made, sync_playwright() as playwright:
        data = Path(made)
        folders.write(data, "svctasks", map(task, range(count)))
        folders.checkpoint(data)
        with running("svctasks", data) as server:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu"],
            )
            address = f"http://127.0.0.1:{server.port}/console"
            visits = []
            for _ in range(times):
                visits.append(first_rows(browser, address))
                print(shown(visits[-1]), flush=True)
            browser.close()
        medians = {
            name: statistics.median(visit[name] for visit in visits)
            for name in visits[0]
        }
        print("median:", shown(medians))


def shown(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {after:.0f} ms" for name, after in parts.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=10)
    given = parser.parse_args()
    measure(given.tasks, given.times)
