"""What a study or a training is asked to do: read, checked, written down."""
