"""Where a profile keeps its things; looking creates nothing."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePath

from ytpool.config.settings import Paths
from ytpool.errors import ConfigInvalid


def profile_named(flag: str | None, environ: Mapping[str, str]) -> str:
    """Return the profile that is meant; raises ConfigInvalid for what cannot be the name of one."""
    name = flag if flag is not None else environ.get("YTPOOL_PROFILE") or "default"
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", name):
        origin = "--profile" if flag is not None else "YTPOOL_PROFILE"
        raise ConfigInvalid(
            f"{origin}: {name!r} is no name for a profile: up to 64 letters, digits, dots, dashes and underlines, "
            "not beginning with a dot",
            profile=name,
        )
    return name


def paths_of(profile: str, environ: Mapping[str, str]) -> Paths:
    """Return where a profile keeps its things: under `YTPOOL_HOME`, or where this platform wants them."""
    if home := environ.get("YTPOOL_HOME"):
        folder = from_home(home, "YTPOOL_HOME").absolute() / profile
        return Paths(folder / "config.toml", folder / "state.db", folder / "cache", folder / "sandbox")
    import platformdirs  # noqa: PLC0415 - not needed where YTPOOL_HOME says it all

    state = Path(platformdirs.user_state_dir("ytpool", appauthor=False)) / profile
    return Paths(
        config=Path(platformdirs.user_config_dir("ytpool", appauthor=False)) / profile / "config.toml",
        state=state / "state.db",
        cache=Path(platformdirs.user_cache_dir("ytpool", appauthor=False)) / profile,
        sandbox=state / "sandbox",
    )


def expanded(path: str | PurePath) -> Path:
    """Return a path in which ~ is a home folder; as for a shell, ~ with nobody's name is a name like any other."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def from_home(text: str, origin: str) -> Path:
    """Return a path in which ~ is a home folder; raises ConfigInvalid, with the place where it stands, for nobody's."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigInvalid(
            f"{origin}: {text!r} begins with the home folder of somebody whom this machine does not know",
            hint="write the path from / on",
            path=text,
        ) from None


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, each for its owner only, whatever the umask."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    folder.chmod(0o700)
