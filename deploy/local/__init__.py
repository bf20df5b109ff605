"""The whole system on one machine, from pip packages alone: for development, the demo and the tests."""
