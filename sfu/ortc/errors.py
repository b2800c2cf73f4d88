"""What negotiation refuses.

    OrtcError(ValueError)          their fault: the caller answers 400
    ├── InvalidParametersError     the parameters contradict themselves or what a stream needs
    └── UnsupportedError           they are sound, but name something the router does not route

The sentence may be shown to a client.
"""


class OrtcError(ValueError):
    """Base of the refusals."""


class InvalidParametersError(OrtcError):
    """The parameters are contradictory or incomplete."""


class UnsupportedError(OrtcError):
    """The parameters ask for a codec that is not there."""
