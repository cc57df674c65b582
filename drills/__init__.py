"""Drills: a fault on the running local site under a constant measuring load, and what it cost; `make drill`.

`catalogue` says what there is; `client` and `poller` measure, each in a process of its own; `figures` turns their records
into numbers; `report` into a page. All times are seconds of CLOCK_MONOTONIC, which every process of this computer shares.
"""
