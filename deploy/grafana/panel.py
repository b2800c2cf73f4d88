"""A panel of the dashboard, and what queries are made of."""

from dataclasses import dataclass

S, B = 'instance=~"$sfu"', 'instance=~"$backend"'


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries` are pairs of an expression and a legend; at `limit` a line is drawn."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    text: str = ""
    limit: float | None = None
    kind: str = "timeseries"
    width: int = 8
    bad_below: bool = False
    """Of a figure: red below the limit, not from there on."""


def rate(metric: str, labels: str = "", by: str = "") -> str:
    """Return the rate of a counter, in sum."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}{{{labels}}}[$__rate_interval]))"


def quantile(share: float, metric: str, labels: str, by: str = "") -> str:
    """Return a quantile of a histogram."""
    grouping = f"{by}, le" if by else "le"
    return (
        f"histogram_quantile({share}, sum by ({grouping}) (rate({metric}_bucket{{{labels}}}[$__rate_interval])))"
    )


def both(metric: str, labels: str, legend: str = "") -> tuple[tuple[str, str], ...]:
    """Return the median and the 99th percentile of a histogram."""
    return tuple((quantile(share, metric, labels), f"{legend}p{share * 100:.0f}") for share in (0.5, 0.99))


def call(route: str, method: str = "POST") -> tuple[tuple[str, str], ...]:
    """Return what a call of the SFU's API takes."""
    return both("vtp_sfu_http_request_seconds", f'{S},method="{method}",route="{route}"')
