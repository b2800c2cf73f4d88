"""What the channel to the control process carries, as those see it who execute requests."""

from collections.abc import Generator, Mapping
from typing import Any

Request = Mapping[str, Any]
Answer = dict[str, Any]
Steps = Generator[None, None, Answer]
"""The execution of a request that may take long: between its steps, packets are forwarded."""
