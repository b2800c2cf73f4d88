"""Reading what the SFU holds."""

from typing import Any

import pytest

from backend.domain.sfu_port import Direction, Layers
from backend.domain.sfu_state import (
    ConsumerState,
    DataConsumerState,
    DataProducerState,
    ProducerState,
    SfuPeerState,
)
from backend.errors import Broken
from backend.sfu_client.reconcile import room_state

SEND = {"transportId": "t1", "direction": "send", "iceState": "completed", "dtlsState": "connected"}
RECV = {"transportId": "t2", "direction": "recv", "iceState": "new", "dtlsState": "new"}


def a_producer(producer_id: str, **fields: Any) -> dict[str, Any]:
    own = {"producerId": producer_id, "kind": "video", "transportId": "t1", "paused": False, "appData": {}}
    return own | {"id": producer_id} | fields


def a_consumer(consumer_id: str, **fields: Any) -> dict[str, Any]:
    own = {"consumerId": consumer_id, "producerId": "p", "transportId": "t2", "paused": False}
    return own | {"producerPaused": True} | fields


def test_everything_is_read_by_peer() -> None:
    ann = {
        "peerId": "ann",
        "transports": [SEND, RECV],
        "producers": [a_producer("p", kind="audio", paused=True, appData={"source": "mic"})],
        "consumers": [],
        "dataProducers": [
            {"dataProducerId": "d", "transportId": "t1", "label": "chat", "protocol": "json", "appData": {"a": 1}}
        ],
    }
    bob = {
        "peerId": "bob",
        "transports": [],
        "producers": [],
        "consumers": [a_consumer("c", paused=True)],
        "dataConsumers": [{"dataConsumerId": "e", "dataProducerId": "d", "transportId": "t2"}],
    }
    state = room_state("r", {"roomId": "r", "rtpCapabilities": {"codecs": []}, "peers": [ann, bob]})
    assert (state.room_id, state.rtp_capabilities) == ("r", {"codecs": []})
    assert state.peers == {
        "ann": SfuPeerState(
            transports={"t1": Direction.SEND, "t2": Direction.RECV},
            producers={"p": ProducerState("t1", "audio", paused=True, app_data={"source": "mic"})},
            data_producers={"d": DataProducerState("t1", "chat", "json", {"a": 1})},
        ),
        "bob": SfuPeerState(
            consumers={"c": ConsumerState("t2", "p", paused=True)},
            layers={"c": None},
            data_consumers={"e": DataConsumerState("t2", "d")},
        ),
    }


def test_layers_are_read_as_far_as_they_are_known() -> None:
    producers = [
        a_producer("p1", wantedLayers={"spatialLayer": 1}),
        a_producer("p2", wantedLayers={"spatialLayer": None}),
        a_producer("p3", wantedLayers=None),
    ]
    consumers = [
        a_consumer("c1", currentLayers={"spatialLayer": 2, "temporalLayer": 1}),
        a_consumer("c2", currentLayers=None),
    ]
    peer = {"peerId": "ann", "transports": [], "producers": producers, "consumers": consumers}
    ann = room_state("r", {"peers": [peer]}).peers["ann"]
    assert ann.wanted == {"p1": 1, "p2": None}
    assert ann.layers == {"c1": Layers(2, 1), "c2": None}


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"peers": None},
        {"peers": [{}]},
        {"peers": [{"peerId": "x", "transports": [{}], "producers": [], "consumers": []}]},
        {
            "peers": [
                {
                    "peerId": "x",
                    "transports": [SEND | {"direction": "up"}],
                    "producers": [],
                    "consumers": [],
                }
            ]
        },
        {"peers": [{"peerId": "x", "transports": [], "producers": 7, "consumers": []}]},
        {
            "peers": [
                {
                    "peerId": "x",
                    "transports": [],
                    "producers": [],
                    "consumers": [a_consumer("c", currentLayers=3)],
                }
            ]
        },
    ],
)
def test_an_answer_without_the_details_makes_no_sense(detail: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        room_state("r", detail)
