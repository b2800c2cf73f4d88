"""Probes of both services, run as `python3 deploy/probes/NAME.py` by people, containers and orchestrators.

`live`, `ready`, `latency` and `media` are the commands; the other modules are their parts. Only the standard
library: they run on any Python 3.11, in our images and on a machine that has nothing of ours installed.
"""
