"""Wiring: configuration → state, YouTube, vault, clock. Each is opened on first use, and here only.

A command that only reads the books loads neither Google's libraries nor the keyring nor the cipher.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ytpool import data
from ytpool.clock import Calendar, Clock, Confirmation, SystemClock
from ytpool.config import SANDBOX, Config
from ytpool.config.places import expanded
from ytpool.domain import quota
from ytpool.domain.prices import PriceBook
from ytpool.domain.terms import Terms
from ytpool.errors import (
    ClockBehind,
    ConfigInvalid,
    EndpointsChanged,
    ExtraMissing,
    Interrupted,
    StateLeft,
    UsageWrong,
    VaultKeyLost,
    VaultUnavailable,
    YtpoolError,
)
from ytpool.store import meta
from ytpool.store.db import Database, Tx
from ytpool.store.sqlite import TO_BEGIN, SqliteDatabase

if TYPE_CHECKING:
    from datetime import date, timedelta
    from email.message import EmailMessage
    from random import Random

    from ytpool.config.postgres import Postgres
    from ytpool.domain.alert_targets import Target
    from ytpool.domain.envelopes import Envelopes
    from ytpool.domain.keys import KeyFound
    from ytpool.domain.path_map import PathMap
    from ytpool.domain.providers import Provider
    from ytpool.domain.secret import Secret
    from ytpool.domain.servers import FtpServer, Page
    from ytpool.probes.browser import Browser
    from ytpool.probes.browser_logins import LoggedIn
    from ytpool.probes.commands import Ran
    from ytpool.probes.tasks import TaskServices
    from ytpool.probes.web_sessions import WebSessions
    from ytpool.sandbox.control import Control
    from ytpool.vault.database_passwords import DatabasePassword
    from ytpool.vault.envelope import Vault
    from ytpool.youtube.client import YouTube

_TYPED = "--to"
"""Where an address of a state stands that is in no settings."""

_KEEP_CONFIRMED_EVERY = 60.0
"""Seconds between two writings-down of Google's clock."""

_NOTICES_WITHIN = 0.25
"""Seconds after which a thread that sleeps notices that the program is asked to stop."""


class KeyMade(NamedTuple):
    """A key of the vault, and the file it is in, or None where the keyring has it."""

    key_id: str
    key_file: Path | None


class Runtime:
    """Everything an action needs of the outside world. May be shared by threads."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
        seed: int | None = None,
    ) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.environ = os.environ if environ is None else environ
        self._seed = seed
        self._opening = threading.RLock()
        self._database: Database | None = None
        self._patience: float | None = None
        self._youtube: YouTube | None = None
        self._vault: Vault | None = None
        self._sandbox_url: str | None = None
        self._kept_confirmation: datetime | None = None
        self.closed: frozenset[str] = frozenset()
        """Accounts whose secrets do not open on this machine, as far as anybody has looked; see `actions/reach`."""
        self.stopping = threading.Event()
        """Set when the program is asked to stop: signals reach the main thread only, and this reaches all others."""

    def require_going(self) -> None:
        """Raise Interrupted once the program is asked to stop; asked wherever stopping loses nothing."""
        if self.stopping.is_set():
            raise Interrupted("interrupted; what was begun can be resumed", hint="run the same command again")

    def sleep(self, seconds: float) -> None:
        """Wait; raises Interrupted soon after the program is asked to stop."""
        left = seconds
        self.require_going()
        while left > 0:
            self.clock.sleep(min(left, _NOTICES_WITHIN))
            left -= _NOTICES_WITHIN
            self.require_going()

    @property
    def is_sandbox(self) -> bool:
        return self.config.profile == SANDBOX

    @cached_property
    def rng(self) -> "Random":
        from random import Random  # noqa: PLC0415 -- reports need no chance

        return Random(self._seed)

    @cached_property
    def calendar(self) -> Calendar:
        """Quota time: Google's, or in the sandbox profile the sandbox's."""
        return Calendar(self.clock, ahead=self._sandbox_ahead if self.is_sandbox else None)

    def _sandbox_ahead(self) -> "timedelta":
        from ytpool.sandbox import clock  # noqa: PLC0415 -- only this profile has one

        return clock.offset(self.config.paths.sandbox)

    @cached_property
    def path_map(self) -> "PathMap":
        """What the state calls the folders of this machine."""
        from ytpool.domain.path_map import PathMap  # noqa: PLC0415 -- only where files are named

        return PathMap.from_texts(self.config.path.map)

    @property
    def store(self) -> Database:
        """The state; raises NotInitialised where there is none yet."""
        if self._database is not None:  # once it is open nobody waits, not even for a keyring that takes its time
            return self._database
        with self._opening:
            if self._database is None:
                database = self._the_state()
                if self._patience is not None:
                    database.wait_at_most(self._patience)
                if database.exists():
                    with database.reading() as tx:
                        self._set_calendar(tx, shared=database.is_shared)
                self._database = database
            return self._database

    def store_within(self, seconds: float) -> Database:
        """Return the same, with this thread waiting no longer than so for a server or for another's transaction."""
        self._patience = seconds
        self.store.wait_at_most(seconds)
        return self.store

    def _set_calendar(self, tx: Tx, *, shared: bool) -> None:
        """Begin with what Google's clock said last; where nobody heard it, machines that share a state agree."""
        confirmed = meta.confirmation(tx)
        if confirmed is not None:
            self.calendar.remember(confirmed)
            self._kept_confirmation = confirmed.moment
        elif shared:
            moment = datetime.fromtimestamp(tx.boot, UTC)
            self.calendar.go_by(Confirmation(moment=moment, boot=tx.machine_boot, era=tx.machine_era))

    def _the_state(self) -> Database:
        """Return the state where the settings say it is, unopened."""
        place = self.config.database
        if place is not None:
            return self._database_in(place)
        return SqliteDatabase(self.config.paths.state, self.clock, self.calendar.now, way=self._way_to_a_state)

    def _way_to_a_state(self) -> str:
        """Say what helps where no file is: whoever has settings may have a state elsewhere, and would begin another."""
        file = self.config.paths.config
        if not file.exists():
            return TO_BEGIN
        return f"if it is elsewhere, as a fleet's is: name it, as `state` in {file} or in YTPOOL_STATE\nelse {TO_BEGIN}"

    def database_named(self, place: str) -> Database:
        """Return a state at an address of PostgreSQL or in a file, unopened; by the options of the settings."""
        if "://" not in place:
            return self.database_at(expanded(place).absolute())
        from ytpool.config import postgres  # noqa: PLC0415 -- a file needs none

        try:
            found = postgres.at(place, self.config.postgres, self.environ, origin=_TYPED)
        except ConfigInvalid as error:
            if error.details.get("variable") != _TYPED:
                raise
            raise UsageWrong(
                error.message.replace(f"{_TYPED}: state ", f"{_TYPED} ", 1),
                hint="correct it, and look first: ytpool state migrate --to URL --dry-run",
            ) from None
        return self._database_in(found)

    def _database_in(self, place: "Postgres") -> Database:
        try:
            from ytpool.store.postgres import PostgresDatabase  # noqa: PLC0415 -- a file needs no driver
        except ImportError as error:
            raise ExtraMissing(
                f"the state in {place.shown} needs psycopg, and here: {str(error).splitlines()[0]}",
                hint="run: pip install 'ytpool[postgres]'",
            ) from error
        password = self._password_of(place)
        return PostgresDatabase(
            place,
            self.clock,
            self.calendar.now,
            at_hand=password.at_hand,
            in_keyring=password.in_keyring,
            sleep=self.sleep,
        )

    def database_password(self) -> "DatabasePassword":
        """Return where the password of the database is that holds the state; asked when a connection is made."""
        assert self.config.database is not None
        return self._password_of(self.config.database)

    def _password_of(self, place: "Postgres") -> "DatabasePassword":
        from ytpool.vault.database_passwords import DatabasePassword  # noqa: PLC0415 -- a file needs none

        return DatabasePassword(database=place, environ=self.environ, keyring_timeout=self.config.vault.keyring_timeout)

    def is_set_up(self) -> bool:
        """Tell whether `init` has run to its end: the key's id is what it writes last."""
        if not self.store.exists():
            return False
        with self.store.reading() as tx:
            return meta.get(tx, meta.VAULT_KEY) is not None

    @property
    def vault(self) -> "Vault":
        """What seals and opens secrets; its key is fetched at first use, which must not be within a transaction."""
        with self._opening:
            if self._vault is None:
                from ytpool.vault.envelope import Vault  # noqa: PLC0415 -- the cipher is opened on first use

                with self.store.reading() as tx:
                    key_id, coming = meta.get(tx, meta.VAULT_KEY), meta.get(tx, meta.VAULT_NEXT_KEY)
                vault = Vault(
                    key_id=key_id,
                    key_file=self.key_file,
                    environ=self.environ,
                    keyring_timeout=self.config.vault.keyring_timeout,
                )
                try:
                    found = vault.locate()
                except (VaultUnavailable, VaultKeyLost) as error:
                    raise self._advised(error, key_id) from error
                self._vault = vault
                self._report_keys(vault, found, coming)
            return self._vault

    def _advised(self, error: VaultUnavailable | VaultKeyLost, key_id: str | None) -> VaultUnavailable | VaultKeyLost:
        """Advise a machine that never had the key to bring it from one that has it, rather than to put it back."""
        from ytpool.store import owners, readers  # noqa: PLC0415 -- with the vault

        with self.store.reading() as tx:
            having = [one.reader for one in readers.every(tx) if key_id in one.keys and one.lives(tx.now)]
        if not having or any(one.host == owners.me().host for one in having):
            return error
        # A file can be copied as it is; what is in a keyring has to become one first.
        reader = min(having, key=lambda one: one.place == readers.KEYRING)
        where = (
            "in its keyring, of which `ytpool vault move --to keyfile` makes a file there"
            if reader.place == readers.KEYRING
            else f"in {reader.location}"
        )
        return type(error)(
            error.message,
            hint=f"{reader.host} has it, {where}: copy that file to this machine, for its owner only (0600),\n"
            "and name it with YTPOOL_VAULT_KEY_FILE, or `key_file` in [vault] of the settings;\n"
            "in a systemd unit, LoadCredential=ytpool-key:FILE",
            **error.details,
        )

    def _report_keys(self, vault: "Vault", found: "KeyFound", coming: str | None) -> None:
        """Let the state know which keys are in reach here, so that a rotation knows when nobody lacks the new one."""
        from ytpool.store import readers  # noqa: PLC0415 -- with the vault

        keys = [found.key_id]
        if coming is not None:
            # Not to have it yet is what shall be known.
            with suppress(VaultUnavailable, VaultKeyLost):
                keys.append(vault.locate(coming).key_id)
        reader = readers.here(found.place, found.where)
        with self.store.reading() as tx:
            if readers.is_known(tx, reader, keys):
                return
        with self.store.transaction() as tx:
            readers.report(tx, reader, keys)

    def forget_vault(self) -> None:
        """Look for the vault's key anew when it is needed next."""
        with self._opening:
            self._vault = None

    def report_keys(self) -> None:
        """Report anew what is in reach here, after a key was added."""
        vault, found = self.vault, self.vault.locate()
        with self.store.reading() as tx:
            coming = meta.get(tx, meta.VAULT_NEXT_KEY)
        self._report_keys(vault, found, coming)

    def open_vault(self) -> None:
        """Fetch the vault's key, before any transaction: a keyring may take its time, and nobody else should wait."""
        _ = self.vault

    @property
    def key_file(self) -> Path | None:
        """The key file that the settings name, or that was chosen at `init` or by `vault move`."""
        with self.store.reading() as tx:
            return self.key_file_in(tx)

    def key_file_in(self, tx: Tx) -> Path | None:
        """Return the same, within a transaction that is open."""
        chosen = self.config.vault.key_file or self._key_file_chosen(tx)
        return expanded(chosen) if chosen else None

    def _key_file_chosen(self, tx: Tx) -> str | None:
        """Return the key file that the state names; where that is another machine's, the one found here before."""
        chosen = meta.get(tx, meta.VAULT_KEY_FILE)
        if chosen is None or not self.store.is_shared or Path(chosen).exists():
            return chosen
        from ytpool.store import readers  # noqa: PLC0415 -- with the vault

        return next((file for file in readers.files_here(tx) if Path(file).exists()), chosen)

    def make_key(self, key_file: Path | None) -> "KeyMade":
        """Make the vault's key, in this file or else in the keyring; what is there already is never replaced."""
        from ytpool.vault import keyfiles, keyrings  # noqa: PLC0415 -- the keyring is opened on first use

        if key_file is None:
            return KeyMade(keyrings.create_in_keyring(timeout=self.config.vault.keyring_timeout).key_id, None)
        return KeyMade(keyfiles.create_in_file(key_file).key_id, key_file)

    def keyring_answers(self) -> str | None:
        """Name the keyring that keeps what it is given, or None."""
        from ytpool.vault import keyrings  # noqa: PLC0415 -- the keyring is opened on first use

        return keyrings.keyring_answers(timeout=self.config.vault.keyring_timeout)

    def pack(self, content: "Secret", passphrase: "Secret") -> str:
        """Seal a text under a passphrase, for another machine."""
        from ytpool.vault import parcels  # noqa: PLC0415 -- with the vault

        return parcels.pack(content, passphrase)

    def unpack(self, text: str, passphrase: "Secret") -> "Secret":
        """Open what another machine has packed; raises PassphraseWrong."""
        from ytpool.vault import parcels  # noqa: PLC0415 -- with the vault

        return parcels.unpack(text, passphrase)

    def key_for_cron(self, key_id: str) -> "KeyFound | YtpoolError":
        """Find the key as a cron job would, with an empty environment; the failure is a value here."""
        from ytpool.vault import cron  # noqa: PLC0415 -- with the vault

        return cron.readable_by_cron(key_id, self.key_file, timeout=self.config.vault.keyring_timeout)

    @property
    def youtube(self) -> "YouTube":
        """Google, or whatever the settings say speaks its protocol; never one while the books are another's."""
        with self._opening:
            if self._youtube is None:
                from ytpool.youtube.client import YouTube  # noqa: PLC0415 -- Google's libraries take their time

                with self.store.reading() as tx:
                    self.require_same_root(tx)
                self._youtube = YouTube(
                    api_root=self.api_root, heard=self.calendar.confirm, timeout=self.config.network.timeout
                )
            return self._youtube

    @cached_property
    def task_services(self) -> "TaskServices":
        """The way to the services that run tasks for us."""
        from ytpool.probes.tasks import TaskServices  # noqa: PLC0415 -- requests takes its time

        return TaskServices(timeout=self.config.network.timeout)

    def greet_ftp(self, server: "FtpServer", password: "Secret") -> str:
        """Log in to an FTP server and do nothing there; return what protects the connection."""
        from ytpool.probes import ftp  # noqa: PLC0415 -- most have none

        return ftp.noop(server, password)

    def look_at_page(self, page: "Page") -> int:
        """Ask for a page and return its status, if it is what was expected."""
        from ytpool.probes import pages  # noqa: PLC0415 -- requests takes its time

        return pages.look(page, stays_here=self.is_sandbox)

    @cached_property
    def web_sessions(self) -> "WebSessions":
        """The way to look at browser sessions over HTTP."""
        from ytpool.probes.web_sessions import WebSessions  # noqa: PLC0415 -- requests takes its time

        return WebSessions()

    def browser(self) -> "Browser":
        """Return a Chromium to look at browser sessions in; it is started when it is entered."""
        from ytpool.probes.browser import Browser  # noqa: PLC0415 -- only with the extra

        return Browser(setting=self.config.browser.executable, stays_here=self.is_sandbox)

    def as_png(self, svg: str, software: str) -> bytes:
        """Turn a picture into a PNG, with a program of this machine that can."""
        from ytpool.probes import rasters  # noqa: PLC0415 -- few pictures become one

        return rasters.render(svg, software=software, chromium=self.config.browser.executable)

    def log_in_browser(
        self,
        url: str,
        *,
        state: "Mapping[str, Any] | None",
        proxy: "Secret | None",
        user_agent: str,
        is_login: "Callable[[Sequence[Mapping[str, Any]]], bool]",
        goes_on: "Callable[[], bool]",
    ) -> "LoggedIn":
        """Open a Chromium with a window for a person to log in."""
        from ytpool.probes import browser_logins  # noqa: PLC0415 -- only with the extra

        return browser_logins.log_in(
            url,
            state=state,
            proxy=proxy,
            user_agent=user_agent,
            program=self.config.browser.executable,
            is_login=is_login,
            goes_on=goes_on,
        )

    def run_program(
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        timeout: float,
        to_its_end: bool = True,
        given: str = "",
    ) -> "Ran":
        """Run a program of this machine, without a shell, for so many seconds at the most.

        Unless it is to come to its end, it is ended where this program is asked to stop.
        """
        from ytpool.probes import commands  # noqa: PLC0415 -- few run any

        stopping = None if to_its_end else self.stopping
        return commands.run(argv, environ=environ, timeout=timeout, stopping=stopping, given=given)

    def post_message(
        self,
        target: "Target",
        url: "Secret",
        token: "Secret | None",
        body: str,
        headers: Mapping[str, str],
        *,
        seconds: float,
    ) -> None:
        """Post a message about alerts to a webhook."""
        from ytpool.probes import messages  # noqa: PLC0415 -- requests takes its time

        messages.post(target, url, token, body, headers, seconds=seconds)

    def append_message(self, path: Path, line: str) -> None:
        """Add a message about alerts to a file."""
        from ytpool.probes import lines  # noqa: PLC0415 -- with the other ways

        lines.append(path, line)

    def send_mail(self, target: "Target", password: "Secret | None", mail: "EmailMessage", *, seconds: float) -> str:
        """Hand a mail over; return who was refused, where others were not."""
        from ytpool.probes import mail as post  # noqa: PLC0415 -- few have a mail server

        return post.send(target, password, mail, seconds=seconds)

    def service_root(self, provider: "Provider") -> str:
        """Where a task service is; in the sandbox profile its own one stands for all of them."""
        return self.sandbox_url if self.is_sandbox else provider.url

    @property
    def sandbox(self) -> "Control":
        """The levers of this profile's sandbox, which is started if it does not run."""
        from ytpool.sandbox.control import Control  # noqa: PLC0415 -- only this profile has one

        return Control(self.sandbox_url)

    @property
    def sandbox_url(self) -> str:
        with self._opening:
            if self._sandbox_url is None:
                from ytpool.sandbox import process  # noqa: PLC0415 -- only this profile has one

                self._sandbox_url = process.ensure(self.config.paths.sandbox)
            return self._sandbox_url

    def find_sandbox_again(self) -> None:
        """Look where this profile's sandbox is, and start it again: it ends by itself when it was idle for long."""
        with self._opening:
            before, self._sandbox_url = self._sandbox_url, None
            if self.sandbox_url != before:
                self._youtube = None

    def running_sandbox(self) -> "Control | None":
        """Return the levers of this profile's sandbox if it runs."""
        from ytpool.sandbox import process  # noqa: PLC0415 -- only this profile has one
        from ytpool.sandbox.control import Control  # noqa: PLC0415

        url = process.running(self.config.paths.sandbox)
        return None if url is None else Control(url)

    def stop_sandbox(self) -> bool:
        """Stop this profile's sandbox; False where none ran."""
        from ytpool.sandbox import process  # noqa: PLC0415 -- only this profile has one

        self._sandbox_url = None
        return process.stop(self.config.paths.sandbox)

    def let_go_of_state(self) -> None:
        """Close the state, because another one is about to be in its place; it is opened anew when it is needed."""
        self.close()
        self._database = self._vault = None

    def database_at(self, path: Path) -> SqliteDatabase:
        """Return a state that lies elsewhere, such as a copy, by the clocks of this one."""
        return SqliteDatabase(path, self.clock, self.calendar.now)

    def forget_books(self) -> Path:
        """Remove the state of the sandbox profile; the next command makes a new one with the same key."""
        assert self.is_sandbox
        self.let_go_of_state()
        state = self.config.paths.state
        for path in (state, state.with_name(f"{state.name}-wal"), state.with_name(f"{state.name}-shm")):
            path.unlink(missing_ok=True)
        return state

    @property
    def api_root(self) -> str:
        return f"{self.sandbox_url}/" if self.is_sandbox else self.config.google.api_root

    @property
    def root_name(self) -> str:
        """What a state remembers of where it logged in: the API root, or the word `sandbox`, whose port may change."""
        return SANDBOX if self.is_sandbox else self.config.google.api_root

    def auth_uri(self, of_client: str) -> str:
        """Where a login starts: what was set, else what the client's file says."""
        if self.is_sandbox:
            return f"{self.sandbox_url}/o/oauth2/v2/auth"
        return self.config.google.auth_uri if self.config.is_set("google.auth_uri") else of_client

    def token_uri(self, of_client: str) -> str:
        """Where tokens come from: what was set, else what the client's file says."""
        if self.is_sandbox:
            return f"{self.sandbox_url}/token"
        return self.config.google.token_uri if self.config.is_set("google.token_uri") else of_client

    @property
    def revoke_uri(self) -> str:
        """Where logins are ended."""
        return f"{self.sandbox_url}/revoke" if self.is_sandbox else self.config.google.revoke_uri

    def require_same_root(self, tx: Tx, *, may_be_left: bool = False) -> None:
        """Refuse to feed real books from a sandbox, or the other way round, and books that go on in another place."""
        remembered = meta.get(tx, meta.API_ROOT)
        if remembered is not None and remembered != self.root_name:
            raise EndpointsChanged(
                f"this state belongs to {remembered}, where its first login was, and the settings now say "
                f"{self.root_name}",
                hint=f"let YTPOOL_GOOGLE_API_ROOT or [google] api_root say {remembered} again (Google is the default), "
                "or use another --profile for the other place",
                remembered=remembered,
                configured=self.root_name,
            )
        place = meta.get(tx, meta.MOVED_TO)
        if place is not None and not may_be_left:
            raise StateLeft(
                f"the state in {self.store.shown} was left for {place}, and goes on there",
                hint=f"{self.way_to(place)}; to stay here instead: ytpool unpause --yes",
                place=place,
            )

    def way_to(self, place: str) -> str:
        """Say what to change in the settings, so that they name this place of a state, as it is shown."""
        file = self.config.paths.config
        if place == str(self.config.paths.state):
            way = f"take `state` out of the settings ({file}) and YTPOOL_STATE out of the environment"
            return f"where that file is, which is one machine: {way}"
        if "://" not in place:
            return f'where that file is, which is one machine: write state = "{place}" at the top of {file}'
        address, _, schema = place.removesuffix(")").partition(" (schema ")
        own = "" if schema == "ytpool" else f', and schema = "{schema}" below [postgres]'
        return f'write state = "{address}" at the top of {file}{own}, or set YTPOOL_STATE'

    @cached_property
    def book(self) -> PriceBook:
        return PriceBook.from_table(data.load("prices.json"))

    def terms(self, tx: Tx, day: "date | None" = None) -> Terms:
        """Return what holds at this transaction's moment, or on another quota day."""
        day = day or quota.quota_day(tx.now)
        thresholds = self.config.thresholds
        return Terms(
            day=day,
            prices=self.book.on(day),
            thresholds=(thresholds.yellow, thresholds.orange, thresholds.red),
            envelopes=self._envelopes(day),
        )

    def _envelopes(self, day: "date") -> "Envelopes | None":
        shares = self.config.shares()
        if not shares:
            return None
        from ytpool.domain.envelopes import Envelopes  # noqa: PLC0415 -- most have none

        lend_after = self.config.envelopes.lend_after
        lends_at = quota.at(day, *map(int, lend_after.split(":"))) if lend_after else None
        return Envelopes(shares=shares, purposes=self.book.purposes, lends_at=lends_at)

    def require_clock(self) -> None:
        """Refuse to write while the clock is behind what Google has already confirmed."""
        confirmed = self.calendar.confirmation()
        if confirmed is None or not self.calendar.is_behind():
            return
        # Machines that share a state tell Google's time by the database's clock; it may be wrong where ours is right.
        is_shared = self._database is not None and self._database.is_shared
        whose = "the database's" if is_shared and self.clock.now() >= confirmed.moment else "this machine's"
        raise ClockBehind(
            f"{whose} clock says {self.calendar.as_google_says():%Y-%m-%d %H:%M} UTC, and Google already confirmed "
            f"{confirmed.moment:%Y-%m-%d %H:%M} UTC",
            hint="set it; if it is right: ytpool state check --accept-clock",
        )

    def keep_clock(self, tx: Tx) -> None:
        """Write down what Google's `Date` confirmed, once a minute at the most."""
        confirmed = self.calendar.confirmation()
        kept = self._kept_confirmation
        if confirmed is None or (kept and (confirmed.moment - kept).total_seconds() < _KEEP_CONFIRMED_EVERY):
            return
        meta.keep_confirmation(tx, confirmed)
        self._kept_confirmation = confirmed.moment

    def close(self) -> None:
        """Let go of everything that was opened."""
        if self._database is not None:
            self._database.close()
        if self._youtube is not None:
            self._youtube.close()
