"""What a shell is told: one status for every error code, and one for several items together."""

from collections.abc import Iterable

from ytpool.errors import YtpoolError

DONE, FAILED, USAGE, PARTLY, LOGIN, LATER, BLOCKED, UNKNOWN, UNHEALTHY = range(9)
INTERRUPTED = 130
READER_GONE = 141
"""stdout was closed before everything was read, as by `| head -1`; what a shell reports of any program then."""

MEANING: dict[int, str] = {
    DONE: "done",
    FAILED: "failed",
    USAGE: "wrong usage or configuration",
    PARTLY: "partly: some items failed, each reported",
    LOGIN: "a login is needed",
    LATER: "it will go by itself at the named time",
    BLOCKED: "it will not go until something changes",
    UNKNOWN: "outcome unknown, or a human must decide",
    UNHEALTHY: "unhealthy",
    INTERRUPTED: "interrupted; everything is resumable",
}

CODE: dict[int, str] = {
    FAILED: "failed",
    USAGE: "usage",
    PARTLY: "partly",
    LOGIN: "login_needed",
    LATER: "later",
    BLOCKED: "blocked",
    UNKNOWN: "outcome_unknown",
    UNHEALTHY: "unhealthy",
    INTERRUPTED: "interrupted",
}
"""What a result is called that names its status and no error, for instance one of many items."""

EXIT_STATUS: dict[str, int] = {
    "failed": FAILED,
    "bug": FAILED,
    "drawing_failed": FAILED,
    "file_changed": FAILED,
    "hold_lost": FAILED,
    "sandbox_failed": FAILED,
    "service_silent": FAILED,
    "session_unclear": FAILED,
    "task_failed": FAILED,
    "chain_failed": FAILED,
    "callback_refused": FAILED,
    "refresh_failed": FAILED,
    "youtube_refused": FAILED,
    "usage": USAGE,
    "config_invalid": USAGE,
    "unknown_name": USAGE,
    "passphrase_wrong": USAGE,
    "client_secrets_invalid": USAGE,
    "token_file_invalid": USAGE,
    "file_invalid": USAGE,
    "metadata_invalid": USAGE,
    "batch_invalid": USAGE,
    "arrangement_invalid": USAGE,
    "session_invalid": USAGE,
    "session_not_found": USAGE,
    "import_invalid": USAGE,
    "endpoints_changed": USAGE,
    "wrong_channel": USAGE,
    "pool_forbidden": USAGE,
    "text_repeated": USAGE,
    "partly": PARTLY,
    "login_needed": LOGIN,
    "login_failed": LOGIN,
    "session_expired": LOGIN,
    "later": LATER,
    "quota_exhausted": LATER,
    "resting": LATER,
    "chain_deferred": LATER,
    "leaving_delayed": LATER,
    "blocked": BLOCKED,
    "no_eligible_account": BLOCKED,
    "none_allowed": BLOCKED,
    "out_of_service": BLOCKED,
    "busy": BLOCKED,
    "session_busy": BLOCKED,
    "session_banned": BLOCKED,
    "extra_missing": BLOCKED,
    "not_initialised": BLOCKED,
    "state_unusable": BLOCKED,
    "state_too_new": BLOCKED,
    "state_busy": BLOCKED,
    "state_left": BLOCKED,
    "state_unreachable": BLOCKED,
    "state_refused": BLOCKED,
    "disk_full": BLOCKED,
    "clock_behind": BLOCKED,
    "schedule_fails": BLOCKED,
    "vault_unavailable": BLOCKED,
    "vault_key_lost": BLOCKED,
    "secret_damaged": BLOCKED,
    "outcome_unknown": UNKNOWN,
    "unhealthy": UNHEALTHY,
    "session_unreached": UNHEALTHY,
    "books_disagree": UNHEALTHY,
    "server_failed": UNHEALTHY,
    "interrupted": INTERRUPTED,
}


def status_of(error: YtpoolError) -> int:
    """Return the exit status of a command that ended with this error."""
    return EXIT_STATUS[error.code]


def common(statuses: Iterable[int]) -> int:
    """Return the one status of several items: a single unknown outcome outweighs everything else."""
    seen = set(statuses)
    if seen <= {DONE}:
        return DONE
    if UNKNOWN in seen:
        return UNKNOWN
    return seen.pop() if len(seen) == 1 else PARTLY
