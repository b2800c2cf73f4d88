"""Keeps aiortc's codecs out of a process that only forwards.

`import aiortc` loads PyAV with all of FFmpeg, 18 MB a worker, for a single type annotation in its RTP module.
Its DTLS needs none of it: with a package that has not run its `__init__`, and a name for that annotation to find,
the submodules that are wanted load alone.
"""

import importlib.util
import sys
from types import ModuleType


def keep_codecs_out() -> None:
    """Make submodules of aiortc importable without aiortc itself; to be called before anything imports it.

    Does nothing where aiortc is loaded already, as in tests that use it as a client.
    """
    spec = importlib.util.find_spec("aiortc")
    if "aiortc" in sys.modules or spec is None or spec.submodule_search_locations is None:
        return
    package = ModuleType("aiortc")
    package.__spec__ = spec
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["aiortc"] = package
    codecs = ModuleType("av")
    codecs.AudioFrame = object  # type: ignore[attr-defined] # what aiortc.rtp annotates with
    sys.modules["av"] = codecs
