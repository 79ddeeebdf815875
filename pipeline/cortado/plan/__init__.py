"""Plans: from the sensitivity of each layer to the sparsity and bits of each.

options      the budget
choices      what each layer may become: levels of treatments, with loss and measured bytes
knapsack     the best of all combinations, for every budget at once
forecast     what layers lose together, by what each loses alone
planner      the plan that meets a budget; checked on samples where there are some
json_fields  fields of a JSON document, each checked by a rule
document     plan.json
apply        a plan carried out on a model
"""

from cortado.plan.apply import bits_of, prune_by_plan, share_by_plan
from cortado.plan.document import Expectation, LayerPlan, Plan, encode_plan, parse_plan
from cortado.plan.options import Budget
from cortado.plan.planner import make_plan, make_plans

__all__ = [
    "Budget",
    "Expectation",
    "LayerPlan",
    "Plan",
    "bits_of",
    "encode_plan",
    "make_plan",
    "make_plans",
    "parse_plan",
    "prune_by_plan",
    "share_by_plan",
]
