"""What Azure ML takes and gives: its YAML, the bodies of its interface, the files of its first version."""
