"""Written applications that come by e-mail (clause 5.9.1). What they say stays at the mail server and is read there."""
