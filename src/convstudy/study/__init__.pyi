from .allowance import budget_words, with_measured, write_allowances
from .budget import Budget
from .comparison import Comparison, perform_missing, prepare
from .conclusion import conclude
from .contestant import Contestant, layer_table, unallocated_network
from .environment import choose_device
from .evaluated import ClassTop1, Evaluated, evaluate
from .export import Exported, export
from .folder import ComparisonFolder, RunFolder
from .imported import import_predictions, with_imported
from .lr_grid import read_grid
from .model import Model, open_model
from .plan import Plan
from .prediction import Answer, answers, image_files
from .preprocessing import Preprocessing
from .provenance import check_runs
from .ranking import Ranking, rank
from .results import Findings, Results
from .run import Observer
from .stored import read_findings, read_layers, write_findings
from .study_file import planned, read_study, study_text, write_study
from .trained import TrainedRun, open_run
from .training_run import TrainingRun, prepare_run, stored_plan
from .unfinished import RunState, epochs_of, jobs_of, read_unfinished, run_states, seconds_left, write_start

__all__ = [
    "Answer",
    "Budget",
    "ClassTop1",
    "Comparison",
    "ComparisonFolder",
    "Contestant",
    "Evaluated",
    "Exported",
    "Findings",
    "Model",
    "Observer",
    "Plan",
    "Preprocessing",
    "Ranking",
    "Results",
    "RunFolder",
    "RunState",
    "TrainedRun",
    "TrainingRun",
    "answers",
    "budget_words",
    "check_runs",
    "choose_device",
    "conclude",
    "epochs_of",
    "evaluate",
    "export",
    "image_files",
    "import_predictions",
    "jobs_of",
    "layer_table",
    "open_model",
    "open_run",
    "perform_missing",
    "planned",
    "prepare",
    "prepare_run",
    "rank",
    "read_findings",
    "read_grid",
    "read_layers",
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
