"""The backend: accounts, roles, rooms, seats and signalling, over PostgreSQL.

Started by `python -m backend`. Talks to browsers by REST and WebSocket, to the SFU by HTTP; never sees a packet.
May import `shared`, never `sfu`; which of its own packages may import which stands in the README.
"""
