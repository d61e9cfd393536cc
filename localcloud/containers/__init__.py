"""Functions in Lambda's own containers, by `sam local invoke`, before the local cloud.

The local cloud listens on loopback, which a container has for itself. So while containers run, a
relay listens where they reach this machine, and hands on to the gateway. `docker-env.json` tells
the functions that address and the names of the local cloud's resources; samconfig.toml gives both
to `sam local invoke --config-env local`.
"""
