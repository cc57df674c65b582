"""The TCP ports of a server, each named once; templates and the firewall's flow table read them here. Constants only."""

HAPROXY_TLS = 8443  # from the NLB: PROXY v2, then TLS, then HTTP
HAPROXY_REDIRECT = 8080  # from the NLB: PROXY v2, then plain HTTP; answers only redirects to https
HAPROXY_HEALTH = 8405  # from the NLB's health checks: PROXY v2, then plain HTTP `/health`
NGINX_TLS = 8444  # from the HAProxies: TLS, then HTTP
MYSQL = 3306  # from the HAProxies and the other MySQL: TLS required
AGENT = 9200  # from the other servers: plain HTTP `/health`
ROLES = 9201  # of the failover unit, from the HAProxies: plain HTTP `/primary`, `/replica`
MEMBERS = 9202  # of the failover unit, from the other one: mutual TLS

# On loopback only, for the server's own processes.
MYSQL_WRITE = 3307  # HAProxy's way to the primary
MYSQL_READ = 3308  # HAProxy's way to a replica, or to the primary when there is none
HAPROXY_STATS = 8404  # Prometheus metrics
