"""Where ``export`` and ``backup`` write: plain files, links, streams and devices."""

import gzip
import json
import os
import shutil
import stat
import subprocess
import threading

import pytest
from running import SVCTASKS, svctasks
from shared import DATA, SAMPLES, sample

from app.errors import Conflict, Invalid, Unavailable
from app.outputs import written

COMMANDS = [["export", "svctasks"], ["backup"]]

TASKS = [each["id"] for each in sample("svctasks.list.json")]


@pytest.fixture
def loaded(data):
    shutil.copytree(DATA, data)
    return data


@pytest.fixture
def folder(tmp_path):
    """An empty folder to write into."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def write(path, content=b"new", **how):
    with written(path, **how) as file:
        file.write(content)


def run(*arguments, data, **how):
    """Run a command; its standard streams may be given."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
    command = [SVCTASKS, *arguments, "--data", data]
    return subprocess.run(command, **how)


def shell(script, data):
    """Run a line of bash over the data folder ``data``; return code and output."""
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "SVCTASKS_DATA": str(data), "S": str(SVCTASKS)},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def exported(content):
    return [each["id"] for each in json.loads(content)]


# files


def test_a_new_file_is_private_to_its_owner(folder):
    write(folder / "file")
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o600
    assert (folder / "file").read_bytes() == b"new"


def test_a_file_that_exists_keeps_its_mode_and_attributes(folder):
    file = folder / "file"
    file.write_bytes(b"former")
    file.chmod(0o664)
    try:
        os.setxattr(file, "user.note", b"mine")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    before = file.stat().st_mtime_ns
    write(file)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o664
    assert os.getxattr(file, "user.note") == b"mine"
    assert file.stat().st_mtime_ns > before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_that_exists_keeps_its_owner_and_group(folder):
    file = folder / "file"
    file.write_bytes(b"former")
    os.chown(file, 1234, 2345)
    write(file)
    found = file.stat()
    assert (found.st_uid, found.st_gid, file.read_bytes()) == (1234, 2345, b"new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_is_left_alone_where_it_would_be_lost(folder):
    """A child gives up being root; the folder and the file are open to all."""
    file = folder / "file"
    file.write_bytes(b"former")
    file.chmod(0o666)
    folder.chmod(0o777)
    for parent in list(folder.parents)[:-1]:
        parent.chmod(parent.stat().st_mode | 0o055)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(1234)
        os.setuid(1234)
        try:
            write(file)
        except Unavailable as error:
            os._exit(0 if "belongs to another user" in error.message else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert file.read_bytes() == b"former"
    assert [each.name for each in folder.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_file_as_it_was(folder):
    file = folder / "file"
    file.write_bytes(b"former")
    with pytest.raises(KeyError), written(file) as opened:
        opened.write(b"half")
        raise KeyError
    assert file.read_bytes() == b"former"
    assert [each.name for each in folder.iterdir()] == ["file"]


def test_a_file_that_exists_is_refused_where_a_new_one_is_meant(folder):
    file = folder / "file"
    file.write_bytes(b"former")
    with pytest.raises(Conflict, match="file exists already"):
        write(file, fresh=True)
    assert file.read_bytes() == b"former"


def test_a_name_of_the_greatest_length_is_taken(folder):
    write(folder / ("x" * 255))
    assert [each.name for each in folder.iterdir()] == ["x" * 255]


def test_a_folder_that_does_not_exist_is_named(folder):
    with pytest.raises(FileNotFoundError) as error:
        write(folder / "none" / "file")
    assert error.value.filename == str(folder / "none")


def test_a_folder_is_refused(folder):
    with pytest.raises(IsADirectoryError) as error:
        write(folder)
    assert error.value.filename == str(folder)
    assert list(folder.iterdir()) == []


# links


@pytest.mark.parametrize("target", ["file", "../out/file", "other"])
def test_a_link_stays_and_what_it_leads_to_is_replaced(folder, target):
    (folder / "file").write_bytes(b"former")
    (folder / "other").symlink_to("file")
    link = folder / "link"
    link.symlink_to(target)
    write(link)
    assert (os.readlink(link), os.readlink(folder / "other")) == (target, "file")
    assert (folder / "file").read_bytes() == b"new"


def test_a_link_to_nothing_makes_the_file(folder):
    (folder / "link").symlink_to("file")
    write(folder / "link", fresh=True)
    assert (folder / "link").is_symlink()
    assert (folder / "file").read_bytes() == b"new"


def test_links_in_a_circle_are_named(folder):
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    with pytest.raises(OSError, match="levels of symbolic links") as error:
        write(folder / "a")
    assert error.value.filename == str(folder / "a")


# devices


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a device")
def test_a_character_device_is_written_to(folder):
    node = folder / "null"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    write(node, fresh=True)
    assert stat.S_ISCHR(node.stat().st_mode)
    assert [each.name for each in folder.iterdir()] == ["null"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a device")
def test_a_block_device_is_refused(folder):
    node = folder / "disk"
    # A number that no driver has.
    os.mknod(node, 0o666 | stat.S_IFBLK, os.makedev(240, 99))
    with pytest.raises(Invalid, match="neither a plain file nor a stream"):
        write(node)
    assert stat.S_ISBLK(node.stat().st_mode)


def test_a_fifo_is_written_to(folder):
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=write, args=[fifo], daemon=True)
    writer.start()
    assert fifo.read_bytes() == b"new"
    writer.join()
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_full_device_is_named(loaded):
    result = svctasks("export", "svctasks", "/dev/full", data=loaded)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "svctasks: /dev/full: No space left on device\n"


# the standard output


@pytest.mark.parametrize("name", ["", "-", "/dev/stdout", "/proc/self/fd/1"])
def test_export_to_the_standard_output_has_the_array_only(loaded, name):
    arguments = ["export", "svctasks", *filter(None, [name])]
    result = run(*arguments, data=loaded)
    assert (result.returncode, result.stderr) == (0, b"")
    assert exported(result.stdout) == TASKS


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_what_the_standard_output_has_already_stays(loaded, folder, name):
    """It is a plain file here, which a shell opened to append to."""
    file = folder / "log"
    file.write_bytes(b"former\n")
    with file.open("ab") as opened:
        result = run("export", "svctasks", name, data=loaded, stdout=opened)
    assert (result.returncode, result.stderr) == (0, b"")
    former, _, rest = file.read_bytes().partition(b"\n")
    assert (former, exported(rest)) == (b"former", TASKS)


def test_a_backup_through_a_pipe_is_one_that_restore_takes(loaded, folder):
    code, printed, logged = shell(
        f'"$S" backup - | cat > {folder}/b && "$S" restore {folder}/b --data {folder}/c',
        loaded,
    )
    assert (code, printed, logged) == (0, "5 documents restored\n", "")
    assert gzip.decompress((folder / "b").read_bytes())


def test_a_process_substitution_is_written_to(loaded, folder):
    code, printed, logged = shell(
        f'"$S" export svctasks >(cat > {folder}/copy; echo done >&2); wait $!', loaded
    )
    assert (code, printed, logged) == (0, "2 exported\n", "done\n")
    assert exported((folder / "copy").read_text()) == TASKS


@pytest.mark.parametrize("command", ["export svctasks", "backup -", "settings", "-h"])
def test_a_standard_output_that_is_full_is_an_error_without_a_traceback(
    loaded, command
):
    code, _, logged = shell(f'"$S" {command} > /dev/full', loaded)
    assert code == 1
    assert logged.startswith("svctasks: ")
    assert logged.endswith("No space left on device\n")
    assert logged.count("\n") == 1


@pytest.mark.parametrize("command", ["export svctasks", "export svctasks /dev/stdout"])
def test_a_standard_output_that_is_closed_is_an_error(loaded, command):
    code, _, logged = shell(f'"$S" {command} >&-', loaded)
    assert code == 1
    assert logged == "svctasks: the standard output: Bad file descriptor\n"


def test_a_reader_who_leaves_ends_the_command_quietly(loaded, folder):
    tasks = folder / "tasks.json"
    tasks.write_text(json.dumps([{"name": "n" * 900} for _ in range(300)]))
    assert svctasks("import", "svctasks", tasks, data=loaded).returncode == 0
    code, _, logged = shell(
        '"$S" export svctasks | head -c 1 > /dev/null; exit ${PIPESTATUS[0]}', loaded
    )
    assert (code, logged) == (1, "")


# the other streams


def test_a_command_whose_streams_are_all_closed_does_its_work(loaded, folder):
    """No file that it opens gets the number of a stream; only its message is missing."""
    file = folder / "b.tar.gz"
    more = SAMPLES / "svctask.patched.json"
    for command in (f"import svctasks --replace {more}", f"backup {file}"):
        assert shell(f'"$S" {command} <&- >&- 2>&-', loaded) == (1, "", "")
    assert shell('"$S" check', loaded) == (0, "all is well\n", "")
    assert b"firstsite" in gzip.decompress(file.read_bytes())


def test_a_standard_input_that_is_closed_is_an_error(loaded):
    code, _, logged = shell('"$S" import svctasks - <&-', loaded)
    assert code == 1
    assert logged.startswith("svctasks: the standard input is closed")


# what commands refuse


def test_a_backup_is_not_shown_on_a_terminal(loaded):
    master, terminal = os.openpty()
    try:
        result = run("backup", "-", data=loaded, stdout=terminal)
    finally:
        os.close(master)
        os.close(terminal)
    assert result.returncode == 1
    assert b"nothing for a terminal" in result.stderr


def test_a_backup_replaces_a_file_only_when_asked(loaded, folder):
    file = folder / "b.tar.gz"
    file.write_bytes(b"former")
    result = svctasks("backup", file, data=loaded)
    assert result.returncode == 1
    message = f"svctasks: {file} exists already; --replace replaces it\n"
    assert result.stderr == message
    assert file.read_bytes() == b"former"
    result = svctasks("backup", file, "--replace", data=loaded)
    assert result.stdout == "5 documents backed up\n"
    assert gzip.decompress(file.read_bytes())


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["services.json", "svctasks.json.journal", "link"])
def test_a_file_of_the_data_folder_itself_is_refused(loaded, folder, command, name):
    (folder / "link").symlink_to(loaded / "svctasks.json")
    file = (folder if name == "link" else loaded) / name
    before = (loaded / "services.json").read_bytes()
    result = svctasks(*command, file, data=loaded)
    assert result.returncode == 1
    assert "is a file of the data folder itself" in result.stderr
    assert (loaded / "services.json").read_bytes() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_path_is_refused(loaded, command):
    result = svctasks(*command, "", data=loaded)
    assert result.returncode == 2
    assert "a path must not be empty" in result.stderr


@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace")
@pytest.mark.parametrize("command", COMMANDS)
def test_what_was_written_is_on_disk_before_the_command_says_so(
    loaded, folder, command
):
    trace = folder / "trace"
    file = folder / "file"
    calls = "trace=fsync,rename,write"
    subprocess.run(
        ["strace", "-y", "-f", "-s", "40", "-e", calls, "-o", trace, SVCTASKS]
        + [*command, file, "--data", loaded],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    lines = trace.read_text().splitlines()

    def position(*parts):
        [*_, last] = [
            n for n, line in enumerate(lines) if all(p in line for p in parts)
        ]
        return last

    synced = position("fsync(", f"{file}.")
    renamed = position("rename(", f"{file}.", f'"{file}"')
    entered = position("fsync(", f"<{folder}>")
    told = position("write(1<", "2 exported" if "export" in command else "backed up")
    assert synced < renamed < entered < told
