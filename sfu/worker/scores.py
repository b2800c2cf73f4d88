"""Scores of producers and consumers, told to the control process when they change (mediasoup's `score` events)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.producer import Producer

MIN_INTERVAL_S = 2.0
"""Between two notices about one object. A bad link changes its score every second; that a stream is dead, or alive
again, is told at once."""

Notify = Callable[[str, dict[str, Any]], None]


class ScoreNotice:
    """Tells the scores of one object when they have changed, and not too often."""

    __slots__ = ("_event", "_name", "_next_at", "_notify", "_told")

    def __init__(self, event: str, name: dict[str, Any], notify: Notify) -> None:
        self._event = event
        self._name = name
        self._notify = notify
        self._told: tuple[int, ...] = ()
        self._next_at = 0.0

    def tell(self, scores: tuple[int, ...], render: Callable[[tuple[int, ...]], Any], now: float) -> None:
        """Tell what `render` makes of them, if `scores` are others than told last and it is not too soon."""
        if scores == self._told or (now < self._next_at and _alive(scores) == _alive(self._told)):
            return
        self._told = scores
        self._next_at = now + MIN_INTERVAL_S
        self._notify(self._event, {**self._name, "score": render(scores)})


def producer_notice(producer_id: str, notify: Notify) -> ScoreNotice:
    """Make the notice of a producer."""
    return ScoreNotice("producer.score", {"producerId": producer_id}, notify)


def consumer_notice(consumer_id: str, notify: Notify) -> ScoreNotice:
    """Make the notice of a consumer."""
    return ScoreNotice("consumer.score", {"consumerId": consumer_id}, notify)


def stream_scores(producer: "Producer") -> tuple[int, ...]:
    """Return the scores of a producer's streams in the order of its encodings, 0 where nothing has come yet."""
    if len(producer.streams) == len(producer.parameters.encodings) == 1:  # as for most
        return (producer.streams[0].received.score,)
    scores = [0] * len(producer.parameters.encodings)
    for stream in producer.streams:
        scores[stream.index] = stream.received.score
    return tuple(scores)


def producer_score(producer: "Producer") -> list[dict[str, Any]]:
    """Return what mediasoup's `ProducerScore` has: an entry for each stream that has been seen."""
    return [
        {
            "encodingIdx": stream.index,
            "ssrc": stream.ssrc,
            **({"rid": stream.rid} if stream.rid else {}),
            "score": stream.received.score,
        }
        for stream in producer.streams
    ]


def consumer_score(scores: tuple[int, ...]) -> dict[str, Any]:
    """Return what mediasoup's `ConsumerScore` has: our stream's, its source's and all of the producer's."""
    score, source, *all_streams = scores
    return {"score": score, "producerScore": source, "producerScores": all_streams}


def consumer_scores(consumer: "Consumer") -> tuple[int, ...]:
    """Return them as plain numbers, for comparison."""
    source = consumer.stream
    is_there = source is not None and source in consumer.producer.streams
    source_score = source.received.score if source is not None and is_there else 0
    return (consumer.sent.score, source_score, *stream_scores(consumer.producer))


def _alive(scores: tuple[int, ...]) -> tuple[bool, ...]:
    return tuple(map(bool, scores))
