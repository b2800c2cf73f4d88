"""The composition root: joins the parts of the backend into one aiohttp application."""

from aiohttp import web

from backend import keys
from backend.settings import Settings
from backend.signalling import setup_signalling


def create_app(settings: Settings) -> web.Application:
    """Build the application; it connects to nothing before it is started.

    Order matters: the services are put under their keys first, so signalling and handlers find them; clean-up runs
    backwards, so the database goes last.
    """
    app = web.Application()
    app[keys.SETTINGS] = settings
    setup_signalling(app)  # the /ws route, `keys.PRESENCE`, and its own cleanup_ctx for the SFU client
    return app
