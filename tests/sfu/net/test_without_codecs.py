"""A worker's process loads DTLS and SCTP from aiortc and no codecs."""

import subprocess
import sys

PROGRAM = """
import sys
from sfu.net.without_codecs import keep_codecs_out
keep_codecs_out()
from sfu.net.dtls_handshake import Certificate
from sfu.net.sctp import SctpAssociation
assert len(Certificate.generateCertificate().sha256_fingerprint) == 95
print([name for name in sys.modules if name.startswith(("av.", "aiortc.codecs", "aiortc.rtcpeerconnection"))])
"""


def test_dtls_and_sctp_load_without_the_codecs() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (ran.stdout.strip(), ran.returncode) == ("[]", 0), ran.stderr


def test_an_aiortc_that_is_loaded_stays_whole() -> None:
    program = "import aiortc\n" + PROGRAM + "assert aiortc.RTCPeerConnection"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "aiortc.rtcpeerconnection" in ran.stdout
