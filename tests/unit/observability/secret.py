"""A made-up person's name, to be found nowhere."""

NAME = "Айпатшайым Жоқбекова"
