"""Every failure we can name. Each has a stable code; what a code means to a shell stands in `cli/exits`.

An error carries three things for three readers: a sentence for the person (what happened, to which thing), a hint
(what to type), and details for the script.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self


class YtpoolError(Exception):
    """Something a user can cause or fix."""

    code: ClassVar[str] = "failed"

    def __init__(self, message: str, *, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: Mapping[str, Any] = details


class Bug(YtpoolError):
    """Our mistake, not the operator's."""

    code = "bug"

    @classmethod
    def of(cls, defect: Exception, *, hint: str) -> Self:
        """Name what nobody has foreseen."""
        sentence = f"this is a bug in ytpool: {type(defect).__name__}: {defect}"
        return cls(sentence, hint=hint, type=type(defect).__name__)


class UsageWrong(YtpoolError):
    """The command line does not make sense."""

    code = "usage"


class ConfigInvalid(YtpoolError):
    """The configuration file, a variable or a flag holds something we do not understand."""

    code = "config_invalid"


class UnknownName(YtpoolError):
    """No account, pool, project, job or session has this name."""

    code = "unknown_name"


class NotInitialised(YtpoolError):
    """This profile has no state yet."""

    code = "not_initialised"


class StateUnusable(YtpoolError):
    """The state file is damaged, unreadable, or no state of ours."""

    code = "state_unusable"


class StateAway(YtpoolError):
    """The state cannot be read or written now; that may end without anybody changing what was asked of it."""


class StateUnreachable(StateAway):
    """The database that keeps the state does not answer, takes nobody or nothing now, or the connection was lost."""

    code = "state_unreachable"


class StateTooNew(YtpoolError):
    """Only a newer ytpool may open this state."""

    code = "state_too_new"


class StateBusy(StateAway):
    """Another process held the state for longer than we wait."""

    code = "state_busy"


class StateRefused(YtpoolError):
    """The database that keeps the state does not let us in, or is not whom we would believe; a person mends that."""

    code = "state_refused"


class DiskFull(StateAway):
    """There is no room left where the state lives."""

    code = "disk_full"


class EndpointsChanged(YtpoolError):
    """The state belongs to another API root than the one this command would talk to."""

    code = "endpoints_changed"


class StateLeft(YtpoolError):
    """The state has moved, and goes on in another place; what is done here would be sold twice, and is lost there."""

    code = "state_left"


class ClockBehind(YtpoolError):
    """The machine's clock is behind what Google has already confirmed; nothing is written until it is right."""

    code = "clock_behind"


class VaultUnavailable(YtpoolError):
    """The keyring or key file that holds the vault's key cannot be used now."""

    code = "vault_unavailable"


class VaultKeyLost(YtpoolError):
    """No place we know holds the key with this id."""

    code = "vault_key_lost"


class ScheduleFails(YtpoolError):
    """What is started by itself, by cron for instance, would not find what it needs."""

    code = "schedule_fails"


class SecretDamaged(YtpoolError):
    """A stored secret does not open with its key: it was changed, or moved to another row."""

    code = "secret_damaged"


class PassphraseWrong(YtpoolError):
    """A file under a passphrase does not open with this one."""

    code = "passphrase_wrong"


class ClientSecretsInvalid(YtpoolError):
    """The OAuth client file is not what Google's console writes for a desktop client."""

    code = "client_secrets_invalid"


class TokenFileInvalid(YtpoolError):
    """The token file is not an authorized-user JSON with a refresh token."""

    code = "token_file_invalid"


class LoginFailed(YtpoolError):
    """The login was refused, given up, or came back wrong."""

    code = "login_failed"


class LoginNeeded(YtpoolError):
    """The account's grant is dead; only a person in a browser can renew it."""

    code = "login_needed"


class WrongChannel(YtpoolError):
    """A token turned out to be for another channel than the account's."""

    code = "wrong_channel"


class FileInvalid(YtpoolError):
    """A file to upload is missing, empty, unreadable, or no file."""

    code = "file_invalid"


class FileNotHere(FileInvalid):
    """A job needs a file that this machine has not; `elsewhere` says whether another machine had it."""

    def __init__(self, message: str, *, hint: str, elsewhere: bool, **details: Any) -> None:
        super().__init__(message, hint=hint, **details)
        self.elsewhere = elsewhere


class FileChanged(YtpoolError):
    """A file is not what it was when its upload began."""

    code = "file_changed"


class MetadataInvalid(YtpoolError):
    """YouTube would refuse this metadata; nothing was sent."""

    code = "metadata_invalid"


class BatchInvalid(YtpoolError):
    """A batch has rows that cannot be published as they are; nothing of it was sent."""

    code = "batch_invalid"


class ImportInvalid(YtpoolError):
    """A file of another tool is not what it should be; nothing of it was taken."""

    code = "import_invalid"


class ArrangementInvalid(YtpoolError):
    """A file of accounts, projects and pools contradicts itself or the state; nothing of it was applied."""

    code = "arrangement_invalid"


class SessionsInvalid(YtpoolError):
    """A browser session file does not hold what it should."""

    code = "session_invalid"


class SessionNotFound(YtpoolError):
    """Nobody of this name has a stored browser session, or none there."""

    code = "session_not_found"


class SessionExpired(YtpoolError):
    """A browser session is logged out, or was not used for too long; a person logs in anew."""

    code = "session_expired"


class SessionBanned(YtpoolError):
    """The platform has shut a browser session's account out; only a person can settle that."""

    code = "session_banned"


class SessionBusy(YtpoolError):
    """Somebody else has checked a browser session out."""

    code = "session_busy"


class SessionUnreached(YtpoolError):
    """A browser session could not be looked at: the way to its platform is broken on our side."""

    code = "session_unreached"


class SessionUnclear(YtpoolError):
    """A look at a browser session found nothing that proves anything."""

    code = "session_unclear"


class TextRepeated(YtpoolError):
    """The same words were posted on this video, or lately by an account of the same pool."""

    code = "text_repeated"


class QuotaExhausted(YtpoolError):
    """Nobody can pay for this call before the next reset."""

    code = "quota_exhausted"


class NoneAllowed(QuotaExhausted):
    """An operator's cap or limit of zero allows none of this, on any day."""

    code = "none_allowed"


class Resting(YtpoolError):
    """What could do this rests until a known time."""

    code = "resting"


class NoEligibleAccount(YtpoolError):
    """No account can do this, and none will until somebody changes something."""

    code = "no_eligible_account"


class OutOfService(YtpoolError):
    """An operator has paused, is draining or has disabled what would do this."""

    code = "out_of_service"


class Busy(YtpoolError):
    """The slot, channel or job is held by somebody who is alive."""

    code = "busy"


class LeavingDelayed(YtpoolError):
    """An account is to go, and Google could not be asked yet to end its login; it is tried again."""

    code = "leaving_delayed"


class HoldLost(YtpoolError):
    """The units we had set aside are ours no longer: the hold expired, or another worker took the job."""

    code = "hold_lost"


class PoolForbidden(YtpoolError):
    """The pool would spread one use case over several projects, which Google forbids."""

    code = "pool_forbidden"


class OutcomeUnknown(YtpoolError):
    """The call may have worked; repeating it could do it twice."""

    code = "outcome_unknown"


class Partly(YtpoolError):
    """It is at YouTube, and something that goes along with it is not done."""

    code = "partly"


class BooksDisagree(YtpoolError):
    """Two things that must be equal are not."""

    code = "books_disagree"


class ServiceSilent(YtpoolError):
    """A task service gave no answer. `sent` is False only where it is certain that no byte left this machine."""

    code = "service_silent"

    def __init__(self, message: str, *, sent: bool, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class ServerFailed(YtpoolError):
    """A server that was looked at does not do what it should."""

    code = "server_failed"


class DrawingFailed(YtpoolError):
    """A program that was to draw a picture has not done so."""

    code = "drawing_failed"


class TaskFailed(YtpoolError):
    """A task service refused a task, or says that it failed."""

    code = "task_failed"


class ChainDeferred(YtpoolError):
    """No step of a chain has served, and it is begun again at a known time."""

    code = "chain_deferred"


class ChainFailed(YtpoolError):
    """No step of a chain has served, however often it was begun."""

    code = "chain_failed"


class RefreshFailed(YtpoolError):
    """The operator's command brought no cookies that could be used; the old ones are as they were."""

    code = "refresh_failed"


class CallbackRefused(YtpoolError):
    """What came in as a callback is none that we take; `http_status` is the answer to it."""

    code = "callback_refused"

    def __init__(self, message: str, *, http_status: int) -> None:
        super().__init__(message, http_status=http_status)
        self.http_status = http_status


class ExtraMissing(YtpoolError):
    """This command needs packages that are installed by an extra."""

    code = "extra_missing"


class SandboxFailed(YtpoolError):
    """The local YouTube did not start, stop or answer."""

    code = "sandbox_failed"


class Interrupted(YtpoolError):
    """The operator pressed Ctrl-C, or the process was asked to stop."""

    code = "interrupted"


class UpstreamFailed(YtpoolError):
    """Google answered with an error, or did not answer.

    The fields are what the verdict is made from (`domain/failover`): the HTTP status, or 0 where no answer came;
    `domain` and `reason` as Google writes them; the limit's machine name and value and what its metric is called, where
    they are named; seconds of `Retry-After`; the moment of Google's `Date`. `sent` is False only where it is certain
    that no byte of the request left this machine.
    """

    code = "youtube_refused"

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        http_status: int = 0,
        domain: str = "",
        reason: str = "",
        limit: str = "",
        metric: str = "",
        limit_value: int | None = None,
        retry_after: float | None = None,
        answered_at: datetime | None = None,
        sent: bool = True,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint, operation=operation, http_status=http_status, domain=domain, reason=reason)
        self.operation = operation
        self.http_status = http_status
        self.domain = domain
        self.reason = reason
        self.limit = limit
        self.metric = metric
        self.limit_value = limit_value
        self.retry_after = retry_after
        self.answered_at = answered_at
        self.sent = sent

    @property
    def answered(self) -> bool:
        return self.http_status != 0
