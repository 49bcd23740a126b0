"""Batches as people write them: a table, one object a line, or a small TOML file beside each video.

Everything wrong is found at once, each with its place, because nothing of a batch is sent before all of it is right.
Text goes in and values come out; no file is opened here, so the caller looks at the files that a batch names.
"""
