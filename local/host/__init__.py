"""What runs on this computer for one local cloud: machines, volumes, network, balancer. Linux, root."""
