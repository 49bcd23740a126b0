"""One honest answer to: can this machine work?

A look (`checks.Look`) is one thing that can be looked at: the state, the disk, a server. It stands in
`looking.LOOKS` with its name and its own time limit, and yields a `Check` for everything it saw. Whoever adds one
writes a function of a `Sight` and a line in that table; threads, time limits, failures and `--only` are the table's.

`looking.look` asks all of them once, for `ytpool health`. `looking.Rounds` asks those that cost no units and may be
asked every few seconds, for whoever keeps the answers at hand as `ytpool serve` does: each `Check` says in
`seen_at` when that was so, and in `look` which line of the table it comes from. Neither can hang.
"""
