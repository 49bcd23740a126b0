"""What holds for the whole of ytpool, whatever is added: commands, errors, migrations, documents, start-up."""

import ast
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typed import EVERY_COMMAND, commands_in, parse, written_in

import ytpool as package
from ytpool import errors
from ytpool.cli import exits
from ytpool.cli.app import COMMANDS, Bug
from ytpool.clock import SystemClock
from ytpool.domain.alerts import Kind
from ytpool.store.db import migrations
from ytpool.store.sqlite import SqliteDatabase

ROOT = Path(__file__).parents[1]
SOURCE = Path(package.__file__).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


by_name = pytest.mark.parametrize("path", EVERY_COMMAND, ids=" ".join)


# Commands


@by_name
def test_every_command_explains_itself(ytpool, path):
    status, out, err = ytpool(*path, "--help")
    text, _, rest = out.partition("\nExample\n")
    example, _, statuses = rest.partition("\nExit status\n")

    assert (status, err) == (0, "")
    assert len(text.split()) > 10
    assert "--json" in text
    assert f"ytpool {' '.join(path)}" in example
    assert re.search(r"^ *0  +done$", statuses, re.MULTILINE)


@pytest.mark.parametrize("name", sorted({path[0] for path in EVERY_COMMAND if len(path) == 2}))
def test_every_group_ends_with_an_example_of_each_of_its_commands(ytpool, name):
    _, out, _ = ytpool(name, "--help")
    example = out.partition("\nExample\n")[2]

    assert [path for path in EVERY_COMMAND if path[0] == name and f"ytpool {' '.join(path)}" not in example] == []
    assert "Exit status" in example


@by_name
def test_every_option_says_what_it_does(path):
    silent = [param.name for param in EVERY_COMMAND[path].params if not param.help]

    assert silent == []


@by_name
def test_every_example_is_a_command_line_that_works(ytpool, path):
    _, out, _ = ytpool(*path, "--help")
    example = out.partition("\nExample\n")[2].partition("\nExit status\n")[0]
    lines = list(commands_in(example))

    assert lines
    assert re.findall(r"^ *[\d*/,-]+ .* \* ytpool ", example, re.MULTILINE) == [], (
        "cron finds it by its whole path only"
    )
    for words in lines:
        parse(words)


@by_name
def test_every_command_refuses_in_json_too(ytpool, path):
    status, out, err = ytpool(*path, "--no-such-option", "--json")

    assert (status, err) == (2, "")
    assert json.loads(out)["error"]["code"] == "usage"


# Errors and exit statuses


def every_error(kind=errors.YtpoolError):
    return {kind, *(deeper for one in kind.__subclasses__() for deeper in every_error(one))}


def test_every_error_has_an_exit_status_of_its_own_code():
    codes = {kind.code for kind in every_error() if kind.__module__.startswith("ytpool.")}

    assert Bug.code in codes
    assert codes <= exits.EXIT_STATUS.keys()
    assert exits.EXIT_STATUS.keys() == codes | set(exits.CODE.values()), "a code nobody uses"
    assert set(exits.EXIT_STATUS.values()) | {0} == exits.MEANING.keys()
    assert all(exits.EXIT_STATUS[code] == status for status, code in exits.CODE.items())


def test_the_readme_tells_every_exit_status():
    told = re.findall(r"^\| (\d+) \| (.*) \|$", README, re.MULTILINE)

    assert {int(status): meaning for status, meaning in told} == exits.MEANING


# State


def shape(path):
    with closing(sqlite3.connect(path)) as connection:
        schema = sorted(connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall())
        return schema, sorted(connection.execute("SELECT key, value FROM meta").fetchall())


@pytest.mark.parametrize("version", range(len(migrations())))
def test_a_state_of_any_version_becomes_what_a_fresh_one_is(tmp_path, version):
    fresh, older = tmp_path / "fresh.db", tmp_path / "older.db"
    with closing(sqlite3.connect(older)) as connection:
        for step in migrations()[:version]:
            connection.executescript(step)
        if version:
            connection.execute("INSERT INTO meta (key, value) VALUES ('schema', ?), ('min_reader', '1')", (version,))
        connection.commit()

    for path in (fresh, older):
        database = SqliteDatabase(path, SystemClock(), SystemClock().now)
        database.create()
        database.close()

    assert shape(older) == shape(fresh)
    assert ("schema", str(len(migrations()))) in shape(fresh)[1]


# Documents


RULES = (SOURCE / "data/guide/prometheus-rules.yml").read_text(encoding="utf-8")
DOCUMENTS = {
    "README.md": README,
    **{page.name: page.read_text(encoding="utf-8") for page in sorted((SOURCE / "data/guide").glob("*.md"))},
    "prometheus-rules.yml": re.sub(r"{{ \$labels\.(\w+) }}", r"\1", RULES),
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_exists(document):
    found = list(written_in(DOCUMENTS[document]))

    assert found
    for words in found:
        parse(words)


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md"])
def test_every_command_is_named_in(document):
    text = (ROOT / document).read_text(encoding="utf-8")

    assert [name for name in COMMANDS if not re.search(rf"`[^`]*\b{name}\b", text)] == []


def sentences(file):
    """The strings of a module, with an X where a value is put in."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.JoinedStr():
                yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
            case ast.Constant(value=str(text)):
                yield text


def test_every_kind_of_alert_stands_in_the_guide_and_all_that_todo_lists_becomes_one():
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \|", DOCUMENTS["alerts.md"].partition("| kind | cause |")[2], re.MULTILINE
    )
    todo = json.loads((SOURCE / "data" / "schemas" / "todo.json").read_text(encoding="utf-8"))
    listed = todo["properties"]["items"]["items"]["properties"]["kind"]["enum"]

    assert {kind.strip("`") for row in rows for kind in row.split(", ")} >= {*Kind}
    assert {*listed} <= {*Kind}


def test_every_command_that_a_message_advises_exists():
    advised = {
        tuple(words.split())
        for file in SOURCE.rglob("*.py")
        for sentence in sentences(file)
        for words in re.findall(r"(?:: |`)ytpool ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", sentence)
    }
    # A command of one word may be followed by an argument.
    missing = {words for words in advised if words not in EVERY_COMMAND and words[:1] not in EVERY_COMMAND}

    assert advised
    assert {words for words in missing if len(words) > 1 or words[0] not in COMMANDS} == set()


LOOKS_SECRET = re.compile(
    r"ya29\.|1/{2}0[\w-]|GOCSP[X]-|AI[z]a[\w-]|-{5}BEGIN [A-Z ]*PRIVATE|AKI[A][0-9A-Z]{16}|gh[pousr]_\w{20}|xox[abp]-\w"
)


def test_nothing_in_the_tree_looks_like_a_secret():
    ours = [ROOT / name for name in ("README.md", "CHANGELOG.md", "pyproject.toml", ".ci/run")]
    for folder in ("ytpool", "tests", "completions"):
        ours += [file for file in (ROOT / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    found = [str(file) for file in ours if LOOKS_SECRET.search(file.read_text(encoding="utf-8"))]

    assert found == []


@pytest.mark.parametrize("file", sorted((SOURCE / "data/schemas").iterdir()), ids=lambda file: file.name)
def test_every_schema_is_one(file):
    schema = json.loads(file.read_bytes())

    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:ytpool:schema:1:{file.stem}"
    assert schema["description"]


# Start-up

HEAVY = {
    *("rich", "requests", "urllib3", "googleapiclient", "google", "keyring", "cryptography", "psycopg"),
    *("platformdirs", "tomllib", "tomli_w", "pydantic", "click"),
}
LOADED = """
import json, sys
from ytpool.cli.app import main
status = main(sys.argv[1:])
print(json.dumps([status, sorted(sys.modules)]))
"""


@pytest.fixture
def loaded(home):
    """What a command line has imported when it is done; what it printed, and its status."""

    def run(*words):
        environment = {"PATH": os.environ["PATH"], "YTPOOL_HOME": str(home), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", LOADED, *words],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            check=True,
        )
        printed, _, modules = done.stdout.rstrip("\n").rpartition("\n")
        status, names = json.loads(modules)
        assert status == 0, printed
        return printed, set(names)

    return run


def test_a_report_loads_only_what_it_needs(ytpool, loaded):
    sandbox = ("--profile", "sandbox")
    assert ytpool("auth", "add", "news", "--pool", "main", *sandbox)[0] == 0
    try:
        printed, names = loaded("quota", "report", "--json", *sandbox)
    finally:
        ytpool("sandbox", "down", *sandbox)

    assert json.loads(printed)["data"]["accounts"][0]["account"] == "news"
    assert "ytpool.cli.quota" in names
    assert "ytpool.domain.jobs" not in names  # what only commands that write need
    assert names & HEAVY == {"tomllib"}  # there is a file of settings to read


def test_a_command_loads_itself_and_nothing_heavy(loaded):
    printed, names = loaded("config", "path", "--json")

    assert json.loads(printed)["ok"]
    assert "ytpool.cli.config" in names
    assert names & (HEAVY | {"ytpool.cli.quota"}) == set()


def test_help_of_the_root_loads_no_command(loaded):
    printed, names = loaded("--help")

    assert "quota" in printed
    assert names & HEAVY == set()
    assert not any(line.module in names for line in COMMANDS.values())
