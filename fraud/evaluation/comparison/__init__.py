"""The comparison of a candidate with the champion: rules, figures, confidence, the champion's scores."""
