"""Labels of payments: the point-in-time join, and how far the label feed has come."""
