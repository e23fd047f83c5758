"""When tasks start next, as the command prints it."""

import json

from running import svctasks
from shared import T

HOURLY = {"name": "hourly", "isenabled": 1, "isregular": 1, "intervalsec": 3600}
WINDOW = ("--from", "2026-10-25T00:30:00Z", "--until", "2026-10-25T02:00:00+01:00")


def printed(data, *arguments):
    result = svctasks("next", *arguments, data=data)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_starts_are_printed_with_the_zone_and_the_reason(server):
    hours = {"name": "default", "timezone": "Europe/Berlin", "week": []}
    file = server.data.with_name("hours.json")
    file.write_text(json.dumps([hours]))
    result = svctasks("import", "workhours", file, data=server.data)
    assert result.returncode == 0, result.stderr
    id_ = json.loads(server.request("POST", T, HOURLY).text)["id"]
    lack = 'svcscriptcode "" is not in svcscripts.json'
    of_hours = "zone Europe/Berlin, hours: default in workhours.json"
    start = "2026-10-25T01:00:00.000Z  2026-10-25T02:00:00.000+01:00"
    assert printed(server.data, id_, *WINDOW) == [
        of_hours,
        start,
        lack,
    ]
    assert printed(server.data, *WINDOW) == [
        of_hours,
        f"{start}  {id_}  hourly  {lack}",
        "no runner is alive",
    ]
    soon = printed(server.data, "--count", "1")
    assert len(soon) == 4 and soon[-1] == "and more; these are 1"


def test_wrong_moment_and_unknown_task_are_refused(server):
    result = svctasks("next", "--from", "today", data=server.data)
    assert result.returncode == 2
    assert (
        'must be such as 2026-01-31 or 2026-01-31T08:00:00Z, not "today"'
        in result.stderr
    )
    unknown = "380daae6-016c-cdd4-606e-50e54938780d"
    result = svctasks("next", unknown, data=server.data)
    assert result.returncode == 1
    assert result.stderr == f'svctasks: there is no task with the id "{unknown}"\n'
