"""All interleavings of the effects of a few runners, with a death before each effect.

A write may be in doubt too: it has happened, but its runner hears that the store failed.

The search goes by replay: runners are generators, which cannot be copied. A state that was
there before, the same store with runners that have heard the same, is not gone on from.
Where each effect takes a transaction, some interleavings stand for all.
"""

import random


class Case:
    """Runners in a world, which do ``turns`` turns each; ``deaths`` of them may die.

    The ``events`` happen in their order, each between any two effects.
    """

    def __init__(self, world, runners, turns, deaths, state="succeeded", doubts=0):
        self.world = world
        self.runners = runners
        self.last = [runner.turns + turns for runner in runners]
        self.deaths = deaths
        self.state = state
        self.doubts = doubts
        self.events = []

    def options(self):
        """Return what can happen next."""
        found = []
        for number, runner in enumerate(self.runners):
            is_over = runner.generator is None and runner.turns >= self.last[number]
            if not runner.is_dead and not is_over:
                found.append(("step", number))
        for number, runner in enumerate(self.runners):
            if self.deaths and found and not runner.is_dead:
                found.append(("die", number))
        if found:
            found += [("end", id_) for id_ in sorted(self.world.processes)]
            found += [("event", "first")] if self.events else []
            for number, runner in enumerate(self.runners):
                if self.doubts and not runner.is_dead and runner.is_writing():
                    found.append(("doubt", number))
        return found

    def apply(self, option):
        match option:
            case "step", number:
                self.runners[number].step()
            case "die", number:
                self.runners[number].die()
                self.deaths -= 1
            case "doubt", number:
                self.doubts -= 1
                self.runners[number].unsure = object
                self.runners[number].step()
                self.runners[number].unsure = ()
            case "event", _:
                self.events.pop(0)()
            case "end", id_:
                self.world.end(id_, self.state)

    def key(self):
        """Return what decides on all that can follow."""
        tables = self.world.memory.tables
        stored = [
            (
                name,
                table.changed,
                sorted((k, r.content) for k, r in table.records.items()),
            )
            for name, table in sorted(tables.items())
        ]
        runners = [
            (runner.is_dead, runner.turns, tuple(runner.heard), repr(runner.ends))
            for runner in self.runners
        ]
        return hash(
            (
                len(self.events),
                repr(stored),
                repr(runners),
                tuple(sorted(self.world.processes)),
            )
        )


def explore(build, finish):
    """Go through every order of a case; ``finish`` checks how each ends.

    Returns how many states there are, and how many ends.
    """
    seen, ends, paths = set(), 0, [[]]
    while paths:
        path = paths.pop()
        case = build()
        try:
            for option in path:
                case.apply(option)
            while (key := case.key()) not in seen:
                seen.add(key)
                options = case.options()
                if not options:
                    ends += 1
                    finish(case)
                    break
                paths += [[*path, option] for option in options[1:]]
                path = [*path, options[0]]
                case.apply(options[0])
        except AssertionError as error:
            raise AssertionError(f"{error} after {path}") from error
    return len(seen), ends


def explore_some(build, finish, count):
    """Go through ``count`` orders of a case, the same ones each time, as ``explore``."""
    for number in range(count):
        drawn, path = random.Random(number), []
        case = build()
        try:
            while options := case.options():
                path.append(drawn.choice(options))
                case.apply(path[-1])
            finish(case)
        except AssertionError as error:
            raise AssertionError(f"{error} after {path}") from error
