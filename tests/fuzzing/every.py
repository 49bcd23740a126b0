"""Every target there is, each with what it has found."""

from dataclasses import replace

from fuzzing import answers, files, sandboxes, settings, typed, visits
from fuzzing.found import FOUND

TARGETS = tuple(
    replace(target, found=FOUND.get(target.name, ()))
    for target in (
        *settings.TARGETS,
        *files.TARGETS,
        *answers.TARGETS,
        *visits.TARGETS,
        *sandboxes.TARGETS,
        *typed.TARGETS,
    )
)
