"""The operator's integration run: the five tests of the deployment checklist against services that are up.

`python -m deploy.integration`, `make integration` or the installed `vtp-integration`. It speaks to both services
as their clients do, over HTTP, WebSocket, ICE, DTLS and SRTP, and imports nothing of theirs: what the lock file of
the runtime brings is enough.
"""
