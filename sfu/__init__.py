"""The selective forwarding unit: takes each participant's media once and forwards it to all who asked for it.

A control process answers HTTP, owns rooms and negotiation; media workers, processes of their own, own sockets and
packets. It knows no user, no database and no password. Started by `python -m sfu`; called over HTTP only.
"""
