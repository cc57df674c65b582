"""The lease on the right to write: what a server decides from what it saw. Pure: no clock, no network, no database here.

`now` is always this server's own CLOCK_BOOTTIME in seconds; no time of another machine is ever compared with it.
"""
