"""The API keys of a task service: in the environment, in an env file, or in the vault. Their values stay here."""

from pathlib import Path

from ytpool.actions import secrets
from ytpool.config.places import expanded
from ytpool.domain import api_keys
from ytpool.domain.api_keys import ApiKey
from ytpool.domain.providers import Provider
from ytpool.domain.secret import Secret
from ytpool.errors import ConfigInvalid, NoEligibleAccount, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store.secrets import Kind, owners_of

ENVIRONMENT, ENV_FILE, VAULT = "environment", "env file", "vault"


def found(rt: Runtime, provider: Provider) -> tuple[ApiKey, ...]:
    """Find every key, in the order in which they are used; read anew each time, so a new one needs no restart.

    The environment goes before the file, and the file before the vault. Two numbers with the same key are one account:
    its slots are the key's, and would be counted twice.
    """
    with rt.store.reading() as tx:
        kept = owners_of(tx, Kind.API_KEY)
    by_number: dict[int, tuple[Secret, str]] = {}
    for owner in kept:
        of, _, short = owner.partition("/")
        number = api_keys.number_of(short)
        if of == provider.name and number is not None:
            rt.open_vault()
            with rt.store.reading() as tx:
                value = secrets.read(rt, tx, Kind.API_KEY, owner)
            if value is not None:
                by_number[number] = (value, VAULT)
    for place, variables in ((ENV_FILE, _of_file(rt, provider)), (ENVIRONMENT, rt.environ)):
        for number, text in api_keys.numbered(provider.keys, variables).items():
            by_number[number] = (Secret(text), place)
    made: list[ApiKey] = []
    for number, (value, place) in sorted(by_number.items()):
        if all(value != before.key for before in made):
            made.append(ApiKey(f"{provider.name}/{api_keys.short_name(number)}", value, place))
    return tuple(made)


def require(rt: Runtime, provider: Provider) -> tuple[ApiKey, ...]:
    """Find every key; raises NoEligibleAccount where there is none."""
    keys = found(rt, provider)
    if not keys:
        path = env_file(rt, provider)
        where = "" if path is None else f" or in {path}"
        raise NoEligibleAccount(
            f"{provider.name} has no key: {provider.keys} is not set in the environment{where}",
            hint=f"set {provider.keys}, or keep one in the vault: ytpool task keep-key {provider.name} --key-file FILE",
        )
    return keys


def keep(rt: Runtime, provider: Provider, short: str, key: Secret) -> str:
    """Seal a key in the vault, and return its account; one that is there is replaced."""
    if api_keys.number_of(short) is None:
        raise UsageWrong(f"{short!r} is no account of a service", hint="say primary, account_2, account_3, ...")
    account = f"{provider.name}/{short}"
    rt.open_vault()
    with rt.store.transaction() as tx:
        secrets.keep(rt, tx, Kind.API_KEY, account, key)
    return account


def env_file(rt: Runtime, provider: Provider) -> Path | None:
    """Return where a provider's env file is, whether it is there or not."""
    if not provider.env_file:
        return None
    # A path in the settings is meant from their own folder: cron starts elsewhere than a terminal does.
    return rt.config.paths.config.parent / expanded(provider.env_file)


def _of_file(rt: Runtime, provider: Provider) -> dict[str, str]:
    path = env_file(rt, provider)
    if path is None:
        return {}
    try:
        return api_keys.variables_of(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigInvalid(f"the env file {path} of {provider.name} cannot be read: {why}") from None
