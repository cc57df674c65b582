"""The failover unit of a database server: does what `agent/failover.py` decides, and answers for the database's role.

`unit` puts it together. `loop` is the one thread that decides; whatever may hang (store, peers, MySQL) happens in others.
"""
