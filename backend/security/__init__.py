"""Cryptography behind the domain's ports: bcrypt password hashes, signed access tokens, codes of the moment,
encryption at rest, and the keys for it.

Put together by `backend.app`. May import `backend.domain`, `shared`, bcrypt, PyJWT and cryptography.
"""
