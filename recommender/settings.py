"""Every setting of a workspace, typed; the text below a setting is its documentation.

`recommender.configuration` fills these from flags, environment and `recommender.toml`.
"""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ModelName = Literal[
    "popularity", "markov", "sequential_rules", "neighbors", "word2vec", "onehot", "softmax", "mdn"
]
NeighborsVariant = Literal["s_knn", "vs_knn", "vstan"]
Decay = Literal["same", "div", "linear", "quadratic", "log"]
Exclusion = Literal["none", "current", "session"]
Ties = Literal["against", "list"]
Start = Literal["auto", "random", "word2vec", "spectral"]

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
    max_withdrawn: Share = 0.5
    """Above this share of the products in stock a full feed may not lack them, for it may have been
    cut off: nothing of it is imported (exit 4). Up to ten may always go."""
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
    start: Start = "spectral"
    """Start of the network's table: random rows, word2vec vectors, or the spectrum of the
    co-occurrence graph; `auto` tries all three and keeps the best on validation."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of every random choice in training."""
    deterministic: bool = False
    """The same arrays on every run of one machine, at the cost of speed."""


class SoftmaxSettings(Section):
    """The compact network."""

    variant: Literal["plain", "ranked", "partner"] = "ranked"
    """`plain`: the network alone; `ranked`: a second stage, fitted on held-out sessions, ranks its
    first 100 items again; `partner`: that stage also hears nearest neighbors and rules."""
    dim: Positive | None = None
    """Length of an item vector; unset: 80, above 20,000 products 64."""
    hidden: Positive | None = None
    """Units of the residual layer; unset: twice `dim`."""
    table: Literal["float32", "int8"] = "float32"
    """How item vectors are kept: `int8` takes a quarter of the bytes; loaded, both are float32."""
    window: Positive = 20
    """Newest items of a session that the network sees."""
    epochs: Positive | None = None
    """Length of the learning-rate schedule; unset: 5 to 10, fewer the more steps there are."""
    patience: Positive = 5
    """Epochs without a gain on validation before training stops."""
    batch_size: Positive = 256
    """Session windows a step."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.006
    """Adam's peak rate; it falls linearly from there."""
    input_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """On the items' rows."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.35
    """On the hidden layer."""
    temperature: Annotated[float, Field(gt=0)] = 0.08
    """Divides the cosine between session and item."""
    negatives: Positive = 2048
    """Items sampled a step once the catalog is larger than `full_below`."""
    full_below: Annotated[int, Field(ge=0)] = 10_000
    """Up to this many items the loss is the full softmax."""
    half_life: Annotated[float, Field(gt=0)] | None = None
    """Sessions this share of the training period older are seen half as often; unset: all
    alike."""
    returns: bool = True
    """Whether a return to an item of the session is a next item to learn; false suits shops that
    never show what was seen."""


class MdnSettings(Section):
    """The mixture density network over the catalog; what is not here is as in [softmax]."""

    variant: Literal["plain", "ranked", "partner"] = "ranked"
    """As `softmax.variant`."""
    components: Annotated[int, Field(ge=1, le=8)] = 3
    """Intents that a session may have."""


class Word2VecSettings(Section):
    """word2vec on sessions (gensim)."""

    algorithm: Literal["cbow", "skip_gram"] = "skip_gram"
    """Architecture."""
    dim: Positive = 100
    """Length of a vector."""
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
    query_idf: Annotated[float, Field(ge=0)] | None = None
    """`vstan`: power of a shared product's idf in the similarity; unset: 0, as published. On
    Diginetica 2 was worth .3 points of Recall@20, so a partner of the network may want it."""


class OneHotSettings(Section):
    """The slides' network, for comparison: products one-hot in, products of the session out."""

    variant: Literal["slides", "fair"] = "slides"
    """`slides`: `epochs` and `batch_size` as they are; `fair`: validation chooses both."""
    own_product_in_target: bool = False
    """Whether a product belongs to the products of its own session."""
    epochs: Positive = 3
    """Passes over the rows in the variant `slides`."""
    batch_size: Positive = 2000
    """Rows a step in the variant `slides`."""
    fair_batch_sizes: Annotated[list[Positive], Field(min_length=1)] = [2000, 250]
    """`fair`: each is tried for `patience` epochs, the likeliest on validation goes on."""
    max_epochs: Positive = 20
    """`fair`: at most."""
    patience: Positive = 3
    """`fair`: epochs without a gain on validation before training stops."""
    max_bytes: Positive = 1_000_000_000
    """A network with more bytes of weights is refused before it is built."""
    max_seconds: Positive = 7200
    """So is a training that would take longer on this machine."""


class DensitiesSettings(Section):
    """Densities of the next price, of the pause before the next click, of the chance to buy."""

    enabled: bool = True
    """Whether a new version learns them, each where the log holds enough for it."""
    price_family: Literal["gaussian", "truncated_gaussian"] = "gaussian"
    """Family of the price's components, in log price."""
    price_components: Positive = 4
    """Free components, beside those at the prices of the newest products."""
    pause_components: Positive = 4
    """Log-normal components of the pause."""
    price_fit: Annotated[float, Field(ge=0, le=2)] | None = None
    """Power in ranking of the next price's density; 0 leaves it out, unset: validation chooses."""


class ColdSettings(Section):
    """Products without clicks: vectors from what the product feed says."""

    enabled: bool = True
    """Whether a new version learns them; needs a catalog, and trains the network once more."""
    hidden_share: SmallShare = 0.1
    """Share of the products, the newest, that are hidden to choose by how new ones are clicked."""


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


class ElasticsearchSettings(Section):
    """The server of a catalog in Elasticsearch; secrets stand in the environment, not here."""

    hosts: Annotated[list[str], Field(min_length=1)] = ["http://127.0.0.1:9200"]
    """Where it answers, with port; several are tried one after the other."""
    index: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")] = "products"
    """Alias of the index; the index itself has a time behind its name."""
    user: str | None = None
    """Who we are, with `password_env`."""
    password_env: str | None = None
    """Name of the environment variable that holds the password."""
    api_key_env: str | None = None
    """Name of the environment variable that holds an API key (encoded), instead of a user."""
    ca_file: str | None = None
    """Certificate of the authority that signed the server's; unset: the system's authorities."""
    timeout_s: Scale = 2.0
    """Longest wait for an answer; writes may take a minute."""

    @field_validator("hosts")
    @classmethod
    def _with_port(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            parts = urlsplit(host)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.port is None:
                raise ValueError(f"{host!r} lacks a part; an example is https://search.shop:9200")
            if parts.username is not None or parts.password is not None:
                raise ValueError("a host holds no password; use user and password_env")
        return hosts

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if (self.user is None) != (self.password_env is None):
            raise ValueError("user and password_env go together: set both, or neither")
        if self.user is not None and self.api_key_env is not None:
            raise ValueError("user and api_key_env exclude each other")
        if self.ca_file is not None and not all(h.startswith("https:") for h in self.hosts):
            raise ValueError("ca_file is for https hosts")
        return self


class CatalogSettings(Section):
    """Who keeps the products."""

    adapter: Literal["embedded", "elasticsearch"] = "embedded"
    """`embedded`: a file in the workspace; `elasticsearch`: a server."""
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    """The server."""


class ServeSettings(Section):
    """The HTTP service."""

    host: str = "127.0.0.1"
    """Loopback only until keys exist."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """TCP port."""
    workers: Positive = 1
    """Processes."""
    min_certainty: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Where the model gives its list of 20 a smaller chance of holding the next product, best
    sellers answer instead; the report's curve of surest answers helps to choose."""
    max_cold: Annotated[int, Field(ge=0, le=100)] = 2
    """Products without clicks that a list may hold at most; 0 shows none."""


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
    mdn: MdnSettings = MdnSettings()
    """The mixture density network."""
    word2vec: Word2VecSettings = Word2VecSettings()
    """Vectors of products."""
    neighbors: NeighborsSettings = NeighborsSettings()
    """Sessions like the present one."""
    onehot: OneHotSettings = OneHotSettings()
    """The slides' network."""
    densities: DensitiesSettings = DensitiesSettings()
    """What comes next in numbers."""
    cold: ColdSettings = ColdSettings()
    """Products without clicks."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """How models are judged."""
    gate: GateSettings = GateSettings()
    """When the nightly job publishes."""
    models: ModelsSettings = ModelsSettings()
    """The folder of published models."""
    catalog: CatalogSettings = CatalogSettings()
    """Who keeps the products."""
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


def row_length(n_items: int, settings: SoftmaxSettings) -> int:
    """Length of an item vector in the network: as set, else by the size of the catalog."""
    return settings.dim or (80 if n_items <= 20_000 else 64)
