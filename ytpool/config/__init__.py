"""Settings: flags over environment over file over defaults, decided once and strictly checked.

Loading creates nothing; `tomllib` and `platformdirs` are imported only where there is a file to read or no
`YTPOOL_HOME`, and what reads tables and blocks only where some are written.
"""

from ytpool.config.checks import is_zone
from ytpool.config.deciding import load, write_initial
from ytpool.config.places import make_private_folder
from ytpool.config.settings import DATABASE_FILES, PRESETS, SANDBOX, Config, Google

__all__ = [
    "DATABASE_FILES",
    "PRESETS",
    "SANDBOX",
    "Config",
    "Google",
    "is_zone",
    "load",
    "make_private_folder",
    "write_initial",
]
