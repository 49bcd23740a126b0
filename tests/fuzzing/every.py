"""Every target there is."""

from fuzzing import answers, files, settings, typed

TARGETS = (*settings.TARGETS, *files.TARGETS, *answers.TARGETS, *typed.TARGETS)
