"""The selective forwarding unit: routers, transports, producers and consumers, and every packet between them.

Its control process answers HTTP on port 3000; its media workers are processes of their own that hold the sockets.
Called by the backend over HTTP, never imported by it. May import `shared`, and never `backend`.
"""
