"""Work that another service does: submitted once, then asked about, or heard of by a callback.

A task is a job from the moment it is asked for. Its slot stays taken while it runs, without any process, until it has
ended or its time is over.
"""
