"""An SFU of sorts as one writes it after aiortc's examples: aiohttp, one RTCPeerConnection a peer, MediaRelay.

    python -m tests.bench.servers.relay_app SOCKET

Every track is decoded once and encoded anew for each who watches it, since aiortc's tracks are made of frames. It
knows nothing of the benchmark and uses aiortc's documented interface with its defaults, but for the STUN server,
which is left out because no address needs to be found.
"""

import sys
from collections import defaultdict

from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

relay = MediaRelay()
peers: dict[str, RTCPeerConnection] = {}
tracks: dict[str, list[MediaStreamTrack]] = defaultdict(list)

routes = web.RouteTableDef()


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    """Say that it runs."""
    return web.json_response({"peers": len(peers)})


@routes.post("/publish/{peer}")
async def publish(request: web.Request) -> web.Response:
    """Take a publisher's offer; its tracks are kept in the order of the offer's sections."""
    peer = request.match_info["peer"]
    pc = new_peer(peer)

    @pc.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        tracks[peer].append(track)

    return await answer(request, pc)


@routes.post("/watch/{peer}")
async def watch(request: web.Request) -> web.Response:
    """Take the offer of one who watches `tracks`, [publisher, index] in the order of the sections of each kind."""
    pc = new_peer(request.match_info["peer"])
    body = await request.json()
    for publisher, index in body["tracks"]:
        pc.addTrack(relay.subscribe(tracks[publisher][index]))
    return await answer(request, pc)


@routes.post("/leave/{peer}")
async def leave(request: web.Request) -> web.Response:
    """Close a peer's connection."""
    peer = request.match_info["peer"]
    tracks.pop(peer, None)
    await peers.pop(peer).close()
    return web.json_response({})


def new_peer(name: str) -> RTCPeerConnection:
    """Make a peer's connection, which goes when it fails."""
    pc = peers[name] = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    @pc.on("connectionstatechange")
    async def on_change() -> None:
        if pc.connectionState == "failed":
            await pc.close()

    return pc


async def answer(request: web.Request, pc: RTCPeerConnection) -> web.Response:
    """Answer the offer in a request."""
    body = await request.json()
    await pc.setRemoteDescription(RTCSessionDescription(sdp=body["sdp"], type=body["type"]))
    local = await pc.createAnswer()
    assert local is not None
    await pc.setLocalDescription(local)
    return web.json_response({"sdp": pc.localDescription.sdp, "type": pc.localDescription.type})


async def close_all(app: web.Application) -> None:
    """Close all connections when the server stops."""
    for pc in list(peers.values()):
        await pc.close()


def main() -> None:
    """Serve on the Unix socket of the first argument."""
    app = web.Application()
    app.add_routes(routes)
    app.on_shutdown.append(close_all)
    web.run_app(app, path=sys.argv[1], print=None)


if __name__ == "__main__":
    main()
