"""MySQL Group Replication with MySQL Router on this project's machines, put through the same drills; `make peers`.

Three members with a single primary, from the distribution's packages, on machines as this project's servers are. On one of
them, which no drill touches, MySQL Router, and before it this project's own application as this project runs it, asked by the
drills' own client: so that a write outage is the same thing on both sides, the longest time between two acknowledged writes of
an open loop of 50 a second. docs/measurements.md tells what is not the same.

MySQL Router finds the primary by the metadata of an InnoDB Cluster, which MySQL Shell makes; MySQL Shell is in no package of
the distribution. `metadata.sql` is that metadata's public interface as far as Router asks for it, and no more: Router's own
`--bootstrap` accepts it and writes its configuration as for any cluster.

`configuration` and `front` hold every text, `machines` the computers, `group` makes of them a group that a drill can ask, `run`
is one run, `table` what becomes of all runs, `suite` the command.
"""
