"""All the SQL there is, and nothing else has any: pool, repositories, migrations, the embedded server.

Implements the storage protocols of `backend.domain.ports`; put together by `backend.app`. May import the domain,
psycopg and, for lifecycle lines only, `shared.logging`.
"""
