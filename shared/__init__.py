"""The vocabulary that the backend and the SFU share: RTP parameters, schemas, error shape, ids, settings, logs.

Called by both services. A dictionary, not a toolbox: nothing in here does I/O or knows either service. May import
the standard library, marshmallow, environs and structlog only.
"""

__version__ = "1.0.0"
