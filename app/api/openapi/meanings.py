"""What the members of bodies and replies mean, where their names do not say it all."""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    # Service tasks
    "id": "Chosen by the client or generated; never changed.",
    "isenabled": "Whether it may start.",
    "svcscriptcode": "The code of the service script.",
    "sitemode": "On which sites it starts.",
    "sites": "Names of sites, in an array or with commas between.",
    "isregular": "0: one run, 1: regular runs.",
    "overlap": "Whether several instances may run at the same time.",
    "intervalsec": "Seconds between the starts of a regular task.",
    "dtstart": "Regular: begin of the active period; single: the start.",
    "dtstop": "Regular: end of the active period; single: no start after it.",
    "schedule": "When it may start: always, in or outside working hours, as periods say.",
    "periods": "Times of a week, timestart before timestop, in minutes; 1 is Monday.",
    "opts": "Title, comment, and keys of the client's own. In a body they may be "
    "dotted members of the task too, such as opts.title.",
    "ext": "Keys of the client's own, and the server's: creation and last change. In a "
    "body they may be dotted members of the task too.",
    # Services, states and tasks
    "service_type": "The id of a type, or its name.",
    "state_type": "The id of a type, or its name.",
    "task_type": "The id of a type, or its name.",
    "customer_id": "Whose service it is; without it, it is anonymous.",
    "contact_key": "Whose service it is, as long as the customer is not known.",
    "previous_state_id": "The state before this one.",
    "state_id": "A state of this service.",
    "started": "The start event.",
    "completed": "The end event.",
    "timestamp": "When it happened; now, if it is left out.",
    "est_duration": "Seconds that are expected.",
    "duration": "Milliseconds from start to end.",
    "disposition": "How it ended: an id, or its name.",
    "disposition_desc": "How it ended, in words.",
    "interactions": "Of services that were imported with them.",
    # Extensions
    "attributes": "What records have; no two have one name.",
    "unique": "The attributes that tell records apart, all of them flagged or none.",
    "length": "Most characters of a string.",
    "default": "The value where none is given; it must be of the type.",
    "mandatory": "Whether a value without it is refused.",
    "encrypt": "Values are not encrypted here.",
    # Where the same name means something else
    "Association.timestamp": "When it started; left out, it stays what it was.",
    "NewDefinition.name": (
        "Not that of a member of the resource or of one of its events, in any case: such "
        "names are refused."
    ),
    "NewAttribute.unique": "Whether it is one of those that tell records apart.",
    "Attribute.unique": "Whether it is one of those that tell records apart.",
}
"""By the name of the member, or by those of the schema and the member."""
