"""Everything a server is told at its first boot and by each release: plain values in, whole files out."""
