"""What a policy would have done with scored payments, compared with the labels that are known now."""
