"""Every setting of a workspace, typed; the text below a setting is its documentation.

`recommender.configuration` fills these from flags, environment and `recommender.toml`.
"""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ModelName = Literal["popularity", "markov", "sequential_rules", "neighbors", "word2vec", "softmax"]
NeighborsVariant = Literal["s_knn", "vs_knn", "vstan"]
Decay = Literal["same", "div", "linear", "quadratic", "log"]
Exclusion = Literal["none", "current", "session"]
Ties = Literal["against", "list"]
Start = Literal["auto", "random", "word2vec"]

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Scale = Annotated[float, Field(gt=0)]
SmallShare = Annotated[float, Field(gt=0.0, lt=0.5)]


class Section(BaseModel):
    """A table of `recommender.toml`: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class EventSource(Section):
    """One entry of `import.events`."""

    path: str
    """Glob of files, relative to the workspace."""
    map: list[str] = []
    """As `--map` of `recommender import events`."""
    tz: str | None = None
    """Time zone of times that name none."""


class ItemSource(Section):
    """One entry of `import.items`."""

    path: str
    """Glob of product feeds, relative to the workspace."""


class ImportSettings(Section):
    """What the nightly job reads, and when an import is refused."""

    events: list[EventSource] = []
    """Click logs that `nightly` imports; every match is read, the same content adds nothing."""
    items: list[ItemSource] = []
    """Product feeds that `nightly` imports."""
    max_refused: Share = 0.05
    """Above this share of refused rows nothing of a file is imported (exit 4)."""
    consent: Literal["granted", "denied"] = "granted"
    """What an imported event without `consent` counts as: the shop answers for its own log."""


class SessionSettings(Section):
    """How events become sessions."""

    events: list[str] = ["view_item", "select_item", "add_to_cart", "purchase"]
    """Names of the events that make a session."""
    gap_s: Annotated[float, Field(ge=0.001, le=1e9)] = 1800
    """A pause longer than this many seconds starts a new session; at least a millisecond."""
    collapse_repeats: bool = True
    """Consecutive events of one item count as one step (before `min_length`)."""
    min_length: Positive = 2
    """Sessions with fewer steps are not trained on."""
    max_length: Positive = 200
    """Of longer sessions the newest steps are kept."""


class NoiseSettings(Section):
    """Robots and accidents that are taken out before training."""

    enabled: bool = True
    """Leave out visits with an impossible rate: over 60 events of one visitor in 60 s."""


class VocabularySettings(Section):
    """Which products a model knows."""

    min_count: Positive = 5
    """Steps in training sessions; rarer items are taken out of them."""


class ModelSettings(Section):
    """Which model is trained and how it starts."""

    name: ModelName = "softmax"
    """The model that `train` and `nightly` make."""
    start: Start = "auto"
    """Start of the network's table; `auto` tries both and keeps the better on validation (random
    alone where `word2vec.dim` is not `softmax.dim`)."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of every random choice in training."""
    deterministic: bool = False
    """The same arrays on every run of one machine, at the cost of speed."""


class SoftmaxSettings(Section):
    """The compact network."""

    dim: Positive = 100
    """Length of an item vector."""
    hidden: Positive = 200
    """Units of the residual layer."""
    window: Positive = 20
    """Newest items of a session that the network sees."""
    epochs: Positive | None = None
    """Length of the learning-rate schedule; unset: 5 to 12, fewer the more steps there are."""
    patience: Positive = 5
    """Epochs without a gain on validation before training stops."""
    batch_size: Positive = 256
    """Session windows a step."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.006
    """Adam's peak rate; it falls linearly from there."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.35
    """On the inputs and on the hidden layer."""
    temperature: Annotated[float, Field(gt=0)] = 0.07
    """Divides the cosine between session and item."""
    negatives: Positive = 2048
    """Items sampled a step once the catalog is larger than `full_below`."""
    full_below: int = 10_000
    """Up to this many items the loss is the full softmax."""


class Word2VecSettings(Section):
    """word2vec on sessions (gensim)."""

    algorithm: Literal["cbow", "skip_gram"] = "skip_gram"
    """Architecture."""
    dim: Positive = 100
    """Length of a vector; the network takes vectors of its own length only."""
    window: Positive = 3
    """Steps to either side."""
    epochs: Positive = 50
    """Passes over the sessions."""
    negatives: Positive = 10
    """Noise items a positive one."""
    ns_exponent: float = 0.25
    """Noise items are drawn proportional to count to this power."""
    sample: Annotated[float, Field(ge=0)] = 0.0
    """Threshold above which frequent items are thinned out; 0 keeps all."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.05
    """Rate at the start; it falls linearly to near zero."""


class NeighborsSettings(Section):
    """Nearest neighbors; what is unset is chosen on validation."""

    variant: NeighborsVariant = "vstan"
    """`s_knn` compares sets of products, `vs_knn` weighs them by their age in the session, `vstan`
    also by the age of the neighbor and by places in it."""
    last_item: bool | None = None
    """Whether the last item of a session may itself come next."""
    k: Positive | None = None
    """Neighbors: the most similar sessions."""
    sample_size: Positive | None = None
    """Of the sessions that share a product so many are compared, the newest."""
    window: Positive | None = None
    """Newest items of a session that are looked at."""
    weighting: Decay | None = None
    """`vs_knn`: weight of the session's items, the older the less."""
    weighting_score: Decay | None = None
    """`vs_knn`: factor of a neighbor, the older the newest product it shares the less."""
    similarity: Literal["cosine", "vec"] | None = None
    """`vstan`: whether long neighbors count less (`cosine`) or the same (`vec`)."""
    lambda_spw: Scale | None = None
    """`vstan`: steps over which the weight of the session's items falls to 37 %."""
    lambda_snh: Scale | None = None
    """`vstan`: share of the training period over which the weight of a neighbor falls to 37 %."""
    lambda_ipw: Scale | None = None
    """`vstan`: as `weighting_score`: steps over which it falls to 37 %."""
    lambda_inh: Scale | None = None
    """`vstan`: places from the shared product over which a neighbor's items fall to 37 %."""
    lambda_idf: Annotated[float, Field(ge=0)] | None = None
    """`vs_knn`, `vstan`: how much rare products are preferred."""


class EvaluationSettings(Section):
    """How models are judged."""

    test_days: Positive = 1
    """The last days that hold events."""
    validation_days: Positive = 1
    """The days before them."""
    test_share: SmallShare | None = None
    """The last share of the sessions instead of days; `recommender import sessions` sets it."""
    validation_share: SmallShare | None = None
    """The share before it; goes with `test_share`."""
    exclude: Annotated[list[Exclusion], Field(min_length=1)] = ["none", "current", "session"]
    """What may not be recommended: nothing, the page's own product, everything already seen."""
    k: Positive = 20
    """Length of the judged list."""
    ties: Ties = "against"
    """Of products that score the same as the right one, `against` puts all before it, `list` those
    that a list would; some published studies count as the latter."""
    bootstrap_samples: Positive = 1000
    """Resamples of the sessions behind each interval."""

    @model_validator(mode="after")
    def _both_shares(self) -> Self:
        if (self.test_share is None) != (self.validation_share is None):
            raise ValueError("test_share and validation_share go together: set both, or neither")
        return self


class GateSettings(Section):
    """When the nightly job publishes."""

    min_queries: Positive = 200
    """Fewer judge nothing: days are added, or nothing is published."""


class ModelsSettings(Section):
    """The folder of published models."""

    keep: Positive = 5
    """Versions that stay; the live one always does."""


class ServeSettings(Section):
    """The HTTP service."""

    host: str = "127.0.0.1"
    """Loopback only until keys exist."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """TCP port."""
    workers: Positive = 1
    """Processes."""


class Settings(Section):
    """Everything one shop can set."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True
    )

    schema_version: Literal[1] = 1
    """Version of this file's format."""
    time_zone: str = "UTC"
    """Where days begin (IANA name)."""
    import_: ImportSettings = Field(default=ImportSettings(), alias="import")
    """Sources of the nightly job."""
    sessions: SessionSettings = SessionSettings()
    """How events become sessions."""
    noise: NoiseSettings = NoiseSettings()
    """What is taken out."""
    vocabulary: VocabularySettings = VocabularySettings()
    """Which products a model knows."""
    model: ModelSettings = ModelSettings()
    """Which model is trained."""
    softmax: SoftmaxSettings = SoftmaxSettings()
    """The compact network."""
    word2vec: Word2VecSettings = Word2VecSettings()
    """Vectors of products."""
    neighbors: NeighborsSettings = NeighborsSettings()
    """Sessions like the present one."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """How models are judged."""
    gate: GateSettings = GateSettings()
    """When the nightly job publishes."""
    models: ModelsSettings = ModelsSettings()
    """The folder of published models."""
    serve: ServeSettings = ServeSettings()
    """The HTTP service."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as err:
            raise ValueError(f"{name!r} is no IANA time zone; an example is Europe/Madrid") from err
        return name

    @model_validator(mode="after")
    def _word2vec_can_start(self) -> Self:
        if self.model.start == "word2vec" and self.word2vec.dim != self.softmax.dim:
            raise ValueError(
                f"model.start = word2vec needs vectors of the network's length: set word2vec.dim "
                f"({self.word2vec.dim}) and softmax.dim ({self.softmax.dim}) to the same"
            )
        return self
