"""The course of a training as its epochs tell it: which curve was kept, and was more better."""

from collections.abc import Mapping, Sequence
from typing import Any

from recommender.evaluation.figures import fixed, metric_title

HARDLY = 0.01
"""A smaller loss on validation is no loss."""


def more_is_better(model: Mapping[str, Any]) -> str:
    """Whether more epochs would have helped, by what chose the epoch on validation days."""
    told = [record for record in kept_curve(model) if record.get("validation")]
    if not told:
        return "Nothing was held out while it trained, so nobody can say whether more is better."
    metric = chosen_by(told)
    values = [record["validation"][metric] for record in told]
    best = max(range(len(told)), key=values.__getitem__)
    epoch, last = told[best]["epoch"], told[-1]["epoch"]
    if best == len(told) - 1:
        return (
            f"It was still getting better in epoch {epoch}, the last one planned: a longer "
            "training may give a little more."
        )
    if values[best] - values[-1] < HARDLY:
        level = next(at for at, value in enumerate(values) if values[best] - value < HARDLY)
        return (
            f"Hardly: from epoch {told[level]['epoch']} on, its {metric_title(metric)} on days "
            f"that it had not seen stays within {HARDLY:g} of the best one, {fixed(values[best])} "
            f"in epoch {epoch}, whose weights were kept."
        )
    return (
        f"No: up to epoch {epoch} it learned, from then on it learned by heart. By epoch {last} "
        f"its {metric_title(metric)} on days that it had not seen fell from {fixed(values[best])} "
        f"to {fixed(values[-1])}{_while_loss_fell(told, best)}. The weights of epoch {epoch} were "
        "kept."
    )


def _while_loss_fell(told: Sequence[Mapping[str, Any]], best: int) -> str:
    at_best, at_last = told[best]["loss"], told[-1]["loss"]
    if at_last >= at_best:
        return ""
    return f", while the loss on its own data fell on from {fixed(at_best)} to {fixed(at_last)}"


def curves_of(model: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The epochs of a model, one list for each start, batch size and seed it was trained with."""
    curves: dict[str, list[Mapping[str, Any]]] = {}
    for record in model["epochs"]:
        start, seed, size = (record.get(name) for name in ("start", "seed", "batch_size"))
        words = [f"{start} start"] if start else []
        words += [f"batches of {size}"] if size else []
        words += [] if seed is None else [f"seed {seed}"]
        curves.setdefault(", ".join(words) or model["name"], []).append(record)
    return curves


def kept_label(model: Mapping[str, Any]) -> str:
    """Which curve's start was kept; of several the one that reached the best validation."""
    start, curves = model["settled"].get("start"), curves_of(model)
    kept = [name for name, records in curves.items() if start in (None, records[0].get("start"))]
    return max(kept or curves, key=lambda name: max(map(_chosen_value, curves[name])))


def kept_curve(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The epochs of that curve."""
    return curves_of(model)[kept_label(model)]


def best_epoch(records: Sequence[Mapping[str, Any]]) -> int | None:
    """Position of the epoch that validation likes best; None without validation."""
    values = [_chosen_value(record) for record in records]
    best = max(range(len(values)), key=values.__getitem__)
    return best if values[best] > float("-inf") else None


def chosen_by(records: Sequence[Mapping[str, Any]]) -> str:
    """The validation figure that chooses the epoch: the likelihood where there is one."""
    names = records[0]["validation"]
    return "log_likelihood" if "log_likelihood" in names else next(iter(names))


def _chosen_value(record: Mapping[str, Any]) -> float:
    validation = record.get("validation")
    return float(validation[chosen_by([record])]) if validation else float("-inf")


def batch_words(records: Sequence[Mapping[str, Any]]) -> str:
    """Which batch size did best on validation, and what the largest one takes."""
    metric = chosen_by(records)
    best = max(records, key=lambda record: record["validation"][metric])
    quick = min(records, key=lambda record: record["train_s"])
    reached = fixed(best["validation"][metric])
    return (
        f"{records[0]['model']} was trained from scratch at {len(records)} batch sizes, each in a "
        f"process of its own. Size {best['batch_size']} gave the best {metric_title(metric)} on "
        f"validation days ({reached}); size {quick['batch_size']} was the "
        f"quickest ({quick['train_s']:.0f} s)."
    )
