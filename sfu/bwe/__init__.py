"""Bandwidth estimation: what we tell publishers about how their packets arrive.

Called by `sfu.worker`, one generator a transport: transport-wide congestion control feedback where negotiated,
REMB otherwise. Plain synchronous logic, time is an argument in seconds. May import the standard library, `shared`
and the RTCP messages of `sfu.rtp` only.
"""
