"""The only code that knows the SFU's HTTP API: requests with deadline, retry and circuit, and its event stream.

`SfuPool` spreads the rooms over one or several SFUs; `SfuClient` is the way to one.
Made by `backend.app` and handed to the rules, which know it as `backend.domain.sfu_port.SfuLink`. May import
`domain`, `shared`, aiohttp and tenacity.
"""

from backend.sfu_client.pool import SfuPool

__all__ = ["SfuPool"]
