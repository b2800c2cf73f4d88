"""What the payload of a media packet says: is it a key frame, which layer does it belong to.

Called by `sfu.worker`, which asks `key_frame_detector` once a producer and `layer_reader` once a stream. Reads
payload descriptors and as little of the codec itself as it takes; decodes nothing. May import the standard
library, `shared` and `sfu.rtp`, in whose words layers are told.
"""

from sfu.codecs.layer_reader import LayerReader, layer_reader
from sfu.codecs.registry import key_frame_detector

__all__ = ["LayerReader", "key_frame_detector", "layer_reader"]
