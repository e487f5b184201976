"""Plans: the settings of a study or a run, read, validated and written."""
