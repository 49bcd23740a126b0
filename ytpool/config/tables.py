"""Tables whose names are the operator's own: services, chains, servers, pages, targets, platforms, cookie files.

Each is read by the rules of its noun; here is only where it stands. Most settings have none.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ytpool.config.given import Given
from ytpool.config.places import from_home
from ytpool.config.settings import ALERT_TARGETS, CHAINS, COOKIE_FILES, FTP, PAGES, PLATFORMS, PROVIDERS


def taken_from(table: dict[str, Any], given: Callable[..., Given]) -> dict[str, Given]:
    """Read what is no section with a fixed list of keys, and take it out of the table; chains name providers."""
    found = _cookie_files(table, given)
    if isinstance(table.get(PROVIDERS), dict):
        from ytpool.domain import providers  # noqa: PLC0415 - most have none

        found |= _named(PROVIDERS, "a provider", providers.from_table, table.pop(PROVIDERS), given)
    if isinstance(table.get(FTP), dict):
        from ytpool.domain import servers  # noqa: PLC0415 - most have none

        found |= _named(FTP, "an FTP server", servers.ftp_from_table, table.pop(FTP), given)
    if isinstance(table.get(PAGES), dict):
        from ytpool.domain import servers  # noqa: PLC0415

        found |= _named(PAGES, "a service to be checked", servers.page_from_table, table.pop(PAGES), given)
    alerts = table.get("alerts")
    if isinstance(alerts, dict) and isinstance(alerts.get("targets"), dict):
        from ytpool.domain import alert_targets  # noqa: PLC0415 - most have none

        read, targets = alert_targets.from_table, alerts.pop("targets")
        found |= _named(ALERT_TARGETS, "a target of alerts", read, targets, given)
    if isinstance(table.get(CHAINS), dict):
        found |= _chains(table.pop(CHAINS), found, given)
    if isinstance(table.get(PLATFORMS), dict):
        from ytpool.domain import markers  # noqa: PLC0415 - most set nothing

        found |= _named(PLATFORMS, "a platform", markers.from_table, table.pop(PLATFORMS), given)
    return found


def _named(
    section: str, what: str, read: Callable[..., Any], table: Mapping[str, Any], given: Callable[..., Given]
) -> dict[str, Given]:
    """Read what has names of the operator's own; each becomes one value, and every setting of it knows its place."""
    found = {}
    place = section.split(".")
    for name, settings in table.items():
        if not isinstance(settings, dict):
            sentence = f"{name} is {what}: write [{section}.{name}] and its keys below"
            given(settings, *place, name).refuse(f"{section}.{name}", sentence)

        def refuse(path: tuple[str, ...], sentence: str, name: str = name) -> NoReturn:
            given(None, *place, name, *path).refuse(".".join((section, name, *path)), sentence)

        found[f"{section}.{name}"] = given(read(name, settings, refuse), *place, name)
        for key, value in settings.items():
            if not isinstance(value, dict):
                found[f"{section}.{name}.{key}"] = given(value, *place, name, key)
    return found


def _chains(tables: Mapping[str, Any], so_far: Mapping[str, Given], given: Callable[..., Given]) -> dict[str, Given]:
    """Read the chains, together: they may name each other."""
    from ytpool.domain import chains  # noqa: PLC0415 - most have none

    def refuse(path: tuple[str, ...], sentence: str) -> NoReturn:
        given(None, CHAINS, *path).refuse(".".join((CHAINS, *path)), sentence)

    services = {key.split(".")[1] for key in so_far if key.startswith(f"{PROVIDERS}.") and key.count(".") == 1}
    found = chains.from_tables(tables, services, refuse)
    return {f"{CHAINS}.{name}": given(steps, CHAINS, name) for name, steps in found.items()}


def _cookie_files(table: dict[str, Any], given: Callable[..., Given]) -> dict[str, Given]:
    """Read which files hold whose cookies, and take them out of the table."""
    if not isinstance(table.get(COOKIE_FILES), dict):
        return {}
    found = {}
    for name, entry in table.pop(COOKIE_FILES).items():
        key = f"{COOKIE_FILES}.{name}"
        where = given(entry, COOKIE_FILES, name)
        if not name.isprintable() or "." in name or not name:
            where.refuse(key, f"{name!r} is no name for an account: letters that can be seen, without dots")
        if not isinstance(entry, dict):
            where.refuse(key, f"{name} is an account: write [{COOKIE_FILES}.{name}] and its path below")
        for setting in entry:
            if setting != "path":
                given(None, COOKIE_FILES, name, setting).refuse(f"{key}.{setting}", "a cookie file has only a path")
        path = entry.get("path")
        if not isinstance(path, str) or not path:
            where.refuse(f"{key}.path", f"path must be the path of a file in quotes, not {path!r}")
        found[key] = where._replace(value=Path(where.file).parent / from_home(path, where.origin))
        found[f"{key}.path"] = given(path, COOKIE_FILES, name, "path")
    return found
