"""The child that `cron.readable_by_cron` starts; nobody types this."""

import sys

from ytpool.vault.cron import answer

sys.stdout.write(answer(sys.argv[1:]))
