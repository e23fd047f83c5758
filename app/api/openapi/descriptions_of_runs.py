"""The descriptions of runs and scripts: of their tag, operations and members."""

from collections.abc import Mapping

ABOUT_RUNS = """\
What runners start. A *run* is one attempt to carry out a *slot*, a moment at which a task
is to start. A *script* is what the field `svcscriptcode` of a task names; the operator
lists them in `svcscripts.json`, and no request can change them or read what they start.

| `state` | What it means |
|---|---|
| `wanted` | a request wants it; a runner takes it up in a second, or it is missed |
| `running` | it was started and has not ended |
| `succeeded`, `failed` | its script has ended; `exitcode`, `signal` or `status` says how |
| `timedout`, `stopped` | it was ended: after `timeoutsec`; by request, or with its runner |
| `lost` | its runner died: how it ended is not known |
| `missed`, `skipped` | `count` slots, from `slot` to `until`, that were never started |

The history has the last runs of each task, its last failure and its last success. Lists
have runs that have not ended too. Filters and masks are those of service tasks."""
"""In Markdown."""

OF_RUNS: Mapping[str, str] = {
    "get_svcscripts": (
        "By code. `used` is how many tasks start the script. Commands, addresses and "
        "secrets are for the operator only."
    ),
    "post_svcruns_of_task": (
        "Also if it is disabled, or out of hours. The body may be empty, or have the `id` "
        "that the run is to have: then it is started once, however often that is sent. "
        "Replies with the run as far as it is known. 409 if there is a run with this id, "
        "and while a run of the task is active if its `overlap` is 0; 503 if no runner is "
        "alive. A run that no runner takes up within 60 seconds is missed."
    ),
    "get_svcruns_of_task": "The newest slots first; those of a deleted task, too.",
    "get_svcruns": "The newest slots first.",
    "get_svcruns_one": "Active, wanted, or ended.",
    "get_svcruns_output": (
        "What it has printed, also while it runs; of a call by HTTP, the body of the "
        "reply. Who has read a part of it asks for what is new by `Range`. Of more than a "
        "MiB the first 64 KiB are kept, and the end: when a part between is left out, the "
        "length in Content-Range is less than before."
    ),
    "post_svcruns_stop": (
        "Its processes get SIGTERM and, after `gracesec`, SIGKILL; a call is cut. Replies "
        "with the run as it is then; it is stopped a moment later. One that is only "
        "wanted is not started. 409 if it has ended."
    ),
    "get_svcscript_runtimes": (
        "Runs that have not ended, in the words of the platform; `node` is empty until a "
        "runner takes one up, and there is one `domain`, without a name."
    ),
    "post_svcscript_runtimes": (
        "Starts the script with this `code`, for no task. It gets `startparam1` to "
        "`startparam9` as members of `run` in its input, never as arguments. Its run is "
        "in the history, without them."
    ),
    "delete_svcscript_runtimes_one": (
        "Replies with 204; it ends a moment later. 404 if it is not running."
    ),
}
"""By the id of the operation."""

MEMBERS_OF_RUNS: Mapping[str, str] = {
    "svctask": "The id of the task.",
    "code": "The code of the script.",
    "node": "The host and the runner.",
    "cause": "Why it was started.",
    "attempt": "The number of this attempt to carry out the slot.",
    "attempts": "How many there may be.",
    "count": "How many slots there were.",
    "outputbytes": "How many bytes it printed; not all may be kept.",
    "lastline": "The last line that is not blank, or its first 200 characters.",
    "Svcrun.started": "When it was started.",
    "SvcrunView.started": "When it was started.",
    "Svcscript.used": "How many tasks start it.",
}
"""By the name of the member, or by those of the schema and the member."""
