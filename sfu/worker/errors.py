"""What can be wrong with a request from the control process.

WorkerError
+-- NotFoundError            no such router, transport, producer or consumer
+-- AlreadyConnectedError    the transport has its DTLS parameters already
+-- RefusedError             the parameters clash with what is there
"""


class WorkerError(Exception):
    """A request that cannot be done; `code` and the message go back to the control process."""

    code = "WORKER_ERROR"


class NotFoundError(WorkerError):
    """The id names nothing here."""

    code = "NOT_FOUND"


class AlreadyConnectedError(WorkerError):
    """A transport is connected once."""

    code = "ALREADY_CONNECTED"


class RefusedError(WorkerError):
    """The parameters clash with those of another producer, or make no sense here."""

    code = "INVALID_INPUT"
