"""From a probability to an outcome: policies, rules, lists, and what a change of them would do."""
