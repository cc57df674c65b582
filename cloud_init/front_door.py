"""Times, numbers and a path of the way from the load balancer in front to the web servers, on which several agree: constants.

The load balancer is told some of them (components/edge.py), HAProxy, Nginx and rotation.service the others.
"""

# AWS's lower limits: who does not answer is out of rotation after 7 to 12 s, who answers with an error after 5 to 10 s.
INTERVAL_S = 5
TIMEOUT_S = 2
FAILURES = 2
PROPAGATION_S = 3  # from that verdict to the last node of the load balancer

NOTICED_S = INTERVAL_S * FAILURES + TIMEOUT_S + PROPAGATION_S  # then a server that leaves gets no new connection
JOIN_S = 60  # the longest that a server which has booted is kept out until its database has caught up
STAY_S = 45  # before that, while no other web server serves
IDLE_S = NOTICED_S  # that a visitor's connection is kept: when a server has left, the idle ones are gone too
REQUEST_S = 8  # the longest that a web server may take
ENDED_S = NOTICED_S + REQUEST_S  # then nobody uses a server that leaves

ALIVE = "/_alive"  # Nginx's path to what the application says of its health, for HAProxy, also while its server leaves
