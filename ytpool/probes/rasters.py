"""SVG as PNG, drawn by rsvg-convert where it is installed, else by a Chromium without a window."""

import os
import shutil
import struct
import subprocess
import zlib

from ytpool.errors import DrawingFailed, ExtraMissing
from ytpool.probes import browser

_WITHIN = 60.0
_SCALE = 2
"""Pixels for each unit of the picture, as on most screens now."""
_HEADER = 8 + 25
"""A PNG's signature and its first chunk, behind which others may stand."""


def render(svg: str, *, software: str, chromium: str) -> bytes:
    """Return a picture as a PNG that names the software that made it; raises ExtraMissing where nothing can draw it."""
    converter = shutil.which("rsvg-convert")
    drawn = _by_chromium(svg, chromium) if converter is None else _by_converter(svg, converter)
    return drawn[:_HEADER] + _chunk(b"tEXt", b"Software\0" + software.encode("latin-1")) + drawn[_HEADER:]


def _by_converter(svg: str, program: str) -> bytes:
    try:
        done = subprocess.run(
            [program, "--format=png", f"--zoom={_SCALE}"],
            input=svg.encode("utf-8", "replace"),
            capture_output=True,
            timeout=_WITHIN,
            check=True,
            env=_environ(),
        )
    except subprocess.TimeoutExpired as error:
        raise DrawingFailed(f"{program} has not drawn the picture within {_WITHIN:g} s") from error
    except (subprocess.CalledProcessError, OSError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise DrawingFailed(f"{program} could not draw the picture: {last}") from error
    return done.stdout


def _by_chromium(svg: str, setting: str) -> bytes:
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 -- an extra

        program = browser.executable(setting)
    except (ImportError, ExtraMissing) as error:
        raise ExtraMissing(
            "nothing here can draw a PNG",
            hint="install rsvg-convert, on Debian: apt install librsvg2-bin; or Chromium and: "
            "pip install 'ytpool[browser]'; or write the picture with --svg",
        ) from error
    try:
        with (
            sync_playwright() as driver,
            driver.chromium.launch(executable_path=program, timeout=_WITHIN * 1000, env={**_environ()}) as run,
        ):
            page = run.new_page(
                device_scale_factor=_SCALE, java_script_enabled=False, offline=True, color_scheme="light"
            )
            page.set_content(svg.partition("?>")[2])
            return page.locator("svg").first.screenshot(type="png", timeout=_WITHIN * 1000)
    except Error as error:
        raise DrawingFailed(f"{program} could not draw the picture: {str(error).splitlines()[0]}") from error


def _environ() -> dict[str, str]:
    """Return what a program needs to find its fonts; none of ours is its business."""
    return {name: value for name, value in os.environ.items() if not name.startswith("YTPOOL_")}


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
