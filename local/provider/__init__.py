"""Stand-in Pulumi provider plugins for the local cloud: aws, random and tls (`python -m local.provider NAME`)."""
