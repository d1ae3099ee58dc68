"""Language models as judges of answers: cached, counted, and calibrated against people.

from ragkit.evaluation import judge

large = judge.Judge(model, rubric="correct")
with judge.ReplyCache("cache/judge.sqlite") as cache:
    verdicts = await judge.judge_cases(cases, large, cache)
print(judge.calibrate(verdicts, people).text())
"""

from ragkit.evaluation.judge.cache import ReplyCache as ReplyCache
from ragkit.evaluation.judge.calibration import Calibration as Calibration
from ragkit.evaluation.judge.calibration import calibrate as calibrate
from ragkit.evaluation.judge.corrected import prediction_powered as prediction_powered
from ragkit.evaluation.judge.corrected import rogan_gladen as rogan_gladen
from ragkit.evaluation.judge.external import ExternalMetric as ExternalMetric
from ragkit.evaluation.judge.external import load_metric as load_metric
from ragkit.evaluation.judge.judge import Judge as Judge
from ragkit.evaluation.judge.judge import judge_cases as judge_cases
from ragkit.evaluation.judge.metric import JudgeMetric as JudgeMetric
from ragkit.evaluation.judge.metric import JudgeSettings as JudgeSettings
from ragkit.evaluation.judge.metric import of_settings as of_settings
from ragkit.evaluation.judge.prefer import Preferences as Preferences
from ragkit.evaluation.judge.prefer import prefer as prefer
from ragkit.evaluation.judge.verdict import Bill as Bill
from ragkit.evaluation.judge.verdict import JudgeVerdict as JudgeVerdict
