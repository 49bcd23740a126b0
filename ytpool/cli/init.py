"""`ytpool init`: make configuration, state and key of a profile, and say where they are."""

from enum import StrEnum
from typing import Annotated

import typer

from ytpool.actions import setup
from ytpool.actions.setup import Initialised
from ytpool.cli.commands import command, single
from ytpool.cli.options import invocation
from ytpool.cli.output import VIEWS, View
from ytpool.config import is_zone

app = single()


class VaultChoice(StrEnum):
    """Where the key of the vault is kept."""

    AUTO = setup.AUTO
    KEYRING = setup.KEYRING
    KEYFILE = setup.KEY_FILE


def _told(done: Initialised) -> str:
    return "\n".join(
        (
            f"profile {done.profile} {_how(done)}",
            f"  settings   {done.config}",
            f"  state      {done.state}",
            f"  key        {done.key_id}, {done.vault}: {done.key}",
            f"  time zone  {done.zone}",
            "  cron       can read the key" if done.cron_can_read_the_key else f"  cron       {_below(done.advice)}",
            f"next: {_next(done)}",
        )
    )


def _how(done: Initialised) -> str:
    if done.joined:
        known = "1 account" if done.accounts == 1 else f"{done.accounts:,} accounts"
        others = f", beside {', '.join(done.machines)}" if done.machines else ""
        return f"joins a state that is set up, with {known}{others}"
    return "was set up already; nothing was changed" if done.already else "is set up"


def _next(done: Initialised) -> str:
    if not done.accounts:
        return "ytpool auth add NAME --client-secrets FILE"
    return "ytpool health; then ytpool work" if done.joined else "ytpool health"


def _below(advice: str) -> str:
    return "\n             ".join(advice.splitlines())


VIEWS[Initialised] = View(text=_told)


def _zone(typed: str) -> str:
    if not is_zone(typed):
        raise typer.BadParameter(f"{typed!r} is no time zone; write it like Europe/Berlin")
    return typed


def _place(typed: str) -> VaultChoice:
    try:
        return VaultChoice(typed.strip().lower())
    except ValueError:
        raise typer.BadParameter(f"{typed!r} is neither auto nor keyring nor keyfile") from None


@command(app, "init", example="ytpool init --yes --vault keyfile", statuses=(0, 2, 6))
def init(
    ctx: typer.Context,
    vault: Annotated[
        VaultChoice,
        typer.Option(
            metavar="WHERE",
            help="auto, keyring or keyfile: where the key that seals all secrets is kept; auto takes the keyring "
            "when one answers, else a file.",
        ),
    ] = VaultChoice.AUTO,
    zone: Annotated[
        str,
        typer.Option(metavar="ZONE", help="The time zone that plans and --publish-at mean; without it this machine's."),
    ] = "",
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; where no terminal is, nobody is asked.", show_default=False)
    ] = False,
) -> Initialised:
    """Create settings, state and the vault's key, and say where each lives.

    What is there already is never replaced, so it can be run again at any time. On
    another machine for the state of a fleet, which `state` or YTPOOL_STATE names,
    it looks for the key and writes settings for that machine.
    """
    call = invocation(ctx)
    rt = call.runtime
    if not yes and not rt.store.exists() and call.on_terminal(call.stderr) and not call.json:
        zone = zone or typer.prompt(
            "Time zone of plans and publications", default=setup.local_zone(rt), value_proc=_zone, err=True
        )
        vault = typer.prompt(
            "Where to keep the vault's key (auto, keyring, keyfile)", default=vault.value, value_proc=_place, err=True
        )
    done = setup.init(rt, vault=vault, zone=zone)
    if done.already and zone not in ("", done.zone):
        call.note(f"the time zone stays {done.zone}; `zone` below [time] in {done.config} is where to change it")
    if done.already and vault != setup.AUTO and (vault == setup.KEYRING) != (done.vault == setup.KEYRING):
        call.note(f"the key stays where it is; to move it: ytpool vault move --to {vault}")
    return done
