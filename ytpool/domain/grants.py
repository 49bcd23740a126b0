"""Logins: what a grant allows, when it must be refreshed, and when it dies.

A consent screen in Testing mode gives grants that die after seven days, whatever is done with them; Google says so
only once, in the answer to the login.
"""

import re
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


class Use(StrEnum):
    """What an operator wants to do with an account."""

    READ = "read"
    UPLOAD = "upload"
    VIDEOS = "videos"
    PLAYLISTS = "playlists"
    CAPTIONS = "captions"
    COMMENTS = "comments"
    ALL = "all"


_LEAST_FOR = (
    # From narrow to wide; each does what stands above it too.
    ((READONLY,), frozenset({Use.READ})),
    ((UPLOAD_ONLY, READONLY), frozenset({Use.READ, Use.UPLOAD})),
    ((YOUTUBE,), frozenset({Use.READ, Use.UPLOAD, Use.VIDEOS, Use.PLAYLISTS})),
    ((FORCE_SSL,), frozenset(Use)),
)


USE_FOR = {
    Purpose.LIST: Use.READ,
    Purpose.UPLOAD: Use.UPLOAD,
    Purpose.THUMBNAIL: Use.UPLOAD,
    Purpose.UPDATE: Use.VIDEOS,
    Purpose.PLAYLIST: Use.PLAYLISTS,
    Purpose.CAPTION: Use.CAPTIONS,
    Purpose.COMMENT: Use.COMMENTS,
}


def least(uses: Collection[Use]) -> tuple[str, ...]:
    """Return the fewest rights that all of this can be done with, as Google's rules want it."""
    return next(scopes for scopes, enough_for in _LEAST_FOR if enough_for.issuperset(uses))


def whole(scope: str) -> str:
    """Return a scope as Google writes it; `youtube.upload` is short for its address."""
    return f"{_ROOT}{scope}" if re.fullmatch(r"(youtube|yt-analytics)[a-z.-]*", scope) else scope


def short(scope: str) -> str:
    """Return a scope as people write it."""
    return scope.removeprefix(_ROOT)


def of_youtube(scopes: Collection[str]) -> tuple[str, ...]:
    """Return those of a grant that are YouTube's; who somebody is, is no right of the account's."""
    return tuple(scope for scope in scopes if whole(short(scope)) == scope and scope.startswith(_ROOT))


def not_allowed(asked: Collection[str], granted: Collection[str]) -> tuple[str, ...]:
    """Return what was asked for and unticked on the consent page."""
    return tuple(scope for scope in asked if scope not in granted)


def parse_scopes(text: str) -> frozenset[str]:
    """Read scopes as OAuth writes them, with spaces between."""
    return frozenset(text.split())


def missing(scopes: Collection[str], purpose: Purpose) -> str | None:
    """Return the scope to log in with again for this purpose, or None if the grant covers it."""
    return None if SCOPES_FOR[purpose] & set(scopes) else DEFAULT_SCOPE


def wider(scopes: Collection[str], purposes: Collection[Purpose]) -> Use:
    """Return what to log in again for, so that a grant covers these purposes beside all that it covers now."""
    uses = {USE_FOR[one] for one in Purpose if one in purposes or missing(scopes, one) is None}
    return next(use for use in Use if use in uses and least((use,)) == least(uses))


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
    account: str,
    scopes: Collection[str],
    *,
    asked: Collection[str] = (),
    logged_in_at: datetime,
    grant_expires_at: datetime | None = None,
) -> tuple[str, ...]:
    """Return what an operator should know of a new grant before relying on it, a sentence each."""
    found = []
    refused = not_allowed(asked, scopes)
    again = f"run: ytpool auth add {account} --for "
    if refused:
        found.append(
            f"Not everything was allowed on the consent page: {', '.join(map(short, refused))} is missing; to ask "
            "again, run the same command, and leave every box ticked."
        )
    if not can_upload(scopes):
        found.append(f"This login cannot upload; if it should, {again}{Use.UPLOAD}")
    elif not can_list(scopes):
        found.append(
            "This login may upload but not list: when an upload's outcome is unknown, a person will have to look, and "
            f"nothing is read back; to avoid that, {again}{Use.UPLOAD}"
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
