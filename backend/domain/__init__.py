"""The rules: users, passwords, tokens, permissions, rooms, seats. No I/O, no web, no SQL.

Called by the edges (`backend.http`, `backend.signalling`). What the rules need from outside they ask for through
the `typing.Protocol`s of `ports`. May import the standard library, `shared` and `backend.errors`.
"""
