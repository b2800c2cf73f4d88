"""The media workers' sockets: batched UDP, ICE-lite, DTLS, SRTP, SCTP.

Called by the worker process's `__main__`, which hands it to `sfu.worker` through protocols. May import `sfu.rtp`,
`shared`, asyncio, aiortc, aioice, pylibsrtp and OpenSSL; never `sfu.worker`.
"""
