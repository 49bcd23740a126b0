"""Secrets: sealed texts, and the key that seals them. It knows nothing of the state; whoever calls keeps the rows.

`envelope` seals and opens, `places` finds a key by its id, `keyfiles` and `keyrings` are the places themselves, `cron`
tells whether a job without a desktop session will find it. One 32-byte key seals every secret of a state: only the
key must be kept outside, and it is written once.
"""
