"""The whole of params.yaml as one model."""

from pydantic import Field

from gristmill.params.compose import ComposeParams
from gristmill.params.execution import ExecutionParams
from gristmill.params.filters import FilterParams
from gristmill.params.generate import EngineParams, GenerateParams, ModelParams, QuotaParams
from gristmill.params.ingest import IngestParams
from gristmill.params.journal import BudgetParams, CostParams, JournalParams
from gristmill.params.publish import AuditParams, ExportParams, GateParams, ReleaseParams, RunParams, StoreParams
from gristmill.params.section import Section
from gristmill.params.select import JudgeParams


class Params(Section):
    """Gristmill's parameters. The sections up to `export` are the data's identity; the rest is where and how."""

    ingest: IngestParams
    """Seeds: real text, split into passages."""
    quota: QuotaParams = Field(default_factory=QuotaParams)
    """How much a cycle asks for."""
    model: ModelParams = Field(default_factory=ModelParams)
    """The model that writes and judges."""
    generate: GenerateParams = Field(default_factory=GenerateParams)
    """Samples: what the model writes from seeds."""
    execution: ExecutionParams = Field(default_factory=ExecutionParams)
    """Programs that a recipe runs."""
    filter: FilterParams = Field(default_factory=FilterParams)
    """Cheap checks on samples."""
    judge: JudgeParams = Field(default_factory=JudgeParams)
    """Scores by a model."""
    compose: ComposeParams = Field(default_factory=ComposeParams)
    """The data set: selection, parent release, splits."""
    audit: AuditParams = Field(default_factory=AuditParams)
    """Measures."""
    gate: GateParams = Field(default_factory=GateParams)
    """What must be reached."""
    export: ExportParams = Field(default_factory=ExportParams)
    """The published form."""
    engine: EngineParams = Field(default_factory=EngineParams)
    """How the engine runs."""
    journal: JournalParams = Field(default_factory=JournalParams)
    """Where recorded answers are kept besides this clone."""
    budget: BudgetParams = Field(default_factory=BudgetParams)
    """Hard limits on what may be asked."""
    cost: CostParams = Field(default_factory=CostParams)
    """Prices."""
    store: StoreParams = Field(default_factory=StoreParams)
    """Where releases go."""
    release: ReleaseParams = Field(default_factory=ReleaseParams)
    """How a version is recorded."""
    run: RunParams = Field(default_factory=RunParams)
    """How the flow walks through the graph."""
