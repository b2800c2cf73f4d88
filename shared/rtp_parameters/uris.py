"""URIs that name RTP header extensions (RFC 8285), as RTP parameters carry them."""

from typing import Final

MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
"""RFC 9143."""
RTP_STREAM_ID: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
"""RFC 8852."""
REPAIRED_RTP_STREAM_ID: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
"""RFC 8852."""
ABS_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_WIDE_CC: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
SSRC_AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
"""RFC 6464."""
DEPENDENCY_DESCRIPTOR: Final = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
VIDEO_ORIENTATION: Final = "urn:3gpp:video-orientation"
"""3GPP TS 26.114 section 7.4.5."""
TOFFSET: Final = "urn:ietf:params:rtp-hdrext:toffset"
"""RFC 5450."""
ABS_CAPTURE_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
PLAYOUT_DELAY: Final = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
MEDIASOUP_PACKET_ID: Final = "urn:mediasoup:params:rtp-hdrext:packet-id"
