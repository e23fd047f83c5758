"""Sites: whether a task starts at this one. Runner contract, section 10."""

from collections.abc import Callable, Collection, Sequence

from app.storage import Document

IsOurs = Callable[[Document, Collection[str]], bool]
"""Returns whether a task starts at this site, with runners at these sites."""


def at(site: str, sites: Sequence[str], is_shared: bool) -> IsOurs:
    """Return what runners and previews know the tasks of ``site`` by, one of ``sites``.

    All sites are on one store that ``is_shared``, or only this one is known; a task of one
    of several sites starts at the first of the list then.
    """

    def is_ours(task: Document, living: Collection[str]) -> bool:
        if not site:
            return True
        mode = task["sitemode"]
        if mode == "all":
            return True
        given = task["sites"]
        names = given.split(",") if isinstance(given, str) else given
        named = [name.strip() for name in names if name.strip()]
        if mode == "sites":
            return site in named
        listed = list(sites) if mode == "any" else named
        if mode == "firstsite" and not named:
            listed = list(sites)
        if site not in listed:
            return False
        if not is_shared:
            return listed[0] == site
        if mode == "firstsite":
            return next((name for name in listed if name in living), site) == site
        return True

    return is_ours
