"""The world outside the system, on loopback and with its real protocols: a mail receiver, an SMS gateway, a courier
partner. What they keep is their own copy; no erasure reaches it but through what the system tells them."""
