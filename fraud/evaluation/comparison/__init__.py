"""What a promotion is decided by: the numbers of the rule, the confidence, the champion's scores."""
