"""Cryptography behind the domain's ports: bcrypt password hashes, signed access tokens, the key that signs them.

Put together by `backend.app`. May import `backend.domain`, `shared`, bcrypt and PyJWT.
"""
