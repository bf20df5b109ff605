"""Requests to be called back: the client's form, the operators' queue, and their end."""
