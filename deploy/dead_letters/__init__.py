"""What services put aside, for an administrator: list, show, replay, discard. Facts of an envelope, never its bytes.

What was decided of a letter stands in the topic `dead-letters-decisions`, which no service reads or writes.
"""
