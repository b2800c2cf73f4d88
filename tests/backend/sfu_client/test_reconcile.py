"""Reading what the SFU holds."""

from typing import Any

import pytest

from backend.domain.sfu_port import Layers, SfuPeerState
from backend.errors import Broken
from backend.sfu_client.reconcile import room_state


def test_the_ids_of_everything_are_read_by_peer() -> None:
    detail = {
        "roomId": "r",
        "peers": [
            {
                "peerId": "ann",
                "transports": [{"transportId": "t1"}, {"transportId": "t2"}],
                "producers": [{"producerId": "p", "kind": "audio"}],
                "consumers": [],
            },
            {"peerId": "bob", "transports": [], "producers": [], "consumers": [{"id": "c"}]},
        ],
    }
    state = room_state("r", detail)
    assert state.room_id == "r"
    assert state.peers == {
        "ann": SfuPeerState(frozenset({"t1", "t2"}), frozenset({"p"}), frozenset()),
        "bob": SfuPeerState(frozenset(), frozenset(), frozenset({"c"}), {"c": None}),
    }


def test_layers_are_read_as_far_as_they_are_known() -> None:
    producers = [
        {"producerId": "p1", "wantedLayers": {"spatialLayer": 1}},
        {"producerId": "p2", "wantedLayers": {"spatialLayer": None}},
        {"producerId": "p3", "wantedLayers": None},
    ]
    consumers = [
        {"consumerId": "c1", "currentLayers": {"spatialLayer": 2, "temporalLayer": 1}},
        {"consumerId": "c2", "currentLayers": None},
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
        {"peers": [{"peerId": "x", "transports": [], "producers": 7, "consumers": []}]},
        {
            "peers": [
                {
                    "peerId": "x",
                    "transports": [],
                    "producers": [],
                    "consumers": [{"id": "c", "currentLayers": 3}],
                }
            ]
        },
    ],
)
def test_an_answer_without_the_details_makes_no_sense(detail: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        room_state("r", detail)
