"""The control plane: rooms and what is in them, mirrored from the media workers that really hold it.

Called by `sfu.api` and put together in `sfu.app`. Nothing in here sees a packet or an HTTP request. May import
`sfu.ortc`, `sfu.errors` and `shared`; asyncio and pyee for what happens later and who is told of it.
"""
