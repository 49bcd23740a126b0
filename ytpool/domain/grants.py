"""Logins: what a grant allows, when it must be refreshed, and when it dies.

A consent screen in Testing mode gives grants that die after seven days, whatever is done with them; Google says so
only once, in the answer to the login.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

TESTING_LIVES_FOR = timedelta(days=7)
UNUSED_LIVES_FOR = timedelta(days=180)
"""Google ends a grant that was not refreshed for six months."""
LIVING_AT_MOST = 100
"""So many grants of one client live for one Google account; each further one ends the oldest without a word."""
VERIFIED_WITHIN = timedelta(days=30)
"""Google's Developer Policies III.E.4: data of a login is kept only while the login is seen to be good this often."""

_ROOT = "https://www.googleapis.com/auth/"
FORCE_SSL = f"{_ROOT}youtube.force-ssl"
"""The one scope that covers everything ytpool does; asked for alone, the consent page has nothing to untick."""
DEFAULT_SCOPE = FORCE_SSL
YOUTUBE = f"{_ROOT}youtube"
UPLOAD_ONLY = f"{_ROOT}youtube.upload"
READONLY = f"{_ROOT}youtube.readonly"
PARTNER = f"{_ROOT}youtubepartner"


class Purpose(StrEnum):
    """What a grant may be wanted for."""

    LIST = "list"
    UPLOAD = "upload"
    THUMBNAIL = "thumbnail"
    UPDATE = "update"
    PLAYLIST = "playlist"
    CAPTION = "caption"
    COMMENT = "comment"


SCOPES_FOR = {
    Purpose.LIST: frozenset({FORCE_SSL, YOUTUBE, READONLY, PARTNER}),
    Purpose.UPLOAD: frozenset({FORCE_SSL, YOUTUBE, UPLOAD_ONLY, PARTNER}),
    Purpose.THUMBNAIL: frozenset({FORCE_SSL, YOUTUBE, UPLOAD_ONLY, PARTNER}),
    Purpose.UPDATE: frozenset({FORCE_SSL, YOUTUBE, PARTNER}),
    Purpose.PLAYLIST: frozenset({FORCE_SSL, YOUTUBE, PARTNER}),
    Purpose.CAPTION: frozenset({FORCE_SSL, PARTNER}),
    Purpose.COMMENT: frozenset({FORCE_SSL}),
}
"""Any one of these is enough, as Google's discovery document has it."""


def parse_scopes(text: str) -> frozenset[str]:
    """Read scopes as OAuth writes them, with spaces between."""
    return frozenset(text.split())


def missing(scopes: Collection[str], purpose: Purpose) -> str | None:
    """Return the scope to log in with again for this purpose, or None if the grant covers it."""
    return None if SCOPES_FOR[purpose] & set(scopes) else DEFAULT_SCOPE


def can_list(scopes: Collection[str]) -> bool:
    return missing(scopes, Purpose.LIST) is None


def can_upload(scopes: Collection[str]) -> bool:
    return missing(scopes, Purpose.UPLOAD) is None


def needs_refresh(expires_at: datetime | None, now: datetime, within: timedelta) -> bool:
    """Say whether an access token ends within this span; one whose end is not known is refreshed."""
    return expires_at is None or expires_at - now <= within


def grant_ends_at(logged_in_at: datetime, lives_for: timedelta | None) -> datetime | None:
    """Return when a grant dies; Google names its life (`refresh_token_expires_in`) only if it is limited."""
    return None if lives_for is None else logged_in_at + lives_for


def in_testing(logged_in_at: datetime, grant_expires_at: datetime | None) -> bool:
    """Say whether a grant has the seven days of a consent screen in Testing mode, or less."""
    return grant_expires_at is not None and grant_expires_at - logged_in_at <= TESTING_LIVES_FOR


class Cause(StrEnum):
    """What is going to end a grant."""

    TESTING = "testing"
    LIMITED = "limited"
    UNUSED = "unused"


_WHY = {
    Cause.TESTING: "the consent screen is in Testing mode, where logins live seven days",
    Cause.LIMITED: "it was given for a limited time",
    Cause.UNUSED: "Google ends a login that is not refreshed for six months",
}
_WARNED_BEFORE = {
    Cause.TESTING: timedelta(days=2),
    Cause.LIMITED: timedelta(days=2),
    Cause.UNUSED: timedelta(days=30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """When a grant is going to die, and of what."""

    at: datetime
    cause: Cause

    @property
    def why(self) -> str:
        return _WHY[self.cause]

    def is_near(self, now: datetime) -> bool:
        """Say whether it is time to warn of it."""
        return self.at - now < _WARNED_BEFORE[self.cause]


def predicted_end(
    *, logged_in_at: datetime | None, refreshed_at: datetime | None, grant_expires_at: datetime | None
) -> End | None:
    """Return what comes first: the end that Google named, or six months without a refresh; None without a login.

    Where nobody knows when a login was made, one that has an end is taken for one of Testing mode: they are the rule.
    """
    ends = []
    if grant_expires_at is not None:
        testing = logged_in_at is None or in_testing(logged_in_at, grant_expires_at)
        ends.append(End(at=grant_expires_at, cause=Cause.TESTING if testing else Cause.LIMITED))
    if refreshed_at is not None:
        ends.append(End(at=refreshed_at + UNUSED_LIVES_FOR, cause=Cause.UNUSED))
    return min(ends, key=lambda end: end.at, default=None)


def verify_by(verified_at: datetime | None) -> datetime | None:
    """Return until when the channel behind a grant has to be seen again; None where none was seen yet."""
    return None if verified_at is None else verified_at + VERIFIED_WITHIN


_PURPOSES = {
    "upload": Purpose.UPLOAD,
    "videos.insert": Purpose.UPLOAD,
    "videos.update": Purpose.UPDATE,
    "videos.delete": Purpose.UPDATE,
    "thumbnails": Purpose.THUMBNAIL,
    "captions": Purpose.CAPTION,
    "comments": Purpose.COMMENT,
    "commentThreads": Purpose.COMMENT,
    **{
        f"{resource}.{verb}": Purpose.PLAYLIST
        for resource in ("playlists", "playlistItems")
        for verb in ("insert", "update", "delete")
    },
}


def purpose_of(operation: str) -> Purpose | None:
    """Say what a grant is wanted for by whoever makes this call; None for what is no call of the API."""
    resource, _, verb = operation.partition(".")
    found = _PURPOSES.get(operation) or _PURPOSES.get(resource)
    return found or (Purpose.LIST if verb == "list" else None)


def warnings(
    scopes: Collection[str], *, logged_in_at: datetime, grant_expires_at: datetime | None = None
) -> tuple[str, ...]:
    """Return what an operator should know of a new grant before relying on it, a sentence each."""
    found = []
    if not can_upload(scopes):
        found.append(f"This login cannot upload; log in again with {DEFAULT_SCOPE}.")
    elif not can_list(scopes):
        found.append(
            "This login may upload but not list: when an upload's outcome is unknown, a person will have to look. "
            f"{DEFAULT_SCOPE} avoids that."
        )
    if grant_expires_at is not None:
        end = f"This login dies on {grant_expires_at:%Y-%m-%d at %H:%M %Z}"
        if in_testing(logged_in_at, grant_expires_at):
            found.append(
                f"{end}, because the project's consent screen is in Testing mode, where logins live seven days; "
                "publish the consent screen in Google's console, then log in again."
            )
        else:
            found.append(f"{end}, because it was given for a limited time; log in again before that.")
    return tuple(found)
