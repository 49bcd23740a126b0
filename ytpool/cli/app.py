"""`ytpool` itself: the table of commands, and `main`, which runs one and tells how it ended.

Only the module of the command that was asked for is imported. `main` is the one place where a result becomes
output and an error becomes an exit status.
"""

import codecs
import contextlib
import errno
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NamedTuple, TextIO

import typer
from typer.core import TyperOption
from typer.main import get_install_completion_arguments

from ytpool import __version__
from ytpool.cli import exits, output
from ytpool.cli.commands import Command, Group, built, examples
from ytpool.cli.invocation import Invocation, speaks_unicode
from ytpool.cli.output import VIEWS, Outcome, View
from ytpool.errors import Bug, Interrupted, UsageWrong, YtpoolError

ABOUT = "Operate a pool of YouTube accounts: quota that is never oversold, uploads that never post twice."


class Line(NamedTuple):
    """One command or group: where its app is, and its line in the list."""

    module: str
    attribute: str
    about: str


COMMANDS: Mapping[str, Line] = {
    "init": Line("ytpool.cli.init", "app", "Create settings, state and the vault's key, and say where each lives."),
    "demo": Line(
        "ytpool.cli.demo", "app", "Upload fifty videos over fifteen accounts to a local YouTube, and compare."
    ),
    "auth": Line("ytpool.cli.auth", "app", "Log accounts in, and see their logins."),
    "refresh-tokens": Line(
        "ytpool.cli.refresh",
        "app",
        "Refresh every access token that ends within 30 minutes, one refresh per account over all processes.",
    ),
    "accounts": Line(
        "ytpool.cli.accounts",
        "app",
        "Arrange accounts, take them out of service and back; write the whole arrangement to a file, and apply it.",
    ),
    "projects": Line(
        "ytpool.cli.projects",
        "app",
        "List the projects that pay, set their limits, and join two that are one at Google.",
    ),
    "pools": Line("ytpool.cli.pools", "app", "List pools, show one in full, and set how they choose."),
    "upload": Line(
        "ytpool.cli.upload",
        "app",
        "Upload videos, each exactly once, on one account's channel or on any channel of a pool.",
    ),
    "plan": Line(
        "ytpool.cli.plan",
        "app",
        "Say which account takes which video when, over the days to come; queue it so, and see later how it went.",
    ),
    "queue": Line(
        "ytpool.cli.queue",
        "app",
        "See and change what waits to be done, go on with one job, settle what nobody else can.",
    ),
    "work": Line(
        "ytpool.cli.work",
        "app",
        "Work off the queue: uploads, changes to videos and comments that wait, are due again, or were left half done.",
    ),
    "task": Line(
        "ytpool.cli.task",
        "app",
        "Let other services work: submit tasks over their keys' slots, and see how they go.",
    ),
    "chain": Line(
        "ytpool.cli.chain",
        "app",
        "Ask services in order until one has done it, within a cost and above a quality; see how each does.",
    ),
    "todo": Line(
        "ytpool.cli.todo", "app", "List what only a person can settle, each with the command that settles it."
    ),
    "video": Line(
        "ytpool.cli.video",
        "app",
        "Look at videos, change and delete them; their thumbnails, captions and playlists.",
    ),
    "comment": Line(
        "ytpool.cli.comment", "app", "Comment on videos, reply, list what was said, and decide what is seen."
    ),
    "stats": Line("ytpool.cli.stats", "app", "Show what YouTube counts of videos, fifty of them for one unit."),
    "quota": Line("ytpool.cli.quota", "app", "See what is used, what is left, and until when."),
    "rests": Line("ytpool.cli.rests", "app", "List what rests, until when and why; lift a rest by your word."),
    "activity": Line("ytpool.cli.activity", "app", "See what was done, by whom, with what outcome."),
    "report": Line(
        "ytpool.cli.report",
        "app",
        "Write how it stands with everything as one page for people: quota, uploads, activity, health, drift, "
        "what to do.",
    ),
    "why": Line(
        "ytpool.cli.why",
        "app",
        "Explain a job, an account or a bucket, and say what would change how it stands.",
    ),
    "health": Line(
        "ytpool.cli.health",
        "app",
        "Check the state, vault, disk, clock, logins, buckets, queue, sessions and services, and say what to type.",
    ),
    "guide": Line(
        "ytpool.cli.guide",
        "app",
        "Read how it is meant: first steps, cron, quota, failover, health, alerts, backups, services, sessions, fleet.",
    ),
    "pause": Line(
        "ytpool.cli.pause",
        "app",
        "Stop every new write to YouTube, on all machines that share this state; reads go on.",
    ),
    "unpause": Line(
        "ytpool.cli.unpause",
        "app",
        "Let the writes go on that `ytpool pause` stopped; what waits goes on with `ytpool upload --resume`.",
    ),
    "fleet": Line(
        "ytpool.cli.fleet",
        "app",
        "See the machines that share this state and what each holds; drain one, resume it, forget one that left.",
    ),
    "alerts": Line(
        "ytpool.cli.alerts",
        "app",
        "See what somebody should look at, one line for each cause; tell whoever wants it, say that you know.",
    ),
    "tidy": Line(
        "ytpool.cli.tidy",
        "app",
        "Do what is due by the calendar, and nothing else; for cron, where neither `work` nor `serve` runs.",
    ),
    "serve": Line(
        "ytpool.cli.serve",
        "app",
        "Say whether this machine can work, to scripts and load balancers; take the callbacks of task services.",
    ),
    "sessions": Line(
        "ytpool.cli.sessions",
        "app",
        "Keep browser sessions of many users in the vault, and lend each to one program at a time.",
    ),
    "vault": Line(
        "ytpool.cli.vault",
        "app",
        "See where the vault's keys are and what they seal; move them, change to a new one, keep passwords.",
    ),
    "rehearse": Line(
        "ytpool.cli.rehearse",
        "app",
        "Play tomorrow's disasters on a copy of the state against a local YouTube, and judge what really happened.",
    ),
    "state": Line(
        "ytpool.cli.state",
        "app",
        "Check the state and its books; back it up, restore it, move it; keep its database's password.",
    ),
    "sandbox": Line("ytpool.cli.sandbox", "app", "Start, stop, look at and disturb the local YouTube."),
    "config": Line(
        "ytpool.cli.config", "app", "Show, locate and check the settings; take over the accounts of an older tool."
    ),
}
"""Every command, as `ytpool --help` and completion list it."""

SECTIONS: Mapping[str, Sequence[str]] = {
    "First steps": ("init", "demo", "guide", "sandbox", "config"),
    "Accounts and who pays": ("auth", "refresh-tokens", "accounts", "projects", "pools"),
    "Videos and comments": ("upload", "video", "comment", "stats"),
    "Later, and in turn": ("plan", "rehearse", "queue", "work", "pause", "unpause", "fleet"),
    "What is going on": ("health", "alerts", "todo", "why", "quota", "rests", "activity", "report", "serve"),
    "Other services": ("task", "chain", "sessions"),
    "Keeping it safe": ("vault", "state", "tidy"),
}
"""Under which heading `ytpool --help` lists a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What `--version` tells."""

    version: str
    python: str


VIEWS[Version] = View(text=lambda told: f"ytpool {told.version}")


def entry() -> None:
    """Run as a program: the console script and `python -m ytpool`."""
    signal.signal(signal.SIGTERM, _stop)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        _never_refuse_a_letter(stream)
    try:
        status = main(sys.argv[1:])
    except KeyboardInterrupt:  # the command has ended, and its result was being written
        sys.stderr.write("ytpool: interrupted\n")
        status = exits.INTERRUPTED
    for number in (signal.SIGTERM, signal.SIGINT):  # what was asked is done and told: nobody is interrupted any more
        signal.signal(number, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        _close_quietly(stream)
    _keep_the_status()
    sys.exit(status)


def main(argv: Sequence[str] | None = None, *, stdout: TextIO | None = None, stderr: TextIO | None = None) -> int:
    """Run one command line, write what it has to say, and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    invocation = Invocation(stdout=stdout or sys.stdout, stderr=stderr or sys.stderr)
    # Typer writes completions to sys.stdout, and asks its questions there.
    with contextlib.redirect_stdout(invocation.stdout), contextlib.redirect_stderr(invocation.stderr):
        try:
            outcome = _run(words, invocation)
        except typer.Exit as ended:  # help was asked for, and is written
            return _final(ended.exit_code, invocation)
        except SystemExit as ended:  # so Typer's completion ends
            return _final(ended.code if isinstance(ended.code, int) else exits.FAILED, invocation)
        finally:
            with contextlib.suppress(KeyboardInterrupt):  # the command has ended: all that is left is to say how
                invocation.close()
        return _final(_shown(outcome, invocation).status, invocation)


def _run(words: Sequence[str], invocation: Invocation) -> Outcome:
    try:
        return _outcome(_invoke(words, invocation))
    except typer.Exit:
        raise
    except YtpoolError as error:
        return Outcome(exits.status_of(error), None, error)
    except typer.TyperException as error:
        # The command line may have failed before --json was reached; its words are all there is to go by.
        invocation.json = invocation.json or _asks_for_json(words)
        return Outcome(exits.USAGE, None, _usage(error))
    except (KeyboardInterrupt, typer.Abort, EOFError):
        stopped = Interrupted("interrupted; what was begun can be resumed", hint="run the same command again")
        return Outcome(exits.INTERRUPTED, None, stopped)
    except Exception as error:  # noqa: BLE001 - the last place that can say something
        typed = _mistyped(error, words)
        if typed is not None:
            return Outcome(exits.USAGE, None, typed)
        return Outcome(exits.FAILED, None, _bug(error, invocation))


def _shown(outcome: Outcome, invocation: Invocation) -> Outcome:
    try:
        output.show(outcome, invocation)
    except Exception as error:  # noqa: BLE001 - a result that cannot be shown is as much a bug as any
        outcome = Outcome(exits.FAILED, None, _bug(error, invocation))
        output.show(outcome, invocation)
    return outcome


def _invoke(words: Sequence[str], invocation: Invocation) -> Any:
    root = Root()
    if COMPLETING in os.environ:
        raise typer.Exit(_complete(root, os.environ[COMPLETING], invocation))
    with root.make_context("ytpool", list(words), obj=invocation) as ctx:
        return root.invoke(ctx)


def _complete(root: "Root", shell: str, invocation: Invocation) -> int:
    """Answer a shell in which Tab was pressed."""
    from ytpool.cli import completing, shells  # noqa: PLC0415 - nobody else needs them

    asked = shells.SHELLS.get(shell)
    if asked is None:
        raise UsageWrong(f"{COMPLETING} is {shell!r}, and means one of {', '.join(shells.SHELLS)}")
    typed = asked.typed(os.environ)
    found = completing.offers(root, typed.words, typed.last, invocation)
    told, status = asked.told(found, typed, os.environ)
    invocation.write(f"{told}\n" if told else "")
    return status


def _outcome(result: Any) -> Outcome:
    """Ask a result how it went; most do not say, and went well."""
    problem: YtpoolError | None = getattr(result, "problem", None)
    status: int = getattr(result, "exit_status", exits.DONE)
    if status == exits.DONE and problem is not None:
        status = exits.status_of(problem)
    return Outcome(status, result, problem)


def _mistyped(error: Exception, words: Sequence[str]) -> UsageWrong | None:
    """Name a typed word that the state, or the machine's file system, can do nothing with; None for anything else."""
    if isinstance(error, UnicodeEncodeError) and any(error.object in word for word in words):
        return UsageWrong(f"{error.object!r} is no text in UTF-8", hint="type it as the state has it")
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return UsageWrong(f"{str(error.filename)[:60]}... is too long for the name of a file", hint="name another one")
    return None


def _usage(error: typer.TyperException) -> UsageWrong:
    message = _without_types(error.format_message())
    ctx = getattr(error, "ctx", None)
    path = "ytpool" if ctx is None else ctx.command_path
    return UsageWrong(message[:1].lower() + message[1:].rstrip("."), hint=f"see `{path} --help`", command=path)


def _without_types(message: str) -> str:
    """Word what Typer says of a number or a choice for people who know nothing of its types."""
    for kind, words in (("float", "is no number"), ("int(?:eger)?", "is no whole number")):
        message = re.sub(rf"is not a valid {kind}(?: range)?\b", words, message)
    message = re.sub(
        r"\. Choose from:\s+(.+)", lambda found: ": one of " + " ".join(found[1].split()), message, flags=re.DOTALL
    )
    message = re.sub(r"is not a valid boolean\. Recognized values: .*", "is neither yes nor no", message)
    message = re.sub(r"is not in the range (\S+)<=x<=(\S+)\.", r"is not between \1 and \2.", message)
    return re.sub(r"is not in the range x>=(\S+)\.", r"is less than \1.", message)


def _bug(error: Exception, invocation: Invocation) -> YtpoolError:
    if invocation.debug:
        import traceback  # noqa: PLC0415 - only where there is one to show

        invocation.say("".join(traceback.format_exception(error)).rstrip())
    return Bug.of(error, hint="report it with the traceback that `ytpool --debug ...` shows")


def _final(status: int, invocation: Invocation) -> int:
    if invocation.lost is None:
        return status
    if isinstance(invocation.lost, BrokenPipeError):
        return exits.READER_GONE
    invocation.say(f"ytpool: the result could not be written: {invocation.lost.strerror}")
    return status or exits.FAILED


def _asks_for_json(words: Sequence[str]) -> bool:
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options


def _stop(_number: int, _frame: object) -> None:
    # Asked to stop is stopped by hand: one way out, and everything resumable.
    raise KeyboardInterrupt


def _keep_the_status() -> None:
    """Let Python end with our status also where a signal met it inside an `exec`, as dataclasses are made with one.

    It keeps in mind that such a piece of source was interrupted, and would end by SIGINT, whoever has dealt with it
    since; the next piece that runs to its end makes it forget.
    """
    exec("")  # noqa: S102 - nothing is run


def _open_what_is_closed() -> None:
    """Lead a stream that somebody has closed to nowhere: else the next file of ours would have its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest number that is free
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- as long as the program
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _never_refuse_a_letter(stream: TextIO) -> None:
    """Let a stream that cannot write a letter write something instead of failing in the middle of a result."""
    if isinstance(stream, TextIOWrapper):
        codecs.register_error("ytpool", _in_its_place)
        stream.reconfigure(errors="backslashreplace" if speaks_unicode(stream) else "ytpool")


def _in_its_place(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(_PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


def _close_quietly(stream: TextIO) -> None:
    try:
        stream.flush()
    except OSError:
        # What could not be written is still in the buffer; Python would complain about it while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Root(Group):
    """`ytpool`: knows its commands by the table, and builds only the one that is to run."""

    def __init__(self) -> None:
        epilog = examples(_EXAMPLES, exits.MEANING)
        super().__init__(name="ytpool", help=ABOUT, epilog=epilog, commands={}, options_metavar="[OPTIONS]")
        self.params = [*_root_options(), *self.params]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer asks so
        return list(COMMANDS)

    def headings(self) -> Mapping[str, Sequence[str]]:
        return SECTIONS

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return what a list of commands needs, for help and completion; `find` returns the command itself."""
        line = COMMANDS.get(cmd_name)
        return None if line is None else Command(cmd_name, help=line.about)

    def find(self, ctx: Any, name: str) -> Any:  # noqa: ARG002
        line = COMMANDS.get(name)
        return None if line is None else built(getattr(import_module(line.module), line.attribute))

    def invoke(self, ctx: Any) -> Any:
        if ctx.params["version"]:
            return Version(version=__version__, python=".".join(map(str, sys.version_info[:3])))
        return super().invoke(ctx)


_EXAMPLES = """ytpool demo
ytpool guide start
ytpool upload --help
ytpool --profile sandbox quota report"""


def _root_options() -> list[Any]:
    return [
        TyperOption(param_decls=["--version"], is_flag=True, help="Show the version."),
        TyperOption(
            param_decls=["--debug"],
            is_flag=True,
            help="Show the traceback when ytpool itself is at fault.",
            callback=_set_debug,
            expose_value=False,
        ),
        *get_install_completion_arguments(),
    ]


def _set_debug(ctx: Any, _: Any, value: Any) -> None:
    if value:
        ctx.obj.debug = True


COMPLETING = "_YTPOOL_COMPLETE"
"""The variable by which a shell asks for completions."""

_PLAIN = {"\N{HORIZONTAL ELLIPSIS}": "...", "\N{MIDDLE DOT}": "-", "\N{EN DASH}": "-", "\N{RIGHTWARDS ARROW}": "->"}
