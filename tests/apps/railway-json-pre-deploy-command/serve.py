"""Never run: only the plan is looked at."""
