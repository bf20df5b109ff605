"""The officer's command line: everything a privacy officer does, without a manual."""
