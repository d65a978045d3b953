"""What the figures of a report say, in sentences that need no statistics."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from recommender.evaluation.figures import day, decimals, in_words, metric_title, percent
from recommender.evaluation.slices import FEW_CLICKS, LONG

Report = Mapping[str, Any]

MODELS = {
    "popularity": "the bestsellers, the same for everyone",
    "sequential_rules": "what others opened after the products of this visit",
    "markov": "what others opened right after this very product",
    "neighbors": "what was opened in similar earlier visits",
    "word2vec": "products that keep the same company",
    "onehot": "the large network with one input a product",
    "softmax": "the compact network",
    "mdn": "the compact network with several intents a visit",
    "softmax:plain": "the compact network without its second stage",
    "softmax:ranked": "the compact network with its second stage",
    "softmax:partner": "the compact network with nearest neighbors as partner",
    "mdn:plain": "the network of several intents without its second stage",
    "neighbors:s_knn": "what was opened in similar earlier visits, plainly counted",
    "neighbors:vs_knn": "what was opened in similar earlier visits, later clicks count more",
    "neighbors:vstan": "what was opened in similar earlier visits, newer ones count more",
    "onehot:slides": "the large network with one input a product, as first described",
    "onehot:fair": "the large network with one input a product, trained until it stops learning",
}
"""By name, where it differs by name and variant."""

EXCLUSIONS = {
    "none": "Everything may be recommended, as in published studies",
    "current": "As a page lives: its own product is left out",
    "session": "Only what the visitor has not seen yet",
}

PARTS = {
    "head": ("Bestsellers", "the next product is one of the few that make up half of all clicks"),
    "tail": ("All other products", "the next product is none of these"),
    "first_click": ("First click", "only one product was seen so far"),
    "long": ("Long visits", f"at least {LONG} products were seen so far"),
    "unseen": ("New in the visit", "the next product was not seen in this visit"),
    "repeat": ("Seen before", "the visitor goes back to a product of this visit"),
    "new_product": (
        "New products",
        f"the next product had fewer than {FEW_CLICKS} clicks to learn from",
    ),
}

KINDS = {
    "first_click_head": "First click, then a bestseller",
    "first_click_tail": "First click, then a rarer product",
    "first_click_change": "First click, then another category",
    "short_head": "A few clicks, then a bestseller",
    "short_tail": "A few clicks, then a rarer product",
    "short_change": "A few clicks, then another category",
    "repeat": "Back to a product of the visit",
    "long_repeat": "A long visit, back to a product of it",
    "long_head": "A long visit, then a bestseller",
    "long_tail": "A long visit, then a rarer product",
    "long_change": "A long visit, then another category",
    "new_product": "On to a product that is hardly known",
    "any": "One more visit",
}

MIN_QUESTIONS = 30
"""Of parts with fewer, pages show no figures: an interval over a few visits means nothing."""
TOO_FEW = "too few to tell"

_HONEST = 0.02
"""A mean gap between promise and outcome that nobody would notice."""

NOISE = {"impossible_rate": "visits with an impossible rate: over 60 events in a minute"}


def is_told(entry: Mapping[str, Any]) -> bool:
    """Whether a part of the questions is large enough to show its figures."""
    return bool(entry["queries"] >= MIN_QUESTIONS)


def model_title(name: str) -> str:
    """What a model is, in words; that of its variant, if one is named.

    Example:
        >>> model_title("softmax:plain"), model_title("word2vec:other")
        ('the compact network without its second stage', 'products that keep the same company')
    """
    return MODELS.get(name, MODELS.get(name.partition(":")[0], ""))


def page_exclusion(report: Report) -> str:
    """The exclusion that the sentences speak of: as a page lives, if that was judged."""
    judged = list(report["models"][0]["metrics"])
    return "current" if "current" in judged else judged[0]


def sentences(report: Report) -> list[str]:
    """Three sentences: what was compared, who wins by how much, what it means for visitors."""
    return [_compared(report), _winner(report), _of_100(report)]


def _compared(report: Report) -> str:
    test, train = report["test"], report["train"]
    names, n_visits = [model["name"] for model in report["models"]], f"{train['sessions']:,}"
    # Sessions that came without times have made-up ones: no reason to speak of days.
    by_days = report["split_by"] == "days"
    since = f" since {day(train['from'], with_time=False)}" if by_days and train["from"] else ""
    when = f"from {day(test['from'])} on" if by_days else "that came later"
    return (
        f"{in_words(names)} learned from {n_visits} visits{since} and "
        f"{'was' if len(names) == 1 else 'were'} then asked {_counted(test['queries'], 'time')}, "
        f"in {_counted(test['sessions'], 'visit')} {when}, which product the visitor would open "
        "next."
    )


def _winner(report: Report) -> str:
    exclusion, recall = page_exclusion(report), f"recall@{report['k']}"
    ranked = by_metric(report, exclusion, recall)
    best = ranked[0]
    found = best["metrics"][exclusion][recall]
    among = (
        f"has the product among its first {report['k']} in {percent(found['value'])} of 100 cases "
        f"(95 % interval {percent(found['low'])} to {percent(found['high'])})"
    )
    if len(ranked) == 1:
        return f"{best['name']} was judged alone: it {among}."
    rival, lead = _lead(report, ranked, exclusion, recall)
    by = f"{percent(lead[0])} ({percent(lead[1])} to {percent(lead[2])})"
    level = lead[1] <= 0 <= lead[2]
    if level:
        theirs = rival["metrics"][exclusion][recall]["value"]
        words = (
            f"{best['name']} and {rival['name']} are level within chance: {best['name']} {among}, "
            f"{rival['name']} in {percent(theirs)}; the difference, {by}, may be nothing."
        )
    else:
        words = f"{best['name']} wins: it {among}, {by} more than {rival['name']}."
    return words + _further_up(report, best, rival, exclusion, level=level)


def _lead(
    report: Report, ranked: Sequence[Mapping[str, Any]], exclusion: str, metric: str
) -> tuple[Mapping[str, Any], tuple[float, float, float]]:
    """Whom the best model is compared with, and by how much it leads."""
    first, best = report["models"][0], ranked[0]
    against = ranked[1] if best is first else best
    lead = difference(report, against["name"], exclusion)[metric]
    value = lead["value"], lead["low"], lead["high"]
    if best is first:
        return against, value
    return first, (-value[0], -value[2], -value[1])


def _further_up(
    report: Report,
    best: Mapping[str, Any],
    rival: Mapping[str, Any],
    exclusion: str,
    *,
    level: bool,
) -> str:
    """Say so where one of the two has surely better places, if that is not plain already."""
    mrr = f"mrr@{report['k']}"
    _, (_, low, high) = _lead(report, [best, rival], exclusion, mrr)
    if low <= 0 <= high or (low > 0 and not level):
        return ""
    pair = (best, rival) if low > 0 else (rival, best)
    leads, other = (decimals(one["metrics"][exclusion][mrr]["value"]) for one in pair)
    return f" {pair[0]['name']} puts it further up the list, though (MRR {leads} against {other})."


def _of_100(report: Report) -> str:
    exclusion, recall = page_exclusion(report), f"recall@{report['k']}"
    ranked = by_metric(report, exclusion, recall)
    shares = [round(100 * model["metrics"][exclusion][recall]["value"]) for model in ranked]
    others = [
        f"{share} with {model['name']}" for model, share in zip(ranked[1:], shares[1:], strict=True)
    ]
    compared = f", against {in_words(others)}" if others else ""
    return (
        f"Of 100 visitors who go on to another product, about {shares[0]} find it in a row of "
        f"{report['k']} from {ranked[0]['name']}{compared}."
    )


def calibration_words(name: str, entry: Mapping[str, Any], k: int) -> str:
    """Whether the promises of a model come true."""
    about = "its first product" if name == "first" else f"its row of {k}"
    promised, came = entry["promised"], entry["came_true"]
    gap, off = entry["expected_calibration_error"], abs(promised - came)
    if gap < _HONEST:
        verdict = "honest to a point or two"
    elif off < gap / 2:
        verdict = f"right on the whole, yet {percent(gap)} points off where it is more or less sure"
    else:
        verdict = f"{'too modest' if promised < came else 'too sure'} by {percent(off)} points"
    return (
        f"For {about} it promised {percent(promised)} of 100 and {percent(came)} came true: "
        f"{verdict} (expected calibration error {decimals(gap)})."
    )


def abstention_words(model: Mapping[str, Any], exclusion: str, k: int) -> str:
    """What a model gains by answering only seven of ten questions."""
    points = {one["answered"]: one for one in model["abstention"][exclusion]}
    some, every = points[0.7], points[1.0]
    found, surer = (percent(one[f"recall@{k}"]["value"]) for one in (every, some))
    return (
        f"{model['name']} finds the product in {found} of 100 questions, and in {surer} of 100 "
        "where it answers only the surer 70: those with a certainty of at least "
        f"{decimals(some['least_certainty'])}."
    )


def gate_words(gate: Mapping[str, Any]) -> tuple[str, str]:
    """What the gate decided, and why."""
    decision = "The gate let it pass." if gate["publish"] else "The gate refused it."
    reason = gate["reason"].removeprefix("refused: ")
    return decision, " ".join([f"{reason[:1].upper()}{reason[1:]}.", *behind_words(gate)])


def behind_words(gate: Mapping[str, Any]) -> list[str]:
    """A sentence where the candidate passed and another model of its table is surely better.

    Example:
        >>> rival = {"model": "markov", "metric": "mrr@20"}
        >>> rival |= {"value": -0.031, "low": -0.04, "high": -0.02}
        >>> behind_words({"publish": True, "behind": [rival]})[0].partition(", which")[0]
        'Yet it is behind markov'
    """
    if not gate["publish"] or not gate.get("behind"):
        return []
    best = gate["behind"][0]
    value, low, high = (decimals(-best[name]) for name in ("value", "high", "low"))
    title = model_title(best["model"]) or "another way"
    return [
        f"Yet it is behind {best['model']}, which recommends {title} and is ahead in "
        f"{metric_title(best['metric'])} by {value} (95 %: {low} … {high}): set model.name to "
        f'"{best["model"]}", or tune this one with `recommender tune`.'
    ]


def cold_words(entry: Mapping[str, Any]) -> str:
    """What becomes of products that the model does not know, for those who choose what is shown.

    Args:
        entry: `in_stock`, of these `unknown`, of these `placed`, and the `level` of their chances.

    Example:
        >>> cold_words({"in_stock": 620, "unknown": 0, "placed": 0, "level": None})
        'All 620 products in stock have clicks enough to be known by the model.'
    """
    in_stock, unknown, placed = (f"{entry[name]:,}" for name in ("in_stock", "unknown", "placed"))
    if not entry["unknown"]:
        return f"All {in_stock} products in stock have clicks enough to be known by the model."
    text = f"Of {in_stock} products in stock {unknown} have no clicks, or too few to be known."
    if entry["level"] is None:
        return (
            f"{text} This version places none of them: that takes a network (softmax or mdn), a "
            "feed that describes its products and some clicks on new ones in the validation days."
        )
    return (
        f"{text} {placed} of them have a place by what the feed says: title, category, brand and "
        "price. On the validation days such products were clicked "
        f"{math.exp(entry['level']):.2g} times as often as their likeness to known ones promised, "
        "and their chances are weighed by that."
    )


def left_out(report: Report) -> list[tuple[str, str, str]]:
    """What no model learned from or was asked: what, why, how much."""
    test, data = report["test"], report.get("data", {})
    lines = [
        (
            "Next products that nobody could know",
            "too rare or too new at the time of learning; asked of no model",
            _counted(test["queries_dropped_unknown_item"], "question"),
        ),
        (
            "Visits that cross the beginning of the test",
            "their earlier part was learned from, the rest judges nobody",
            _counted(test["sessions_crossing_the_split"], "visit"),
        ),
    ]
    for rule, n_events in data.get("noise", {}).items():
        lines.append(("Noise", NOISE.get(rule, rule), _counted(n_events, "event")))
    for reason, refused in data.get("refused", {}).items():
        words = f"{refused['meaning']} ({reason})"
        lines.append(("Refused at import", words, _counted(refused["rows"], "row")))
    if "refused" in data and not data["refused"]:
        lines.append(("Refused at import", "", "no rows"))
    return lines


def spread(model: Mapping[str, Any], exclusion: str) -> str:
    """How far trainings from several seeds lie apart.

    Example:
        >>> metrics = [{"none": {"recall@20": value, "mrr@20": 0.3}} for value in (0.71, 0.7)]
        >>> spread({"seeds": [{"metrics": one} for one in metrics]}, "none")
        '2 seeds: recall@20 .700 … .710, mrr@20 .300 … .300'
    """
    found = [entry["metrics"][exclusion] for entry in model["seeds"]]
    ranges = [
        f"{metric} {decimals(min(one[metric] for one in found))} … "
        f"{decimals(max(one[metric] for one in found))}"
        for metric in found[0]
    ]
    return f"{len(found)} seeds: {', '.join(ranges)}"


def seedless(report: Report) -> list[str]:
    """A sentence about the models that several seeds were asked of and that know none.

    Example:
        >>> seedless({"seeds": 3, "models": [{"name": "popularity", "seeds": []}]})
        ['No seed changes popularity: trained once, no spread.']
    """
    names = [model["name"] for model in report["models"] if not model.get("seeds")]
    if report.get("seeds", 1) == 1 or not names:
        return []
    return [f"No seed changes {in_words(names)}: trained once, no spread."]


def place(rank: int | None, k: int) -> str:
    """Where the next product stood in a list, if it had a place at all.

    Example:
        >>> place(3, 20), place(1041, 20), place(None, 20)
        ('3', '1,041, not among 20', 'no opinion')
    """
    if rank is None:
        return "no opinion"
    return f"{rank}" if rank <= k else f"{rank:,}, not among {k}"


def by_metric(report: Report, exclusion: str, metric: str) -> list[Mapping[str, Any]]:
    """The models of a report, best first; equal ones stay in their order."""
    return sorted(report["models"], key=lambda model: -model["metrics"][exclusion][metric]["value"])


def is_best(report: Report, model: Mapping[str, Any], exclusion: str, metric: str) -> bool:
    """Whether no model has a higher figure as it is written; several may share the first place."""
    best = by_metric(report, exclusion, metric)[0]
    own, highest = (decimals(one["metrics"][exclusion][metric]["value"]) for one in (model, best))
    return own == highest


def difference(report: Report, against: str, exclusion: str) -> Mapping[str, Any]:
    """By how much the first model leads another one, by metric."""
    return next(
        dict(entry["metrics"])
        for entry in report["differences"]
        if entry["against"] == against and entry["exclude"] == exclusion
    )


def _counted(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
