"""The packet path's parts: what a stream is made of, from the RTP header to the retransmission store.

Called by `sfu.worker` for each packet and by `sfu.net` to tell RTP from RTCP. Everything here is plain synchronous
logic on bytes and numbers: time is an argument in seconds, nothing owns a timer, a socket or a log. May import the
standard library and `shared` only.
"""
