"""How figures and times are written in a report."""

from collections.abc import Sequence
from datetime import datetime

MINUS = "\N{MINUS SIGN}"


def in_words(names: Sequence[str]) -> str:
    """A list in a sentence.

    Example:
        >>> in_words(["a", "b", "c"])
        'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def percent(share: float) -> str:
    """A share as a number out of 100.

    Example:
        >>> percent(0.6884)
        '68.8'
    """
    return f"{100 * share:.1f}".replace("-", MINUS)


def decimals(value: float, sign: str = "") -> str:
    """A figure between -1 and 1 without the zero in front.

    Example:
        >>> decimals(0.273), decimals(0.02, "+"), decimals(1)
        ('.273', '+.020', '1.000')
    """
    text = f"{value:{sign}.3f}"
    return (text.replace("0.", ".", 1) if abs(value) < 1 else text).replace("-", MINUS)


def fixed(value: float, digits: int = 3) -> str:
    """A figure of any size.

    Example:
        >>> fixed(4.1575)
        '4.157'
    """
    return f"{value:.{digits}f}".replace("-", MINUS)


def short(value: float) -> str:
    """A round figure beside an axis.

    Example:
        >>> short(0.2), short(1), short(0)
        ('.2', '1', '0')
    """
    return f"{value:g}".replace("0.", ".", 1).replace("-", MINUS)


def price(value: float, digits: int | None = None) -> str:
    """A price; with `digits` only so many of them say something.

    Example:
        >>> price(1234.5), price(95.0), price(0.0123), price(1234.5, 2)
        ('1,234.50', '95', '0.0123', '1,200')
    """
    if digits is not None:
        return f"{float(f'{value:.{digits}g}'):,.12g}"
    return f"{value:,.2f}".removesuffix(".00") if value >= 1 else f"{value:.3g}"


def day(time: str, *, with_time: bool = True) -> str:
    """A time of RFC 3339 as a day, and what time of it where that is not midnight.

    Example:
        >>> day("2026-11-20T00:00:00Z"), day("2026-11-20T23:00:00Z")
        ('20 November 2026', '20 November 2026, 23:00 UTC')
    """
    moment = datetime.fromisoformat(time)
    words = f"{moment.day} {moment:%B %Y}"
    if with_time and (moment.hour or moment.minute):
        return f"{words}, {moment:%H:%M} UTC"
    return words


def metric_title(metric: str) -> str:
    """A metric as people write it.

    Example:
        >>> metric_title("recall@20"), metric_title("log_likelihood")
        ('Recall@20', 'log-likelihood')
    """
    if metric == "log_likelihood":
        return "log-likelihood"
    return metric.replace("recall", "Recall").replace("mrr", "MRR")
