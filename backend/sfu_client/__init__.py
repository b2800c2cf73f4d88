"""The only code that knows the SFU's HTTP API: requests with deadline, retry and circuit, and its event stream.

Made by `backend.app` and handed to the rules, which know it as `backend.domain.sfu_port.SfuLink`. May import
`domain`, `shared`, aiohttp and tenacity.
"""

from backend.sfu_client.link import SfuClient

__all__ = ["SfuClient"]
