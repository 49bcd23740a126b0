"""Planning ahead: which account takes what and when, under everything that is counted.

Item by item, each at the earliest moment at which all that it needs has room, as whoever works the queue off takes
them: what matters more first, of that what must be there at some moment, the soonest first, then the others in their
order. The line is taken to carry one video after the other at its full rate, which ends no later than sharing it
would. The same scene gives the same plan; nothing is set aside by it.
"""
