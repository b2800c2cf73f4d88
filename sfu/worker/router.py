"""A router: what is published in one room can be consumed in it, and nowhere else."""

from sfu.worker.data_producer import DataProducer
from sfu.worker.producer import Producer
from sfu.worker.webrtc_transport import WebRtcTransport
from shared.rtp_parameters import RtpCapabilities


class Router:
    """One room's transports and producers, and the header extension ids that all its consumers share."""

    def __init__(self, router_id: str, capabilities: RtpCapabilities) -> None:
        self.id = router_id
        self.extension_ids = {
            extension.uri: extension.preferred_id for extension in capabilities.header_extensions
        }
        self.transports: dict[str, WebRtcTransport] = {}
        self.producers: dict[str, Producer] = {}
        self.data_producers: dict[str, DataProducer] = {}
