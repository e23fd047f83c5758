"""The scripts as a runner finds them, while people edit their file."""

import json

import pytest
from shared import until

from app.errors import NotFound
from app.svcscripts import Svcscripts

pytestmark = pytest.mark.files


@pytest.fixture
def write(settings, store):
    """The function that saves scripts as a person would."""
    file = settings.data / "svcscripts.json"

    def save(*scripts):
        table = dict(enumerate(scripts, 1))
        file.with_suffix(".new").write_text(json.dumps({"svcscripts": table}))
        file.with_suffix(".new").replace(file)

    return save


def command(scripts):
    """Return the command of the script "a", if it is there."""
    try:
        return scripts.get("a").command
    except NotFound:
        return None


def test_script_is_found_by_its_code_as_soon_as_it_is_written(store, write):
    scripts = Svcscripts(store)
    assert scripts.all() == []
    write({"code": "a", "command": ["true"]}, {"code": "B", "url": "http://a.example"})
    until(lambda: command(scripts) == ("true",))
    assert [script.code for script in scripts.all()] == ["B", "a"]
    write({"code": "a", "command": ["false"]})
    until(lambda: command(scripts) == ("false",))


def test_code_that_is_not_there_is_named_with_the_nearest(store, write):
    write({"code": "cleaning", "command": ["true"]})
    until(lambda: Svcscripts(store).all())
    with pytest.raises(NotFound) as caught:
        Svcscripts(store).get("cleanin")
    assert str(caught.value) == (
        'cleanin is not in svcscripts.json (did you mean "cleaning"?)'
    )


def test_former_scripts_go_on_while_the_file_has_a_fault(store, write, caplog):
    scripts = Svcscripts(store)
    write({"code": "a", "command": ["true"]})
    until(lambda: command(scripts) == ("true",))
    write({"code": "a", "command": ["false"], "url": "http://secret.example"})
    until(lambda: command(scripts) and "must not be" in caplog.text)
    assert command(scripts) == ("true",)
    assert "svcscripts.json: document 1 (code a), field url: must not be" in caplog.text
    assert "secret.example" not in caplog.text
    write({"code": "a", "command": ["echo"]})
    until(lambda: command(scripts) == ("echo",))
