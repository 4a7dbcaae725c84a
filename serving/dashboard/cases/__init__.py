"""Cases: the alerts of one card within a campaign, who works on them, and what was done."""
