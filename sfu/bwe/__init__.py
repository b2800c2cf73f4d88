"""Bandwidth: what we tell publishers of their way to us, and what we find out of our way to subscribers.

Called by `sfu.worker`, for each transport: feedback or REMB to its peer (`transport_cc_feedback`, `remb`), and by
its feedback an estimate, with probes (`send_side_estimator`), shared out over consumers (`allocator`). Plain
synchronous logic, time is an argument in seconds. May import the standard library, `shared` and `sfu.rtp` only.
"""
