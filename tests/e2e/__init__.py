"""A package, so that pytest ends what its fixtures of that scope started when its last test is done."""
