"""The pages on which people meet their own data: sign-in, what is held, withdrawing, following the case."""
