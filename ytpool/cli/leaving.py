"""What `ytpool auth revoke` asks and tells; only a command that runs loads it."""

import typer

from ytpool.actions import leaving
from ytpool.actions.leaving import Revoked
from ytpool.cli.agreeing import agrees
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.cli.values import visible
from ytpool.domain.accounts import Account


def _told(done: Revoked) -> str:
    channel = f"channel {done.channel_title} ({done.channel_id})"
    if done.dry_run:
        return f"would end the login of {done.account} for {channel} at Google, and forget the account; its books stay"
    if not done.deleted:
        return f"{done.account} is out of service; its login for {channel} is still to be ended"
    ended = "was ended at Google" if done.ended_at_google else "was not there any more, or is still another account's"
    return "\n".join([f"{done.account} is gone: its login {ended}, and its tokens are deleted here", *done.notes])


VIEWS[Revoked] = View(text=_told)


def revoke(ctx: typer.Context, name: str, *, dry_run: bool, yes: bool) -> Revoked:
    """End an account's login at Google, asking on a terminal first, and delete what came with it."""
    call = invocation(ctx)

    def may_end(account: Account, others: list[str]) -> bool:
        what = f"the login of {account.account} for channel {account.channel_title} ({account.channel_id})"
        return agrees(
            call,
            f"ends {what}",
            f"End {what} and forget the account?",
            yes=yes,
            shows=[f"{', '.join(others)} lives by the same login, so it stays alive at Google"] if others else [],
        )

    rt = runtime(ctx, logs=True)
    return leaving.revoke(rt, name, dry_run=dry_run, agrees=may_end, says=lambda text: call.say(visible(text)))
