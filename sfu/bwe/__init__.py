"""Bandwidth: what we tell publishers of their way to us, and what we find out of our way to subscribers.

Called by `sfu.worker`, for each transport: feedback or REMB to its peer (`transport_cc_feedback`, `remb` with
`receive_side_estimator`), an estimate by the peer's feedback with probes (`send_side_estimator`), and its sharing out
over consumers (`allocator`). Plain synchronous logic, time is an argument in seconds. May import the standard library,
`shared` and `sfu.rtp` only.
"""
