"""`compare.html`: two models on the same questions, in sentences, tables and a chart."""

from collections.abc import Mapping
from typing import Any

from recommender.evaluation import figures, wording
from recommender.evaluation.charts import Row, interval_chart
from recommender.evaluation.report import render_page


def render_comparison(comparison: Mapping[str, Any]) -> str:
    """Make the page of a comparison.

    Args:
        comparison: What `pair` gives, with `a`, `b` and `test` beside it.
    """
    return render_page(
        "comparison.html",
        comparison=comparison,
        k=comparison["k"],
        a=comparison["a"]["name"],
        b=comparison["b"]["name"],
        sentences=sentences(comparison),
        titles={name: wording.PARTS.get(name, (name, "")) for name in comparison["slices"]},
        charts=[_chart(comparison, metric) for metric in _metrics(comparison)],
    )


def sentences(comparison: Mapping[str, Any]) -> list[str]:
    """What was compared, who leads by how much, who wins how many questions."""
    a, b, test = comparison["a"], comparison["b"], comparison["test"]
    effect = next(
        (one for one in comparison["effects"] if one["exclude"] == "current"),
        comparison["effects"][0],
    )
    recall, mrr = _metrics(comparison)
    found = effect["metrics"][recall]
    return [
        f"A ({a['model']} of {a['name']}) and B ({b['model']} of {b['name']}) answered the same "
        f"{effect['queries']:,} questions of {test['sessions']:,} visits"
        f"{' from ' + figures.day(test['from']) + ' on' if test.get('from') else ''}.",
        f"{_verdict(comparison, found)} {_places(effect['metrics'][mrr])}",
        f"Of 100 questions {_per_100(effect, 'a_better')} are answered better by A, "
        f"{_per_100(effect, 'b_better')} by B, and {_per_100(effect, 'same')} alike.",
    ]


def _verdict(comparison: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    lead = found["difference"]
    shares = (
        f"A has the product opened next in its row of {comparison['k']} in "
        f"{figures.percent(found['a']['value'])} of 100 cases, B in "
        f"{figures.percent(found['b']['value'])}"
    )
    if lead["low"] <= 0 <= lead["high"]:
        return (
            f"A and B are level within chance: {shares}, and the difference lies between "
            f"{figures.percent(lead['low'])} and {figures.percent(lead['high'])}."
        )
    winner, sign = ("A", 1) if lead["value"] > 0 else ("B", -1)
    low, high = sorted((sign * lead["low"], sign * lead["high"]))
    return (
        f"{winner} wins by {figures.percent(sign * lead['value'])} (95 % interval "
        f"{figures.percent(low)} to {figures.percent(high)}): {shares}."
    )


def _places(found: Mapping[str, Any]) -> str:
    lead = found["difference"]
    a, b = (figures.decimals(found[name]["value"]) for name in ("a", "b"))
    low, high = (figures.decimals(lead[name], "+") for name in ("low", "high"))
    if lead["low"] <= 0 <= lead["high"]:
        return f"Neither puts it surely further up (MRR {a} and {b}, difference {low} to {high})."
    winner = "A" if lead["value"] > 0 else "B"
    return f"{winner} puts it further up (MRR {a} and {b}, difference {low} to {high})."


def _per_100(effect: Mapping[str, Any], name: str) -> str:
    return f"{100 * effect[name] / max(1, effect['queries']):.0f}"


def _metrics(comparison: Mapping[str, Any]) -> list[str]:
    return list(comparison["effects"][0]["metrics"])


def _chart(comparison: Mapping[str, Any], metric: str) -> Any:
    """The differences with all questions and in every part that is large enough."""
    entries = {
        **{one["exclude"]: one for one in comparison["effects"]},
        **{name: one for name, one in comparison["slices"].items() if wording.is_told(one)},
    }
    titles = {"none": "Everything", "current": "As a page lives", "session": "Not yet seen"}
    rows = []
    for name, entry in entries.items():
        lead = entry["metrics"][metric]["difference"]
        label = titles.get(name) or wording.PARTS.get(name, (name, ""))[0]
        rows.append(Row(label, [(lead["value"], lead["low"], lead["high"])]))
    title = f"{figures.metric_title(metric)}: A leads by"
    return interval_chart(
        f"lead-{metric.partition('@')[0]}",
        title,
        "Right of zero A is better, left of it B; the tables give the figures.",
        rows,
        heading=f"{figures.metric_title(metric)}, A less B",
        x_title="B is better — A is better",
        x_format=figures.short,
        zero=True,
    )
