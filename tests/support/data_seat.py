"""What a participant does with data channels through signalling, with a `DataPeer` as its browser."""

from typing import Any

from tests.support.data_peer import Channel, DataPeer
from tests.support.live_backend import Json, Seat
from tests.support.protoo_client import ProtooClient


async def connect_data(seat: Seat, peer: DataPeer, direction: str) -> str:
    """Make a transport with data channels and connect it; return its id."""
    offered = await seat.client.request("create-transport", direction=direction, enableSctp=True)
    assert offered["sctpParameters"] == {"port": 5000, "OS": 1024, "MIS": 1024, "maxMessageSize": 262144}
    transport_id: str = offered["transportId"]
    await seat.client.request("connect-transport", transportId=transport_id, dtlsParameters=peer.dtls_parameters)
    await peer.connect(offered)
    await peer.connected()
    return transport_id


async def produce_data(seat: Seat, transport_id: str, stream_id: int = 0, **fields: Any) -> str:
    """Send on a channel; return the data producer's id."""
    parameters = {"streamId": stream_id, **fields.pop("sctpStreamParameters", {})}
    answer = await seat.client.request(
        "produce-data", transportId=transport_id, sctpStreamParameters=parameters, **fields
    )
    producer_id: str = answer["dataProducerId"]
    return producer_id


async def consume_data(client: ProtooClient, peer: DataPeer, producer_id: str) -> tuple[Json, Channel]:
    """Receive a data producer; return the answer and the channel."""
    consumed = await client.request("consume-data", dataProducerId=producer_id)
    return consumed, peer.channel(consumed["sctpStreamParameters"]["streamId"])
