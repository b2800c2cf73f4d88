"""The data channels in the SFU's HTTP API: request bodies as dataclasses, and the schemas that read them."""

from dataclasses import dataclass, field

from shared.control_api import MAX_LABEL_BYTES, AppData, ClientId, JsonObject, LoadedBy, RequestSchema
from shared.sctp_stream_parameters import (
    ReliabilitySchema,
    SctpStreamParameters,
    load_sctp_stream_parameters,
)
from shared.wire_schema import Flag, Text


@dataclass(frozen=True, slots=True)
class ProduceDataRequest:
    """`POST /rooms/{roomId}/data-producers`. Without a transport, the peer's newest one for sending serves."""

    peer_id: str
    sctp_stream_parameters: SctpStreamParameters
    transport_id: str | None = None
    label: str = ""
    protocol: str = ""
    paused: bool = False
    app_data: AppData = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumeDataRequest:
    """`POST /rooms/{roomId}/data-consumers`. What is not said of reliability is as with the data producer.

    Without a transport, the peer's newest one for receiving serves.
    """

    peer_id: str
    data_producer_id: str
    transport_id: str | None = None
    ordered: bool | None = None
    max_packet_life_time: int | None = None
    max_retransmits: int | None = None
    paused: bool = False


class ProduceDataRequestSchema(RequestSchema[ProduceDataRequest]):
    """Reads `ProduceDataRequest`."""

    target = ProduceDataRequest
    peer_id = ClientId(required=True)
    sctp_stream_parameters = LoadedBy(load_sctp_stream_parameters, required=True)
    transport_id = Text(MAX_LABEL_BYTES)
    label = Text(MAX_LABEL_BYTES, load_default="")
    protocol = Text(MAX_LABEL_BYTES, load_default="")
    paused = Flag(load_default=False)
    app_data = JsonObject(load_default=dict)


class ConsumeDataRequestSchema(ReliabilitySchema, RequestSchema[ConsumeDataRequest]):
    """Reads `ConsumeDataRequest`."""

    target = ConsumeDataRequest
    peer_id = ClientId(required=True)
    data_producer_id = Text(MAX_LABEL_BYTES, required=True)
    transport_id = Text(MAX_LABEL_BYTES)
    paused = Flag(load_default=False)


PRODUCE_DATA_REQUEST = ProduceDataRequestSchema()
CONSUME_DATA_REQUEST = ConsumeDataRequestSchema()
