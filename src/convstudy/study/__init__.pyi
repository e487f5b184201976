from .comparisons.allowance import with_measured, write_allowances
from .comparisons.begin import write_start
from .comparisons.compare import ClaimedComparison, claim_comparison
from .comparisons.comparison import Comparison, perform_missing
from .comparisons.conclude import conclude, protocol_of
from .comparisons.folder import ComparisonFolder
from .comparisons.forecast import Forecast, forecast
from .comparisons.import_predictions import import_predictions, with_imported
from .comparisons.prepare import prepare
from .comparisons.progress import RunState, epochs_of, jobs_of, run_states, seconds_left
from .comparisons.provenance import check_runs
from .comparisons.ranking import Ranking, rank
from .comparisons.results import Findings, Results
from .comparisons.results_file import read_findings, write_findings
from .comparisons.run_findings import findings_about, read_run
from .comparisons.single_run import TrainingRun, foreign_code, prepare_run, stored_plan
from .comparisons.unfinished import read_so_far, read_unfinished
from .models.entering import unallocated_network
from .models.entrant import Entrant
from .models.network_at_inputs import NetworkAtInputs, network_at_inputs
from .models.opening import Model, open_model
from .models.own_code import prints_on_standard_error
from .models.preprocessing import Preprocessing
from .plans.budget import Budget
from .plans.lr_grid import read_grid
from .plans.plan import Plan
from .plans.yaml_file import planned, read_study, study_text, write_study
from .runs.environment import choose_device
from .runs.events import Event, OnEvent
from .runs.folder import RunFolder
from .trained.evaluate import ClassTop1, Evaluated, evaluate
from .trained.export import Exported, export
from .trained.open_run import TrainedRun, open_run
from .trained.predict import Answer, answers, image_files

__all__ = [
    "Answer",
    "Budget",
    "ClaimedComparison",
    "ClassTop1",
    "Comparison",
    "ComparisonFolder",
    "Entrant",
    "Evaluated",
    "Event",
    "Exported",
    "Findings",
    "Forecast",
    "Model",
    "NetworkAtInputs",
    "OnEvent",
    "Plan",
    "Preprocessing",
    "Ranking",
    "Results",
    "RunFolder",
    "RunState",
    "TrainedRun",
    "TrainingRun",
    "answers",
    "check_runs",
    "choose_device",
    "claim_comparison",
    "conclude",
    "epochs_of",
    "evaluate",
    "export",
    "findings_about",
    "forecast",
    "foreign_code",
    "image_files",
    "import_predictions",
    "jobs_of",
    "network_at_inputs",
    "open_model",
    "open_run",
    "perform_missing",
    "planned",
    "prepare",
    "prepare_run",
    "prints_on_standard_error",
    "protocol_of",
    "rank",
    "read_findings",
    "read_grid",
    "read_run",
    "read_so_far",
    "read_study",
    "read_unfinished",
    "run_states",
    "seconds_left",
    "stored_plan",
    "study_text",
    "unallocated_network",
    "with_imported",
    "with_measured",
    "write_allowances",
    "write_findings",
    "write_start",
    "write_study",
]
