"""Operate a pool of YouTube accounts: quota that is never oversold, uploads that never post twice."""

__version__ = "0.1.0"
