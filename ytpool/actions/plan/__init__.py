"""A plan: which account takes what and when, from a manifest or from what waits; carried out, and looked back at.

It costs nothing, and changes nothing until it is applied. What waits in the queue comes first, also where a manifest is
planned: it was asked for before.
"""
