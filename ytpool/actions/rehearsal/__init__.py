"""A rehearsal: what would happen to the work that waits, were this or that to go wrong tomorrow.

A *stage* is a copy of the state in a folder of its own, with a sandbox of its own for YouTube and logins of that
sandbox (`stage`). A *run* plays one scenario on it to its end (`playing`): disasters strike (`striking`), the usual
workers work, and whenever all of them would wait, the sandbox's clock goes to the moment they wait for. Afterwards a
*verdict* compares what the books say with what the sandbox knows has happened, and with the run in which nothing went
wrong (`judging`). The real state is read once, to be copied, and nothing else of it is touched.
"""
