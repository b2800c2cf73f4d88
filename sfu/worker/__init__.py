"""A media worker: the process that owns packets. Routers, WebRTC transports, producers and consumers.

Started by `sfu.control`, which it obeys over a channel of JSON frames. Sockets, keys and clocks come in through
the protocols of `ports`. May import `sfu.ortc`'s types, `sfu.rtp`, `sfu.codecs`, `sfu.bwe` and `shared`.
"""
