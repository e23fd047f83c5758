"""Rounds: three runners on one data folder, of which one is killed at a random moment.

Another one takes its place. What the scripts note in a file, each line in one write, is
what really happened; the history is what the runners say. The judge compares both with the
promise. Runner contract, section 5.
"""

import time
from collections import Counter, defaultdict
from random import Random

from real import active, id_of, made, opened, processes, shell, task
from running import Runner
from shared import PATIENCE, until

from app.datetimes import milliseconds_of, of_milliseconds
from app.errors import Unavailable
from app.runner.follower import Follower

RUNNERS = 3
STARTED = ("succeeded", "failed", "timedout", "stopped", "lost")
KEEP = {"SVCTASKS_RUNS_KEEP": "200"}
"""So that a look once in a round sees every run, however long the round takes."""

_NOTE = (
    'read up _ < /proc/uptime; echo "$1 $SVCTASKS_RUN $SVCTASKS_TASK $SVCTASKS_SLOT '
    '$SVCTASKS_ATTEMPT $$ $up" >> {folder}/notes'
)

_ALONE = (
    "exec 9>> {folder}/locks/$SVCTASKS_TASK; flock -n 9 || note beside; note begin; "
)
"""Nobody else has the lock as long as any process of the run lives."""

SCRIPTS = {
    "brief": ("note begin; note end", {"catchup": "all"}),
    "long": ("note begin; sleep 0.7; note end", {"catchup": "all"}),
    "alone": (_ALONE + "note end", {}),
    "alone-long": (_ALONE + "setsid sleep 60 & sleep 1.3; note end", {"gracesec": 0}),
    "repeated": (_ALONE + "sleep 0.8; note end", {"idempotent": True}),
    "retried": (
        'note begin; [ "$SVCTASKS_ATTEMPT" -gt 1 ] && note end',
        {"retries": 1, "retrysec": 1},
    ),
}

TASKS = [
    {"svcscriptcode": "brief"},
    {"svcscriptcode": "brief"},
    {"svcscriptcode": "long"},
    {"svcscriptcode": "alone", "overlap": 0},
    {"svcscriptcode": "alone-long", "overlap": 0},
    {"svcscriptcode": "alone-long", "overlap": 0},
    {"svcscriptcode": "repeated", "overlap": 0, "intervalsec": 4},
    {"svcscriptcode": "retried", "intervalsec": 4},
    {"svcscriptcode": "alone", "overlap": 0},
]

SWITCHED = len(TASKS) - 1
"""The task that is disabled and enabled again and again."""

SINGLE = 100
"""The number of the first task that starts once; each round adds one."""


class Rounds:
    """Plays ``count`` rounds in a folder; chance goes by ``seed``.

    ``faults`` are the sentences in which the promise was broken.
    """

    def __init__(self, folder, seed, count):
        self.faults = []
        self.kills = 0
        self._folder = folder
        self._count = count
        self._chance = Random(seed)
        self._runners = []
        self._history = {}
        self._off = []
        self._singles = 0
        scripts = {code: self._script(*script) for code, script in SCRIPTS.items()}
        self._data = made(folder / "d", scripts, TASKS)
        (folder / "locks").mkdir()
        (folder / "notes").touch()

    def _script(self, text, members):
        text = f"note() {{ {_NOTE}; }}; {text}".replace("{folder}", str(self._folder))
        return shell(text, **members)

    def play(self):
        """Play, and judge."""
        try:
            with opened(self._data) as store:
                self._follower = Follower(store, "svcruns", lambda run: run.document)
                self._runners = [self._runner() for _ in range(RUNNERS)]
                for _ in range(self._count):
                    self._play_one(store)
                self._come_to_rest(store)
        finally:
            for runner in self._runners:
                if runner.process.poll() is None:
                    runner.kill()
        self._judge()

    def figures(self):
        """Return one line of what has happened."""
        states = Counter(run["state"] for run in self._history.values())
        starts = len(self._noted("begin"))
        said = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        return (
            f"{self._count} rounds, {self.kills} kills, {starts} starts "
            f"({said}), {len(self.faults)} faults"
        )

    # What happens.

    def _runner(self):
        return Runner(self._data, **KEEP)

    def _play_one(self, store):
        chance = self._chance
        number = SINGLE + self._singles
        self._singles += 1
        soon = of_milliseconds(_now() + chance.randrange(2_000))
        fields = {"isregular": 0, "dtstart": soon, "svcscriptcode": "brief"}
        _done(lambda: store.insert("svctasks", task(number, **fields)))
        if chance.random() < 0.3:
            self._switch(store)
        time.sleep(self._moment())
        places = [chance.randrange(RUNNERS)]
        if chance.random() < 0.1:
            places = range(RUNNERS)
        for place in places:
            self._runners[place].kill()
            self.kills += 1
        for place in places:
            self._runners[place] = self._runner()
        self._look()

    def _moment(self):
        """Return how many seconds to wait: half of them hit what follows a slot."""
        if self._chance.random() < 0.5:
            return self._chance.uniform(0, 1.2)
        return 1 - time.time() % 1 + self._chance.uniform(0, 0.2)

    def _switch(self, store):
        def switched(to):
            def switch(old, _):
                return {**old, "isenabled": to}

            _done(lambda: store.update("svctasks", id_of(SWITCHED), switch))
            return _now()

        begin = switched(0)
        time.sleep(self._chance.uniform(0, 0.5))
        end = _now()
        switched(1)
        self._off.append((begin, end))

    def _look(self):
        """Take in the history; what has ended must stay as it is."""
        _done(self._follower.read)
        for id_, run in self._follower.take():
            known = self._history.get(id_)
            if run is None:
                continue
            if known and known != run and run["state"] in STARTED:
                self.faults.append(f"{_name(run)} was {known['state']} before")
            self._history[id_] = run

    def _come_to_rest(self, store):
        """Wait until all is in the history that was due by now, and stop the runners."""
        now = _now()
        regular = {id_of(number) for number in range(len(TASKS))}

        def behind():
            # Else what ends meanwhile may leave the history before it was seen.
            self._look()
            clocks = _done(lambda: [each.document for each in store.scan("clocks")])
            return [
                clock["svctask"]
                for clock in clocks
                if clock["slot"] < now - 5_000 and clock["svctask"] in regular
            ]

        until(behind, lambda found: not found)
        until(lambda: self._singles_left(store), lambda found: not found)
        self._look()
        for runner in self._runners:
            runner.signal()
        for runner in self._runners:
            # A second signal would cut the wait for what runs.
            runner.process.wait(PATIENCE)
            code, logged = runner.stop()
            if code or "Traceback" in logged:
                self.faults.append(f"a runner ended with {code}: {logged[-2000:]}")
        self._look()
        for run in active(store):
            self.faults.append(f"{_name(run)} is active still")
        for pid in processes(self._history.values()):
            self.faults.append(f"the process {pid} of a run is left")
        kept = {record.key for record in store.scan("svcruns")}
        for path in (self._data / "runs").iterdir():
            if path.stem not in kept:
                self.faults.append(f"the output {path.name} has no record")

    def _singles_left(self, store):
        self._look()
        ended = {run["svctask"] for run in self._history.values()}
        return {id_of(SINGLE + n) for n in range(self._singles)} - ended

    # What is judged.

    def _noted(self, what):
        """Return the runs that noted something, in order, each with all it has noted."""
        found = defaultdict(list)
        for line in (self._folder / "notes").read_text().splitlines():
            word, run, *rest = line.split()
            if word == what:
                found[run].append(rest)
        return found

    def _judge(self):
        begun, ended = self._noted("begin"), self._noted("end")
        for run, (_, slot, *_) in (
            (run, note)
            for run, notes in self._noted("beside").items()
            for note in notes
        ):
            self.faults.append(f"run {run} of slot {slot} began beside another")
        for id_, notes in begun.items():
            run = self._history.get(id_)
            if len(notes) > 1:
                self.faults.append(f"run {id_} was started {len(notes)} times: {notes}")
            if run is None:
                self.faults.append(f"run {id_} of {notes} is not in the history")
            elif run["state"] not in STARTED:
                self.faults.append(f"{_name(run)} was started all the same")
        for run in self._history.values():
            if run["state"] == "succeeded" and run["id"] not in ended:
                self.faults.append(f"{_name(run)} had not come to its end")
            if run["state"] == "failed" and run["code"] != "retried":
                self.faults.append(f"{_name(run)}: {run['reason']}")
        of_task = defaultdict(list)
        for run in sorted(self._history.values(), key=lambda run: run["slot"]):
            of_task[run["svctask"]].append(run)
        for number, fields in enumerate(TASKS):
            self._judge_attempts(of_task[id_of(number)])
            if number != SWITCHED:
                self._judge_slots(of_task[id_of(number)], fields)
        for number in range(self._singles):
            runs = of_task[id_of(SINGLE + number)]
            if [run["state"] for run in runs] not in (["succeeded"], ["lost"]):
                self.faults.append(f"a single task has {list(map(_name, runs))}")
        for run in of_task[id_of(SWITCHED)]:
            moment = milliseconds_of(run.get("started", run["slot"]))
            if run["state"] in STARTED and any(b < moment < e for b, e in self._off):
                self.faults.append(f"{_name(run)} was claimed while it was disabled")

    def _judge_attempts(self, runs):
        """Each slot is started once, but as the script says."""
        tried = {(run["slot"], run["attempt"]): run for run in runs if "attempt" in run}
        for (slot, attempt), run in tried.items():
            before = tried.get((slot, attempt - 1))
            if attempt == 1:
                continue
            states = {"retried": "failed", "repeated": "lost"}
            if before is None or before["state"] != states.get(run["code"]):
                self.faults.append(f"{_name(run)} is another attempt, after {before}")

    def _judge_slots(self, runs, fields):
        """Each slot has come to one end, and none is left out."""
        step = 1000 * fields.get("intervalsec", 1)
        ends = Counter()
        for run in runs:
            slot = milliseconds_of(run["slot"])
            if run.get("attempt", 1) > 1:
                continue
            last = milliseconds_of(run.get("until", run["slot"]))
            slots = range(slot, last + 1, step)
            ends.update(slots)
            if len(slots) != run.get("count", 1):
                self.faults.append(f"{_name(run)} counts {run.get('count')}: {run}")
            is_all = SCRIPTS[run["code"]][1].get("catchup") == "all"
            if run["state"] in ("missed", "skipped") and is_all:
                self.faults.append(f"{_name(run)}, though all are made up for: {run}")
        if not ends:
            self.faults.append(f"nothing became of {fields}")
            return
        for slot in range(min(ends), max(ends) + 1, step):
            if ends[slot] != 1:
                moment = of_milliseconds(slot)
                code = fields["svcscriptcode"]
                self.faults.append(f"slot {moment} of {code} has {ends[slot]} ends")


def _done(call):
    """Return what a call of the store does, once it is done: others may write for long."""

    def attempt():
        try:
            return [call()]
        except Unavailable:
            return []

    return until(attempt)[0]


def _now():
    return time.time_ns() // 1_000_000


def _name(run):
    attempt = run.get("attempt", 0)
    return f"run {run['id']} ({run['code']} {run['slot']}/{attempt}, {run['state']})"
