"""Properties are about what is true, not about how fast a busy machine finds it."""

from hypothesis import settings

settings.register_profile("ytpool", deadline=None)
settings.load_profile("ytpool")
