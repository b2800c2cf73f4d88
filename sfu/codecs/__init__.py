"""What the payload of a media packet says: is it a key frame, which layer does it belong to.

Called by `sfu.worker`, which asks `key_frame_detector` once a producer and the codec's own module for layers.
Reads payload descriptors and as little of the codec itself as it takes; decodes nothing. May import the standard
library and `shared` only.
"""

from sfu.codecs.registry import key_frame_detector

__all__ = ["key_frame_detector"]
